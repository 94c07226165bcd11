/** What the PyTorch target refuses: C05, C0670. A part of the catalogue of ../errors.ts. */
import type { TorchProblems } from '../../backends/pytorch/problem.ts';
import { entry } from './entry.ts';

export const CLI_TORCH = {
  torch_key: entry(
    'C0500',
    ({ key, reason }: TorchProblems['torch_key']) =>
      `the key ${JSON.stringify(key)} can be no member of a module of PyTorch: ${reason}`,
    'In PyTorch the parts of a checkpoint key are the names of modules and parameters, one inside the other, and `state_dict()` has a tensor under the first name that it got. So a key has no empty part, none that torch.nn.Module has a member of (`train`, `type`, `half`), and what a body uses lies inside its own module or is given to it. Give the member another name, or pass the tensor as an argument.',
  ),
  torch_op: entry(
    'C0501',
    ({ op, reason }: TorchProblems['torch_op']) => `the op ${op} has no form in PyTorch: ${reason}`,
    'Each op of the IR is an expression of PyTorch, or is refused with the reason. Compile to ONNX or WebGPU, which have all of them, or write the model without it.',
  ),
  torch_size: entry(
    'C0502',
    ({ size, place }: TorchProblems['torch_size']) =>
      `the size ${size} cannot be read in ${place}: no tensor that it is given has an axis of that size`,
    'Dynamic sizes are read from the shapes of the tensors that a function is given. Give it a tensor that has the size as an axis.',
  ),
  torch_training: entry(
    'C0503',
    ({ body, place, reason }: TorchProblems['torch_training']) =>
      `${body} asks is_training() at ${place}, and model.py cannot follow net.train() there: ${reason}`,
    'A body that asks `is_training()` becomes a method with a branch, `if self.training: …`, and both sides stand for the same call: they get the same arguments, and give tensors in the same places. So let what is called in training alone do without the question, and give a tensor (`full([], 0.0)`) where the other answer is a number. An entry whose calls are others in training asks itself. Or compile to ONNX or WebGPU, and train with `mdl train`.',
  ),
  torch_stage: entry(
    'C0512',
    ({ stage, reason }: TorchProblems['torch_stage']) => `the stage ${stage} has no train.py: ${reason}`,
    'With `--stage` the PyTorch target writes train.py, which calls the entry of model.py that the stage minimises: `loss`, unless it says another. Compile without `--entry`, or name that entry too, and give the model one with an output `loss`.',
  ),
  torch_caches: entry(
    'C0670',
    ({ stored }: TorchProblems['torch_caches']) =>
      `caches are stored as ${stored}, and model.py keeps them as f32: compile to onnx or webgpu, or leave the caches f32`,
    'In PyTorch a cache is a tensor of the dtype that the model computes in (`--dtype` of generate.py). `--cache-dtype` is for ONNX and WebGPU, where new rows are rounded as they are stored.',
  ),
} as const;
