/** QLoRA at tiny size: LoRA and a norm train in f32 over int4 and int8, against PEFT over a dequantised base (test/fixtures/quantise/qlora.py). */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { compile, graphsOf } from '../../src/compiler/index.ts';
import { openGraphs } from '../../src/compiler/workbench/session.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { TEST_HOST } from '../support/host.ts';
import { memory } from '../support/project.ts';
import { runStageOn } from '../training/engines.ts';

const SOURCE = `import { LayerNorm, Linear, LoRA } from "std"
model M {
  norm = LayerNorm(32)
  up = Linear(32, 64)
  down = Linear(64, 32)
  head = Linear(32, 16, with_bias = false)
  entry loss(x: [B, 32], labels: int[B]) -> (loss: []) {
    cross_entropy(head(x + down(gelu(up(norm(x))))), labels)
  }
}
adapt up, down with LoRA(r = 4, alpha = 8)
quantise up.weight as int4(group = 32)
quantise down.weight as int4(group = 64, zeros = true)
quantise head as int8(group = 32, zeros = true)
stage tune {
  train **.lora_*, norm
  optimize adamw(weight_decay = 0.01)
  schedule constant(lr = 0.01, iters = 3)
}
`;

const EXPECTED = JSON.parse(readFileSync(new URL('../fixtures/quantise/qlora.json', import.meta.url), 'utf8')) as {
  readonly losses: readonly number[];
  readonly gradients: Readonly<Record<string, readonly number[]>>;
  readonly after: Readonly<Record<string, readonly number[]>>;
};

/** As qlora.py has them. */
const numbers = (shape: readonly number[], seed: number, scale: number, added = 0): HostTensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from(
    { length: shape.reduce((product, dim) => product * dim, 1) },
    (_, i) => (((37 * i + seed) % 101) - 50) * scale + added,
  ),
});
const PLAIN = ['norm.weight', 'norm.bias', 'up.weight', 'up.bias', 'down.weight', 'down.bias', 'head.weight'];
const LORA = ['up.lora_A', 'up.lora_B', 'down.lora_A', 'down.lora_B'];
const BATCH = {
  x: numbers([6, 32], 3, 1 / 32),
  labels: {
    dtype: 'i64' as const,
    shape: [6],
    data: BigInt64Array.from({ length: 6 }, (_, i) => BigInt((5 * i + 2) % 16)),
  },
};

function model() {
  const { model } = compile('main.mdl', memory({ 'main.mdl': SOURCE }));
  const weights = new Map(
    [...model!.parameters.values()].map(({ keys: [key], shape }) => {
      const name = key.replace('.base_layer', '').replace('.default.weight', '');
      const lora = LORA.indexOf(name);
      const seed = lora < 0 ? PLAIN.indexOf(name) : 10 + lora;
      expect(seed).toBeGreaterThanOrEqual(0);
      return [key, numbers(shape, seed, lora < 0 ? 1 / 256 : 1 / 512, name === 'norm.weight' ? 1 : 0)] as const;
    }),
  );
  return { model: model!, weights: (key: string) => weights.get(key)! };
}

/** Loss and gradients of the first batch. */
async function gradientsOn(backend: 'reference' | 'onnx' | 'webgpu') {
  const { model: made, weights } = model();
  const graphs = graphsOf(made, { entries: [], stage: made.stages[0]! })!;
  expect(graphs.quantised.size).toBe(3);
  const provider = {
    origin: 'the test',
    trained: false,
    read: async (key: string) => weights(key),
    async *chunks(key: string) {
      const { data } = weights(key);
      yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    },
    close: async () => {},
  };
  const session = await openGraphs(graphs, provider, { backend, opset: 23 }, TEST_HOST);
  try {
    const feeds: Record<string, HostTensor> = { ...BATCH };
    for (const { name } of session.manifest.entries.gradient!.inputs)
      if (name.startsWith('parameter.')) feeds[name] = weights(name.slice('parameter.'.length));
      else feeds[name] ??= { dtype: 'f32', shape: [], data: Float32Array.of(1) };
    return await session.run('gradient', feeds);
  } finally {
    await session.dispose();
  }
}

function expectClose(name: string, found: HostTensor, wanted: readonly number[], limit: number): void {
  const have = found.data as Float32Array;
  expect([name, have.length]).toEqual([name, wanted.length]);
  const error = Math.max(...wanted.map((value, i) => Math.abs(value - have[i]!)));
  expect(error, name).toBeLessThanOrEqual(limit * Math.max(...wanted.map(Math.abs)));
}

export async function expectGradientsOfPeft(backend: 'reference' | 'onnx' | 'webgpu'): Promise<void> {
  const results = await gradientsOn(backend);
  expectClose('loss', results.loss as HostTensor, [EXPECTED.losses[0]!], 1e-6);
  expect(Object.keys(EXPECTED.gradients)).toHaveLength(6);
  for (const [key, wanted] of Object.entries(EXPECTED.gradients))
    expectClose(key, results[`gradient.${key}`] as HostTensor, wanted, 1e-5);
}

export async function expectStepsOfPeft(engine: string): Promise<void> {
  const { model: made, weights } = model();
  const { records, state } = await runStageOn(engine, made, { stage: 'tune', weights, batches: [BATCH], steps: 3 });
  expectClose(
    'losses',
    { dtype: 'f32', shape: [3], data: Float32Array.from(records, ({ loss }) => loss) },
    EXPECTED.losses,
    1e-6,
  );
  for (const [key, wanted] of Object.entries(EXPECTED.after))
    expectClose(key, state.parameters.get(key)!, wanted, 1e-5);
}
