/** Int4 layers in training: the same steps on the interpreter and on ONNX Runtime, blocks and steps of the first batch, and a run that goes on as it would have. */
import { describe, expect, it } from 'vitest';
import { initialise } from '../../src/runtime/init.ts';
import { type HostTensor, sizeOf } from '../../src/shared/tensor.ts';
import { program } from '../language/support.ts';
import { ENGINES, runStageOn } from './engines.ts';

const network = (int4: string): string =>
  `
import { Embedding, Linear } from "std"
import { Int4, Int4Embedding } from "std/int4"
flag int4 = true
model Network {
  table = Embedding(6, 8)
  up    = Linear(8, 16)
  down  = Linear(16, 8, with_bias = false)
  head  = Linear(8, 6)
  fn logits(ids) { let x = table(ids)  head(x + down(gelu(up(x)))) }
  entry predict(ids: int[B, T]) -> (logits: [B, T, 6]) { logits(ids) }
  entry loss(ids: int[B, T], labels: int[B, T]) -> (loss: []) { cross_entropy(logits(ids), labels) }
}
adapt up, down with Int4(${int4}) when int4
adapt table with Int4Embedding() when int4
stage s { train **  optimize sgd()  schedule constant(lr = 0.1) }
`.replace('let x = table(ids)  head', 'let x = table(ids)\n    head');

const i64 = (shape: readonly number[], data: readonly number[]): HostTensor => ({
  dtype: 'i64',
  shape,
  data: BigInt64Array.from(data, BigInt),
});
const IDS = [0, 1, 2, 3, 4, 5, 2, 4];
const batches = [
  {
    ids: i64([2, 4], IDS),
    labels: i64(
      [2, 4],
      IDS.map((id) => (id * 5 + 1) % 6),
    ),
  },
];

function run(engine: string, int4: string, steps: number, from?: Awaited<ReturnType<typeof runStageOn>>['state']) {
  const model = program(network(int4));
  const weights = (key: string): HostTensor => {
    const { dtype, shape, initializer } = model.parameters.get(key)!;
    const data = initialise(initializer, { seed: 5, key, shape });
    if (dtype === 'i64') return i64(shape, new Array<number>(sizeOf(shape)).fill(0));
    // a column of large numbers, for which a block pays
    return {
      dtype: 'f32',
      shape,
      data: Float32Array.from(data, (x, at) => (key === 'table.weight' ? (at % 8 === 3 ? 60 : 10) * x : x)),
    };
  };
  return runStageOn(engine, model, { stage: 's', weights, batches, steps, ...(from ? { from } : {}) });
}

const valuesOf = (tensor: HostTensor | undefined): number[] =>
  Array.from(tensor!.data as ArrayLike<number | bigint>, Number);

describe.each(['', 'meaning = "code"', 'meaning = "code_sampled"', 'method = "luq"', 'block = 4'])(
  'Int4(%s)',
  (int4) => {
    it('trains, the same on the interpreter and on ONNX Runtime', async () => {
      const reference = await run('reference', int4, 4);
      expect(reference.records.at(-1)!.loss).toBeLessThan(reference.records[0]!.loss);
      for (const engine of ENGINES.filter((name) => name.startsWith('onnx'))) {
        const { records, state } = await run(engine, int4, 1);
        expect(records[0]!.loss, engine).toBeCloseTo(reference.records[0]!.loss, 5);
        const one = await run('reference', int4, 1);
        for (const [key, tensor] of one.state.parameters)
          for (const [at, value] of valuesOf(tensor).entries())
            expect(valuesOf(state.parameters.get(key))[at], `${engine} ${key}`).toBeCloseTo(value, 4);
      }
    }, 240_000);
  },
);

it('keeps the block and the steps of the first batch, and learns from there', async () => {
  const [first, later] = [await run('reference', '', 1), await run('reference', '', 3)];
  for (const key of ['up.choice', 'up.first_x', 'up.first_weight', 'table.first'])
    expect(valuesOf(later.state.parameters.get(key)), key).toEqual(valuesOf(first.state.parameters.get(key)));
  expect(valuesOf(first.state.parameters.get('up.choice'))[0]).toBeGreaterThan(1);
  expect(valuesOf(later.state.parameters.get('up.learned_x'))[0]).not.toBe(0);
});

it('goes on after a stop with the numbers that it would have drawn', async () => {
  const whole = await run('reference', '', 4);
  const half = await run('reference', '', 2);
  const rest = await run('reference', '', 4, half.state);
  expect([...rest.state.parameters].map(([key, tensor]) => [key, valuesOf(tensor)])).toEqual(
    [...whole.state.parameters].map(([key, tensor]) => [key, valuesOf(tensor)]),
  );
});
