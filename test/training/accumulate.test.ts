/**
 * A step over several micro-batches is that of one batch of all their rows: loss, norm, clipping and weights against torch
 * in float64 (test/fixtures/training/make.py), for losses that are a mean over labels, over rows, over a mask, and a sum.
 */
import { describe, expect, it, test } from 'vitest';
import { StageError } from '../../src/compiler/training/stage-error.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { problems, program } from '../language/support.ts';
import { buildStage } from '../support/build.ts';
import { readJson } from '../support/reference.ts';
import { ENGINES, runStageOn } from './engines.ts';

interface Micro {
  readonly x: readonly (readonly number[])[];
  readonly labels: readonly number[];
}
interface Case {
  readonly kind: 'cross_entropy' | 'mean' | 'masked' | 'sum';
  readonly batches: readonly Micro[];
  readonly average: 'samples' | 'batches';
  readonly clip: number;
  readonly lr: number;
  readonly weight: readonly (readonly number[])[];
  readonly steps: readonly { readonly loss: number; readonly norm: number; readonly weight: readonly number[] }[];
}

const SQUARES = 'let d = linear(x, w) - 0.5\n let squares = sum(d * d, axes = [1])';
const BODIES: { readonly [K in Case['kind']]: string } = {
  cross_entropy: 'cross_entropy(linear(x, w), labels)',
  mean: 'mse_loss(linear(x, w), full([B, 3], 0.5)) + 0.0 * mean(float(labels))',
  masked: `${SQUARES}\n let mask = float(not (labels == -100))\n sum(squares * mask) / maximum(sum(mask), 1.0)`,
  sum: `${SQUARES}\n sum(squares) + 0.0 * sum(float(labels))`,
};

const source = (body: string, clauses: string): string => `
import { mse_loss } from "std"
model M {
  param w: [3, 2] = zeros()
  entry loss(x: [B, 2], labels: int[B]) -> (loss: []) { ${body} }
}
stage s { train w  ${clauses} }
`;

const feedsOf = ({ x, labels }: Micro): Record<string, HostTensor> => ({
  x: { dtype: 'f32', shape: [x.length, 2], data: Float32Array.from(x.flat()) },
  labels: { dtype: 'i64', shape: [labels.length], data: BigInt64Array.from(labels, BigInt) },
});

const cases = readJson<readonly Case[]>('training/accumulate.json');

describe.each(ENGINES)('%s', (engine) => {
  it.each(cases.map((one) => ({ ...one, sizes: one.batches.map(({ x }) => x.length).join(' + ') })))(
    '$kind over $sizes rows, average of $average',
    async ({ kind, batches, average, clip, lr, weight, steps }) => {
      // a mean over no label is none: torch gives NaN for that micro-batch alone
      const clauses = `optimize sgd(momentum = 0.9)  schedule constant(lr = ${lr})  clip ${clip}  loss_scale "dynamic"
                       accumulate ${batches.length}  average "${average}"`;
      const { records, state } = await runStageOn(engine, program(source(BODIES[kind], clauses)), {
        stage: 's',
        weights: () => ({ dtype: 'f32', shape: [3, 2], data: Float32Array.from(weight.flat()) }),
        batches: batches.map(feedsOf),
        steps: steps.length,
      });
      for (const [index, { loss, norm }] of steps.entries()) {
        expect(records[index]!.loss).toBeCloseTo(loss, 5);
        expect(records[index]!.grad_norm).toBeCloseTo(norm, 5);
      }
      const trained = Array.from(state.parameters.get('w')!.data as Float32Array);
      for (const [index, expected] of steps.at(-1)!.weight.entries()) expect(trained[index]).toBeCloseTo(expected, 5);
    },
  );
});

it('a step of which no label counts is an error', async () => {
  const none = feedsOf({ x: [[1, 2]], labels: [-100] });
  const model = program(source(BODIES.cross_entropy, 'schedule constant(lr = 1.0)  accumulate 2'));
  const run = runStageOn('reference', model, {
    stage: 's',
    weights: () => ({ dtype: 'f32', shape: [3, 2], data: new Float32Array(6) }),
    batches: [none],
    steps: 1,
  });
  await expect(run).rejects.toMatchObject({ code: 'R0802' });
});

