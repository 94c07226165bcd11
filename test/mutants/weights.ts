/** Readers of checkpoints: what a file claims is checked, and what is read is what its library reads. */
import type { Mutant } from './mutant.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: 'halves are rounded down instead of to nearest even',
    file: 'src/runtime/weights/halves.ts',
    find: '(magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13',
    replace: '(magnitude - 0x38000000) >>> 13',
    test: 'test/runtime/weights/halves.test.ts',
    fails: 'are rounded to nearest even as by NumPy',
  },
  {
    fault: 'a pickle may call anything',
    file: 'src/runtime/weights/readers/pickle.ts',
    find: '    if (!this.rules.allows(callee.name)) throw new ForbiddenCall(callee.name);\n',
    replace: '',
    test: 'test/runtime/weights/torch.test.ts',
    fails: 'evil.pth',
  },
  {
    fault: 'a view of a PyTorch checkpoint reads past its storage',
    file: 'src/runtime/weights/readers/torch-tensor.ts',
    find: '  if (!(last * bytes <= ref.bytes))',
    replace: '  if (last < 0)',
    test: 'test/runtime/weights/torch.test.ts',
    fails: 'a view past its storage',
  },
  {
    fault: 'a transposed view is read in the order of its storage',
    file: 'src/runtime/weights/readers/strided.ts',
    find: '  if (shape.every((size, axis) => size === 1 || strides[axis] === plain[axis])) {',
    replace: '  if (plain.length === strides.length) {',
    test: 'test/runtime/weights/strided.test.ts',
    fails: 'any strides, item size, start and chunk',
  },
  {
    fault: 'a member of an archive may claim any size',
    file: 'src/runtime/weights/readers/zip.ts',
    find: '  if (size > packedSize * BEST_RATIO)',
    replace: '  if (size < 0)',
    test: 'test/runtime/weights/numpy.test.ts',
    fails: 'with a bomb',
  },
  {
    fault: 'the upper bits of the scales of Q4_K are lost',
    file: 'src/runtime/weights/readers/gguf-blocks.ts',
    find: '(third & 15) | ((first >> 2) & 48)',
    replace: '(third & 15) | (first & 0)',
    test: 'test/runtime/weights/gguf.test.ts',
    fails: 'has the numbers that ggml makes of its blocks',
  },
  {
    fault: 'a key in two sources of weights is taken from the later one',
    file: 'src/runtime/weights/checkpoint.ts',
    find: "      if (other) throw runtimeError('tensor_in_two_files',",
    replace: "      if (other && tensor === '') throw runtimeError('tensor_in_two_files',",
    test: 'test/cli/weights.test.ts',
    fails: 'a key in two of them is an error that names both',
  },
  {
    fault: "a folder is written under the model's own keys, whatever transformers reads",
    file: 'src/compiler/cli/commands/export.ts',
    find: '(made ? layoutOfFolder(file!) : undefined)',
    replace: 'undefined',
    test: 'test/cli/folders-export.onnxruntime.test.ts',
    fails: 'phi3 > keeps its tensors, under their keys',
  },
];
