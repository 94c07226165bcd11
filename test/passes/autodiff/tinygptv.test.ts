/** Gradients of TinyGPT-V's loss at the fixture's sizes, against the authors' code: both stages' sets and every parameter. */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { verifyGraph } from '../../../src/compiler/ir/verify.ts';
import { differentiate, isBackward, savedActivations, unreached } from '../../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { OPSETS, runOnnx } from '../../backends/onnx/support.ts';
import { relativeError } from '../../support/reference.ts';
import { run } from './support.ts';
import { tinyBatch, tinyModel, tinyTensors } from './tiny.ts';

const expected = tinyTensors('grads.safetensors');
const weights = tinyTensors('weights.safetensors');
const batch = tinyBatch();

/** Zero in exact arithmetic, because softmax does not see a shift of all scores; noise in float32. */
const NOISE = /Qformer\..*key\.bias$/;

interface Training {
  readonly name: 'stage1' | 'stage2' | 'all';
  readonly lora: boolean;
}
const TRAININGS: readonly Training[] = [
  { name: 'stage1', lora: false },
  { name: 'stage2', lora: true },
  { name: 'all', lora: true },
];

function trainedBy({ name, lora }: Training): { readonly graph: Graph; readonly keys: readonly string[] } {
  const model = tinyModel({ lora });
  const { graph } = model.entry('loss')!;
  const stage = model.stages.find((candidate) => candidate.name === name);
  const keys = stage ? stage.trained.map((parameter) => parameter.keys[0]) : graph.parameters.map(({ key }) => key);
  return { graph, keys };
}

/** Without LoRA the keys lose the adapter's `base_model.model.`; the reference keeps it. */
const referenceKey = (training: Training, key: string): string =>
  `${training.name}/${training.lora ? key : key.replace(/^llama_model\.(?!base_model\.)/, 'llama_model.base_model.model.')}`;

describe.each(TRAININGS)('$name', (training) => {
  const { graph, keys } = trainedBy(training);
  const backward = differentiate(graph, { output: 'loss', parameters: new Set(keys) });
  const parameters = new Map(
    graph.parameters.map(({ key }) => [key, weights.get(referenceKey(training, key).slice(training.name.length + 1))!]),
  );

  function check(results: ReadonlyMap<string, { readonly data: ArrayLike<number | bigint> }>, tolerance: number): void {
    const loss = expected.get(`${training.name}/loss`)!;
    expect(relativeError(results.get('loss')!.data, loss.data)).toBeLessThan(1e-6);
    for (const key of keys) {
      const gradient = results.get(`gradient.${key}`)!.data;
      const want = expected.get(referenceKey(training, key))!;
      if (NOISE.test(key))
        expect(Math.max(...Array.from(gradient, (x) => Math.abs(Number(x)))), key).toBeLessThan(1e-6);
      else expect(relativeError(gradient, want.data), key).toBeLessThan(tolerance);
    }
  }

  test('trains what the reference trains', () => {
    const theirs = [...expected.keys()].filter((key) => key.startsWith(`${training.name}/`) && !key.endsWith('/loss'));
    expect(keys.map((key) => referenceKey(training, key)).sort()).toEqual(theirs.sort());
    expect(unreached(graph, { output: 'loss', parameters: new Set(keys) })).toEqual([]);
    verifyGraph(backward);
  });

  test('matches on the interpreter, before and after the passes', () => {
    const tensors = new Map<string, WideTensor>([...batch, ...parameters]);
    for (const candidate of [backward, runPipeline(backward)]) check(run(candidate, tensors), 1e-6);
  });

  test.each(OPSETS)('matches in ONNX Runtime at opset %d', async (opset) => {
    const results = await runOnnx(runPipeline(backward), Object.fromEntries(batch), { opset, parameters });
    check(new Map(Object.entries(results)), 1e-5);
  });

  test('leaves no backward op in frozen modules', () => {
    const modules = new Set(backward.nodes.filter(isBackward).map(({ origin }) => origin.path.split(/[. ]/)[0]));
    const frozen = ['visual_encoder', 'Qformer', 'ln_vision', 'query_tokens'];
    expect(frozen.filter((name) => modules.has(name))).toEqual(
      training.name === 'all' ? ['visual_encoder', 'Qformer', 'ln_vision'] : [],
    );
  });
});

test('frozen modules save nothing but what they give to the trained ones', () => {
  const { graph, keys } = trainedBy(TRAININGS[1]!);
  const saved = savedActivations(runPipeline(differentiate(graph, { output: 'loss', parameters: new Set(keys) })));
  const fromFrozen = saved.values.filter(({ origin }) => /^(visual_encoder|ln_vision|Qformer)/.test(origin.path));
  // the Q-Former's result, which the first projection's weight gradient reads
  expect(fromFrozen.map(({ shape }) => shape.slice(1))).toEqual([[4, 24]]);
});
