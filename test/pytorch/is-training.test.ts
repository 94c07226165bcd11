/** Bodies that ask is_training(): net.train() and net.eval() against the interpreter's graphs of training and of inference. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { mdl } from '../cli/support.ts';
import { relativeError } from '../support/reference.ts';
import { type Prepared, prepared } from './interpreted.ts';
import { SMALL } from './small.ts';
import { describeTorch, type Job, type Result, runJobs, scratch, written } from './support.ts';
import { compiled, difference, drive, stepsOf, trainedOf } from './training.ts';

const TOLERANCE = 1e-5;

/** Each has an entry `loss` whose first output it is, and inputs of B = 4. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'a level that follows the batches, read before it is updated and after': `
    module Levelled(d) {
      param scale: [d] = constant(1.5)
      buffer level: [d] = constant(0.25)
      forward(x: [B, d]) -> [B, d] {
        let old = level
        let shifted = x * old
        if is_training() {
          update level = 0.9 * level + 0.1 * mean(x, axes = [0])
        }
        (shifted - level) * scale + x * old
      }
    }
    model M {
      param w: [3, 3] = normal(1.0)
      first = Levelled(3)
      layers = [Levelled(3) for i in range(2)]
      entry loss(x: [B, 3], c: [B, 3]) -> (loss: []) {
        let h = first(x @ w)
        for layer in layers { h = layer(first(h)) }
        sum(tanh(h) * c)
      }
    }`,
  'a buffer as what a call gives, an argument, an item and an operand, before and behind updates': `
    module Follows() {
      buffer level: [3] = constant(0.5)
      forward(x: [B, 3]) -> [3] {
        if is_training() { update level = level + mean(x, axes = [0]) }
        level
      }
    }
    model M {
      buffer level: [3] = constant(0.25)
      follows = Follows()
      param w: [7, 3] = normal(1.0)
      fn bump(x) {
        if is_training() { update level = level + mean(x, axes = [0]) }
        level
      }
      fn before(x) {
        let was = level
        if is_training() { update level = level * 2.0 }
        was
      }
      fn kept(prev, x) {
        if is_training() { update level = level - mean(x * x, axes = [0]) }
        prev
      }
      entry loss(x: [B, 3], c: [B, 3]) -> (loss: []) {
        let first = follows(x)
        let second = before(x)
        let third = kept(level, x)
        let pair = (level, bump(x))
        let rows = [first, second, third, pair[0], pair[1], level + bump(c), level]
        sum(w * stack(rows, axis = 0)) + mean(c)
      }
    }`,
  'a function of the file, the model itself, and other arguments in training': `
    fn scaled(x) { x * 2.0 when is_training() else x }
    module Twice(d) {
      param w: [d, d] = normal(1.0)
      forward(x: [B, d], power = 1) -> [B, d] {
        let h = x @ w
        for i in range(power) { h = sin(h) }
        h
      }
    }
    model M {
      twice = Twice(3)
      entry loss(x: [B, 3], c: [B, 3]) -> (loss: []) {
        let h = twice(x, power = 3 when is_training() else 1)
        if is_training() { h = h + twice(h) }
        sum(scaled(scaled(h)) * c)
      }
    }`,
  'batch normalisation under an adapter, which is no layer of torch': `
    import { BatchNorm1d } from "std"
    adapter Gate(level) on BatchNorm1d {
      param gate: [num_features] = constant(level)
      forward(x: [N, num_features]) -> [N, num_features] { base(x) * gate }
    }
    model M {
      norm = BatchNorm1d(3)
      param w: [3, 3] = normal(1.0)
      entry loss(x: [B, 3], c: [B, 3]) -> (loss: []) { sum(tanh(norm(x @ w)) * c) }
    }
    adapt norm with Gate(level = 0.7)`,
};

const MODES = [false, true];
const nameOf = (name: string, train: boolean): string => `${name}, ${train ? 'train' : 'eval'}`;

describeTorch('is_training()', () => {
  const all: Record<string, Prepared> = {};
  let results: { readonly [name: string]: () => Result };

  beforeAll(async () => {
    for (const [name, source] of Object.entries(PROGRAMS))
      for (const train of MODES) all[nameOf(name, train)] = await prepared(source, train);
    const drawn = join(scratch, 'drawn.mdl');
    writeFileSync(drawn, DRAWN);
    const inputs = { x: { dtype: 'f32', shape: [2, 4096], data: new Float32Array(8192).fill(1) } } as const;
    const draws = { folder: await written(drawn, { init: 0 }), entry: 'run', inputs, train: true };
    const jobs = Object.entries(all).flatMap(([name, { job }]): [string, Job][] => [
      [name, job],
      [`${name}, compiled`, { ...job, how: 'compile' }],
    ]);
    results = runJobs({ ...Object.fromEntries(jobs), draws, 'draws, eval': { ...draws, train: false } });
  }, 300_000);

  it.each(Object.keys(PROGRAMS).flatMap((name) => MODES.map((train) => nameOf(name, train))))('%s', (name) => {
    const { loss, gradients, buffers } = all[name]!;
    for (const found of [results[name]!(), results[`${name}, compiled`]!()]) {
      expect(relativeError(found.get('0')!.data, loss.data as never)).toBeLessThan(TOLERANCE);
      for (const [key, gradient] of gradients)
        expect(relativeError(found.get(`gradient.${key}`)!.data, gradient.data as never), key).toBeLessThan(TOLERANCE);
      for (const [key, buffer] of buffers)
        expect(relativeError(found.get(`buffer.${key}`)!.data, buffer.data as never), key).toBeLessThan(TOLERANCE);
    }
  });

  it('training is another thing in each', () => {
    for (const name of Object.keys(PROGRAMS)) {
      const [inference, training] = MODES.map((train) => all[nameOf(name, train)]!.loss.data[0]!);
      expect(Math.abs(Number(inference) - Number(training))).toBeGreaterThan(1e-3);
    }
  });

  it('random numbers are drawn in training, uniform in [0, 1), and others each time', () => {
    const [noise, quiet] = [results.draws!().get('0')!, results['draws, eval']!().get('0')!];
    expect(quiet.data.every((value) => value === 1)).toBe(true);
    const drawn = Array.from(noise.data as Float32Array, (value) => value - 1);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn)).toBeLessThan(1);
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    // the deviation of the mean of 8192 uniform numbers is 0.0032
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.03);
    expect(new Set(drawn).size).toBeGreaterThan(8000);
  });
});

const DRAWN = `model M {
  entry run(x: [B, T]) -> (y: [B, T]) { x + random([B, T]) when is_training() else x }
}
`;

/** The small model whose blocks follow their batches, and drop where the stage lets them. */
const FOLLOWS = SMALL.replace('norm = LayerNorm(d)', 'norm = LayerNorm(d)\n  buffer level: [d] = zeros()').replace(
  'forward(x: [B, T, d]) -> [B, T, d] {',
  `forward(x: [B, T, d]) -> [B, T, d] {
    if is_training() { update level = 0.9 * level + 0.1 * mean(x, axes = [0, 1]) }
    let x = x - level
    `,
);

