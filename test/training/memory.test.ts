/** What a step keeps and copies: saved activations with and without recomputation, the optimiser's ports, frozen branches. */
import { describe, expect, test } from 'vitest';
import { flopsOf } from '../../bench/training/flops.ts';
import type { Model } from '../../src/compiler/elaborate/model.ts';
import { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import { isBackward, savedActivations } from '../../src/compiler/passes/autodiff/index.ts';
import { TARGETS } from '../../src/compiler/targets/index.ts';
import { openGraphs } from '../../src/compiler/workbench/session.ts';
import { seededWeights } from '../../src/compiler/workbench/weights/provider.ts';
import { symbol } from '../../src/shared/dim.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { PORTS } from '../../src/shared/training.ts';
import { buildStage, graphIn } from '../support/build.ts';
import { compileOk, repository } from '../support/project.ts';
import { noise } from './support.ts';

const nano = (...set: readonly (readonly [string, string])[]): Model =>
  compileOk('models/tinygpt-v.mdl', repository, {
    config: 'nano',
    set: set.map(([name, text]) => ({ name, text })),
  });
type Built = NonNullable<ReturnType<typeof buildStage>>;
const built = (model: Model, name: string, recompute = false): Built =>
  buildStage(model, model.stages.find((stage) => stage.name === name)!, { recompute })!;
const graphOf = ({ graphs }: Built, entry: string) => graphIn(graphs, entry);
const elements = (shape: readonly (number | string)[]): number =>
  shape.reduce<number>((product, dim) => product * Number(dim), 1);

describe.each([
  ['stage1', 'false'],
  ['stage2', 'true'],
])('the update of %s', (name, lora) => {
  const stage = built(nano(['lora', lora]), name);
  const artifact = TARGETS.onnx.compile(stage.graphs);
  const { entries } = artifact.manifest(null);
  const { inputs, outputs } = entries.update!;
  const trained = stage.plan.trained.reduce((sum, { shape }) => sum + 4 * elements(shape), 0);
  const bytes = (ports: typeof inputs): number => ports.reduce((sum, { shape }) => sum + 4 * elements(shape), 0);

  test('is fed what trains, its gradient and its state, and three scalars', () => {
    expect(stage.plan.slots).toHaveLength(2); // AdamW's two moments
    expect(inputs.every(({ dtype }) => dtype === 'f32')).toBe(true);
    expect(bytes(inputs)).toBe(trained * (2 + stage.plan.slots.length) + 3 * 4);
  });

  test('gives new parameters and new state', () => {
    expect(bytes(outputs)).toBe(trained * (1 + stage.plan.slots.length));
  });

  test('sees no frozen weight', () => {
    expect(graphOf(stage, 'update').parameters).toEqual([]);
    expect(artifact.weights.map(({ file }) => file)).toEqual(['gradient.onnx_data', 'training.safetensors']);
  });

  test('and the gradient graph is fed trained tensors only, and gives as many back', () => {
    const { inputs: fed, outputs: given } = entries.gradient!;
    const keys = stage.plan.trained.map(({ key }) => key);
    const ports = (list: typeof fed, prefix: string): string[] =>
      list.map((port) => port.name).filter((port) => port.startsWith(prefix));
    expect(ports(fed, 'parameter.')).toEqual(keys.map(PORTS.parameter));
    expect(ports(given, 'gradient.')).toEqual(keys.map(PORTS.gradient));
    const mapped = new Set(graphOf(stage, 'gradient').parameters.map(({ key }) => key));
    expect(keys.filter((key) => mapped.has(key))).toEqual([]);
  });
});

test.each(['stage1', 'stage2', 'stage3', 'stage4'])('%s leaves no backward node in frozen branches', (name) => {
  const graph = graphOf(built(nano(['lora', String(name !== 'stage1')]), name), 'gradient');
  const inside = graph.nodes.filter(({ origin }) => /^(visual_encoder|ln_vision|Qformer)\b/.test(origin.path));
  expect(inside.length).toBeGreaterThan(100);
  expect(inside.filter(isBackward)).toEqual([]);
  const saved = savedActivations(graph).values.filter(({ origin }) =>
    /^(visual_encoder|ln_vision)\b/.test(origin.path),
  );
  expect(saved).toEqual([]);
});

describe('recomputation of twelve layers', () => {
  const model = nano(['phi.num_layers', '12']);
  const [kept, again] = [built(model, 'stage2'), built(model, 'stage2', true)];
  const dims = new Map([
    ['B', 16],
    ['N', 16],
    ['T', 64],
  ]);
  const saved = (stage: Built): number => savedActivations(graphOf(stage, 'gradient')).bytes(dims);

  test('needs at least three times fewer bytes of saved activations', () => {
    expect(saved(kept) / saved(again)).toBeGreaterThan(3);
    // f32 [16, 64, 128] for each layer at the very least
    expect(saved(again)).toBeGreaterThan(12 * 4 * 16 * 64 * 128);
  });

  test('multiplies once more in the layers and nowhere else', () => {
    const [before, after] = [kept, again].map((stage) => flopsOf(graphOf(stage, 'gradient'), dims));
    expect(after!.forward).toBe(before!.forward);
    const more = after!.backward - before!.backward;
    expect(more).toBeGreaterThan(0);
    expect(more).toBeLessThan(before!.forward);
  });

  test('gives the same loss and gradients in ONNX Runtime, bit for bit (two layers)', async () => {
    const small = nano(['phi.num_layers', '2']);
    const [plain, thrifty] = [built(small, 'stage2'), built(small, 'stage2', true)];
    const weights = seededWeights(small, 0);
    const length = 12;
    const i64 = (value: (at: number) => number): HostTensor => ({
      dtype: 'i64',
      shape: [2, length],
      data: BigInt64Array.from({ length: 2 * length }, (_, i) => BigInt(value(i % length))),
    });
    const feeds: Record<string, HostTensor> = {
      pixel_values: { dtype: 'f32', shape: [2, 3, 56, 56], data: noise(2 * 3 * 56 * 56, 1) },
      input_ids: i64((at) => (at >= 1 && at <= 8 ? -1 : at + 5)),
      attention_mask: i64(() => 1),
      position_ids: i64((at) => at),
      labels: i64((at) => (at > 8 ? at + 5 : -100)),
      [PORTS.lossScale]: { dtype: 'f32', shape: [], data: Float32Array.of(1) },
      [PORTS.dropoutSeed]: { dtype: 'i64', shape: [], data: BigInt64Array.of(9n) },
    };
    // lora_B starts at zero, which would hide the gradients of lora_A
    for (const { key, shape } of plain.plan.trained) {
      const tensor = await weights.read(key);
      const data = key.includes('lora_B') ? noise(elements(shape), 2).map((x) => x / 10) : tensor.data;
      feeds[PORTS.parameter(key)] = { ...tensor, data };
    }
    const run = async ({ graphs }: Built): Promise<Record<string, HostTensor>> => {
      const session = await openGraphs(graphs, weights, { backend: 'onnx', opset: 17 });
      try {
        return await session.run('gradient', feeds);
      } finally {
        await session.dispose();
      }
    };
    const [expected, found] = [await run(plain), await run(thrifty)];
    expect(found.loss).toEqual(expected.loss);
    for (const { key } of plain.plan.trained) {
      expect(found[PORTS.gradient(key)], key).toEqual(expected[PORTS.gradient(key)]);
    }
    await weights.close();
  });
});

test('operations are counted by shapes', () => {
  const b = new GraphBuilder('products');
  const x = b.input('x', 'f32', [symbol('B'), 5, 8]);
  const linear = b.node('linear', [x, b.parameter('w', 'f32', [3, 8])], {});
  b.node('matmul', [x, linear], { transpose_a: true, transpose_b: false }); // [B, 8, 5] · [B, 5, 3]
  const q = b.input('q', 'f32', [2, 4, 6, 8]);
  const k = b.input('k', 'f32', [2, 4, 7, 8]);
  b.node('attention', [q, k, b.input('v', 'f32', [2, 4, 7, 9])], { causal: true, scale: null });
  const image = b.input('image', 'f32', [2, 4, 6, 6]);
  const kernel = b.parameter('kernel', 'f32', [10, 2, 3, 3]);
  const settings = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 2 } as const;
  const y = b.node('conv2d', [image, kernel], settings);
  b.node('conv2d_grad_input', [y, kernel], { ...settings, size: [6, 6] });
  b.node('conv2d_grad_weight', [image, y], { ...settings, kernel: [3, 3] });
  const products = 3 * 5 * 3 * 8 + 3 * 8 * 3 * 5 + 2 * 4 * 6 * 7 * (8 + 9) + 3 * (2 * 10 * 4 * 4 * 2 * 9);
  expect(flopsOf(b.build(), new Map([['B', 3]]))).toEqual({ forward: 2 * products, backward: 0 });
});