describe('what a loss is weighed by', () => {
  const combined = (body: string, clauses = 'accumulate 2'): string => {
    const model = program(source(body, `schedule constant(lr = 1.0)  ${clauses}`));
    return buildStage(model, model.stages[0]!)!.plan.combine;
  };

  test.each([
    ['cross_entropy(linear(x, w), labels)', 'weighted'],
    [
      '0.5 * cross_entropy(linear(x, w), labels) + 2.0 * cross_entropy(linear(x, w) * 3.0, labels) + mean(w * w)',
      'weighted',
    ],
    ['cross_entropy(linear(x, w), labels * 1) + cross_entropy(linear(x, w) * 2.0, labels * 1)', 'weighted'],
    ['mean(softmax(linear(x, w), axis = 1)[:, 1:] * flip(linear(x, w), [1])[:, 1:])', 'weighted'],
    ['mean(linear(x, w)) + mean(sum(linear(x, w), axes = [1]))', 'weighted'],
    ['sum(mean(linear(x, w), axes = [0]))', 'weighted'],
    ['sum(linear(x, w)) / B + mean(linear(x, w))', 'weighted'],
    ['mean(linear(x, w) * reshape(float(labels), [B, 1])) / mean(float(labels))', 'weighted'],
    ['sum(linear(x, w))', 'sum'],
    ['mean(w * w)', 'equal'],
  ])('%s: %s', (body, combine) => {
    expect(combined(body)).toBe(combine);
    expect(combined(body, 'accumulate 2  average "batches"')).toBe('equal');
    expect(combined(body, '')).toBe('equal');
  });

  test.each([
    ['sqrt(mean(linear(x, w)))', 'takes sqrt of what the batch decides'],
    [
      'cross_entropy(linear(x, w), labels) + mean(linear(x, w))',
      'adds a mean over B elements to a mean over labels that count',
    ],
    [
      'cross_entropy(linear(x, w), labels) + cross_entropy(linear(x, w), labels + 0)',
      'adds a mean over labels that count',
    ],
    ['sum(linear(x, w)) + mean(w * w)', 'adds what does not grow with the batch to a sum over it'],
    ['sum(linear(x, w)) + mean(linear(x, w))', 'adds a sum over the batch to a mean'],
    ['sum(linear(x, w) / sum(float(labels)))', 'lets rows of the batch depend on each other'],
    ['mean(linear(x, w)) * mean(linear(x, w))', 'multiplies two values that the batch decides'],
    ['max(linear(x, w), axes = [0, 1])', 'makes one value of all rows by max'],
  ])('%s has no weight: %s', (body, reason) => {
    expect(() => combined(body)).toThrow(StageError);
    expect(() => combined(body)).toThrow(reason);
    expect(() => combined(body)).toThrow(/main\.mdl:\d+:\d+ .*write `average "batches"` in the stage/);
    expect(combined(body, 'accumulate 2  average "batches"')).toBe('equal');
  });

  // in 1 + 5 rows each of these is another step than torch's over the 6: 2.86 for 3.73, 1.19 for 2.35, −1.46 for 1.17 …
  test.each([
    ['mean((y - mean(y, axes = [0], keepdims = true)) ** 2)', 'sub'],
    ['mean((y + sum(y, axes = [0, 1])) ** 2)', 'add'],
    ['cross_entropy(matmul(y, transpose(y, 0, 1)), iota(B))', 'matmul'],
    ['mean(softmax(y, axis = 0) ** 2)', 'softmax'],
    ['mean(cumsum(y, axis = 0) ** 2)', 'cumsum'],
    ['mean((y - y[0]) ** 2)', 'sub'],
    ['mean(y[1:] - y[: B - 1])', 'slice'],
    ['mean(y * flip(y, [0]))', 'flip'],
    ['mean(pad(y, [1, 0], [0, 0]))', 'pad'],
    ['mean(concat([y, full([1, 3], 0.0)], axis = 0))', 'concat'],
    ['mean((unsqueeze(y, 0) - unsqueeze(y, 1)) ** 2)', 'sub'],
    ['sum(y / sqrt(sum(y * y, axes = [0], keepdims = true))) / float(B)', 'div'],
    ['mean(maximum(y, max(y, axes = [0], keepdims = true)))', 'maximum'],
    ['sum(transpose(softmax(transpose(y, 0, 1), axis = 1), 0, 1))', 'softmax'],
    ['mean(y[:, 0] * float(argmax(y, 0)[0]))', 'mul'],
  ])('%s has rows that depend on each other', (body) => {
    const loss = `let y = linear(x, w)\n${body} + 0.0 * mean(float(labels))`;
    expect(() => combined(loss)).toThrow(/main\.mdl:\d+:\d+ lets rows of the batch depend on each other/);
    expect(combined(loss, 'accumulate 2  average "batches"')).toBe('equal');
    expect(combined(loss, '')).toBe('equal');
  });

  it('what rows do with other axes than the batch is their own', () => {
    const model = program(`
model M {
  param w: [4, 4] = normal(0.1)
  entry loss(x: [B, T, 4], places: int[T], labels: int[B, T]) -> (loss: []) {
    let y = linear(x, w)
    let seen = softmax(matmul(y, transpose(y, 1, 2)) + unsqueeze(float(places), 0), axis = -1) * float(T)
    let centred = matmul(seen, y) - mean(y, axes = [1], keepdims = true) + cumsum(y, axis = 1)
    cross_entropy(centred[:, : T - 1], labels[:, 1:])
  }
}
stage s { train w  schedule constant(lr = 1.0)  accumulate 2 }
`);
    expect(buildStage(model, model.stages[0]!)!.plan.combine).toBe('weighted');
  });

  it('batch statistics are those of each micro-batch, as in PyTorch', () => {
    const model = program(`
import { BatchNorm1d, Linear } from "std"
model M {
  norm = BatchNorm1d(2)
  head = Linear(2, 3)
  entry loss(x: [B, 2], labels: int[B]) -> (loss: []) { cross_entropy(head(norm(x)), labels) }
}
stage s { train **  schedule constant(lr = 1.0)  accumulate 2 }
`);
    expect(buildStage(model, model.stages[0]!)!.plan.combine).toBe('weighted');
  });

  it('is a choice of two', () => {
    expect(problems(source('mean(w)', 'average "rows"'))).toEqual([expect.stringMatching(/"samples", "batches"/)]);
  });
});