describeTorch('train.py of a model whose blocks update buffers', () => {
  let folder: string;
  let refused: string;

  beforeAll(async () => {
    folder = await compiled('exact', FOLLOWS);
    const own = ['small.mdl', '--init', '5', '--stage', 'exact', '--data', './data.mjs'];
    const { code, stderr } = await mdl(folder, 'train', ...own, '--out', 'mdl');
    expect(code, stderr).toBe(0);
    const run = ['--data', 'shards', '--out'];
    const [whole, part, resumed, twice] = drive([
      { folder, argv: [...run, 'torch'] },
      { folder, argv: [...run, 'parts', '--steps', '3'] },
      { folder, argv: [...run, 'parts', '--resume'] },
      { folder, argv: [...run, 'again', '--recompute'] },
    ]);
    for (const one of [whole!, part!, resumed!]) expect(one.code, one.output).toBe(0);
    refused = twice!.output;
  }, 300_000);

  it.each(['torch', 'parts'])('%s: losses, weights and buffers of mdl train', (name) => {
    const at = (run: string): string => join(folder, run);
    const [want, found] = [stepsOf(at('mdl')), stepsOf(at(name))];
    expect(found).toHaveLength(6);
    for (const [index, record] of want.entries())
      expect(Math.abs(found[index]!.loss / record.loss - 1)).toBeLessThan(TOLERANCE);
    expect([...trainedOf(at(name)).keys()]).toContain('layers.0.level');
    expect(difference(trainedOf(at('mdl')), trainedOf(at(name)))).toBeLessThan(TOLERANCE);
  });

  it('--recompute would update them twice: R1222', () => {
    expect(refused).toContain('R1222');
    expect(refused).toContain('would be updated twice');
  });
});
