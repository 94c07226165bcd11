/** The gradient graph of TinyGPT-V against the released code's gradients, and its shape as a graph. */
import { describe, expect, test } from 'vitest';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { verifyGraph } from '../../src/compiler/ir/verify.ts';
import { gradientGraph } from '../../src/compiler/training/step.ts';
import { type WideTensor, widen } from '../../src/shared/tensor.ts';
import { STATISTICS } from '../../src/shared/training.ts';
import { compileOk, memory } from '../support/project.ts';
import { readTensors, relativeError } from '../support/reference.ts';
import { MICRO, micro, microBatch, noise, tinyBatch, tinyFile, tinyModel, tinyWeights } from './support.ts';

const expected = readTensors(tinyFile('grads'));
const SCALE = 1024;

describe.each(['stage1', 'stage2', 'all'])('%s', (stage) => {
  const model = tinyModel(stage !== 'stage1');
  const trained =
    stage === 'all'
      ? [...model.parameters.values()].filter(({ buffer }) => !buffer)
      : model.stages.find(({ name }) => name === stage)!.trained;
  const { graph, keys, countsTokens } = gradientGraph(model, new Set(trained.map((parameter) => parameter.keys[0])), {
    dropout: true,
  })!;
  const weights = tinyWeights(model);
  const inputs = new Map<string, WideTensor>(
    Object.entries(tinyBatch()).map(([name, tensor]) => [name, widen(tensor)]),
  );
  inputs.set('loss_scale', { dtype: 'f32', shape: [], data: Float64Array.of(SCALE) });
  for (const key of keys) inputs.set(`parameter.${key}`, widen(weights(key)));
  const results = interpret(graph, { inputs, parameters: (key) => widen(weights(key)) });

  test('has the gradients of the released code, times the loss scale', () => {
    verifyGraph(graph);
    expect(keys).toHaveLength([...expected.keys()].filter((key) => key.startsWith(`${stage}/`)).length - 1);
    for (const key of keys) {
      if (key.endsWith('self.key.bias')) continue; // zero in exact arithmetic
      const gradient = results.get(`gradient.${key}`)!.data.map((x) => x / SCALE);
      expect(relativeError(gradient, expected.get(`${stage}/${key}`)!.data), key).toBeLessThan(1e-5);
    }
    expect(results.get('loss')!.data[0]).toBeCloseTo(Number(expected.get(`${stage}/loss`)!.data[0]), 5);
  });

  test('counts the labels and describes each gradient', () => {
    const labels = tinyBatch().labels!;
    const length = labels.shape[1]!;
    const counted = Array.from(labels.data as BigInt64Array).filter(
      (label, at) => label !== -100n && at % length !== 0,
    ).length;
    expect(countsTokens).toBe(true);
    expect(results.get('tokens')!.data[0]).toBe(counted);
    const statistics = results.get('statistics')!;
    expect(statistics.shape).toEqual([keys.length, STATISTICS.length]);
    keys.forEach((key, row) => {
      const gradient = Array.from(results.get(`gradient.${key}`)!.data, (x) => x / SCALE);
      const [squares, max, zeros, bad] = statistics.data.subarray(row * 4, row * 4 + 4);
      const sum = gradient.reduce((total, g) => total + g * g, 0);
      expect(squares! / (sum || 1)).toBeCloseTo(sum === 0 ? 0 : 1, 9);
      expect(max).toBeCloseTo(Math.max(...gradient.map(Math.abs)), 12);
      expect([zeros, bad]).toEqual([gradient.filter((g) => g === 0).length, 0]);
    });
  });

  test('feeds what trains and leaves the rest in the weights files', () => {
    const fed = graph.inputs.map(({ name }) => name).filter((name) => name.startsWith('parameter.'));
    expect(fed).toEqual(keys.map((key) => `parameter.${key}`));
    expect(graph.parameters.some(({ key }) => keys.includes(key))).toBe(false);
    expect(graph.outputs.map(({ name }) => name)).not.toContain('logits');
  });
});

test('recomputing layers gives the same gradients bit for bit', () => {
  const model = micro([{ name: 'lora', text: 'false' }]);
  const wanted = new Set([...model.parameters.keys()]);
  const values = new Map(
    [...model.parameters].map(([key, { shape }], i) => [
      key,
      widen({
        dtype: 'f32',
        shape,
        data: noise(
          shape.reduce((a, b) => a * b, 1),
          i,
        ),
      }),
    ]),
  );
  const run = (recompute: boolean) => {
    const { graph, keys } = gradientGraph(model, wanted, { dropout: false, recompute })!;
    verifyGraph(graph);
    const inputs = new Map<string, WideTensor>(
      Object.entries(microBatch()).map(([name, tensor]) => [name, widen(tensor)]),
    );
    inputs.set('loss_scale', { dtype: 'f32', shape: [], data: Float64Array.of(1) });
    for (const key of keys) inputs.set(`parameter.${key}`, values.get(key)!);
    return { graph, results: interpret(graph, { inputs, parameters: (key) => values.get(key)! }) };
  };
  const [plain, again] = [run(false), run(true)];
  expect(again.graph.nodes.length).toBeGreaterThan(plain.graph.nodes.length);
  for (const [name, { data }] of plain.results) expect(again.results.get(name)!.data, name).toEqual(data);
});

test.each<[string, [from: string, to: string][], string]>([
  [
    'no entry that is the loss',
    [['entry loss(', 'entry other(']],
    'the model Micro has no entry `loss`, and training needs one with a loss',
  ],
  [
    'no scalar',
    [
      ['-> (loss: [])', '-> (score: [B, classes])'],
      ['cross_entropy(head(h), labels)', 'head(h)'],
    ],
    'the entry `loss` gives score, and training needs a scalar output `loss`',
  ],
  [
    'two scalars of which none is called loss',
    [
      ['-> (loss: [])', '-> (score: [], other: [])'],
      ['cross_entropy(head(h), labels)', '(mean(h), mean(head(h)))'],
    ],
    'gives the scalars score, other, and none is called `loss`: say which it is with `minimize loss.score`',
  ],
])('refuses a model with %s', (_, edits, message) => {
  const text = edits.reduce((sofar, [from, to]) => sofar.replace(from, to), MICRO);
  const model = compileOk('micro.mdl', memory({ 'micro.mdl': text }));
  expect(() => gradientGraph(model, new Set(['head.weight']), { dropout: false })).toThrow(message);
});

test('refuses a stage whose parameters the loss does not use', () => {
  expect(() => gradientGraph(micro(), new Set(['elsewhere.weight']), { dropout: false })).toThrow(
    'nothing that should train is used by the entry `loss`: elsewhere.weight',
  );
});
