/** `backward` clauses as functions of autograd: values and gradients against the float64 interpreter, eager and compiled. */
import { beforeAll, expect, it } from 'vitest';
import { relativeError } from '../support/reference.ts';
import { type Prepared, prepared } from './interpreted.ts';
import { describeTorch, type Job, type Result, runJobs } from './support.ts';

const TOLERANCE = 1e-5;

const SWING = `fn swing(x: [B, D], scale: [D]) -> [B, D] {
      let s = sin(x)
      s * scale
    } backward(dy) -> (x, scale) { (dy * cos(x) * scale, sum(dy * s, axes = [0])) }`;
const ROUNDED = `fn rounded(x: [...]) -> [...] { round(x) } backward estimator(dy) -> x { clamp(dy, -0.25, 0.25) }`;

/** Each has an entry `loss` whose first output is it, and inputs of B = 4. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'a derivative that reads what the body made': `${SWING}
    model M {
      param scale: [3] = ones()
      param w: [3, 3] = normal(1.0)
      entry loss(x: [B, 3], c: [B, 3]) -> (loss: []) { sum(tanh(swing(1.5 * x @ w, 0.5 * scale)) * c) }
    }`,
  'an estimator, called in a loop and in what has a clause itself': `${ROUNDED}
    module Steps(d) {
      param step: [d] = constant(0.5)
      forward(x: [..., d]) -> [..., d] {
        let q = rounded(x / step)
        q * step
      } backward estimator(dy) -> (x, step) {
        let inside = float(abs(x / step) < 4.0)
        (dy * inside, sum(dy * (q - x / step), axes = [0]))
      }
    }
    model M {
      param w: [3, 3] = normal(1.0)
      steps = [Steps(3) for i in range(2)]
      entry loss(x: [B, 3], c: [B, 3]) -> (loss: []) {
        let h = x @ w
        for s in steps { h = rounded(s(h) * 3.0) / 3.0 + h }
        sum(tanh(h) * c)
      }
    }`,
  'a function that is told what to do, a size in a clause, and a clause that calls': `
    fn doubled(x) { x + x }
    fn through(x: [B, D], what) -> [B, D] {
      what(x)
    } backward estimator(dy) -> x { doubled(dy) / float(B) }
    model M {
      param w: [3, 3] = normal(1.0)
      entry loss(x: [B, 3], c: [B, 3]) -> (loss: []) { sum(through(through(x @ w, round), tanh) * c) }
    }`,
  'a result that is what was given, used beside': `
    fn scaled(x: [...]) -> [...] { x } backward estimator(dy) -> x { 0.5 * dy }
    model M {
      param w: [3, 3] = normal(1.0)
      entry loss(x: [B, 3], c: [B, 3]) -> (loss: []) {
        let h = x @ w
        sum((scaled(h) * h) * c)
      }
    }`,
  'ties and bounds': `model M {
      param w: [3] = zeros()
      entry loss(x: [B, 3], c: [B, 3]) -> (loss: []) {
        let y = x * w
        sum((maximum(w, 0.0) + 2.0 * minimum(0.0, w) + 3.0 * clamp(w, 0.0, 1.0) + 4.0 * clamp(w, -1.0, 0.0) + y) * c)
      }
    }`,
  'a product of four bits': `import { int4_product } from "std/int4"
    model M {
      param weight: [5, 8] = normal(1.0)
      param before: [8, 8] = normal(1.0)
      param step_x: [] = constant(0.3)
      param step_weight: [] = constant(0.2)
      entry loss(x: [B, 8], c: [B, 5], bits: [B, 5], keep_a: [2 * B], keep_b: [2 * B]) -> (loss: []) {
        sum(int4_product(x @ before, weight, step_x, step_weight, draws = [bits, abs(keep_a), abs(keep_b)]) * c)
      }
    }`,
};

describeTorch('backward clauses', () => {
  const all: Record<string, Prepared> = {};
  let results: { readonly [name: string]: () => Result };

  beforeAll(async () => {
    for (const [name, source] of Object.entries(PROGRAMS)) all[name] = await prepared(source);
    const jobs = Object.entries(all).flatMap(([name, { job }]): [string, Job][] => [
      [name, job],
      [`${name}, compiled`, { ...job, how: 'compile' }],
    ]);
    results = runJobs(Object.fromEntries(jobs));
  }, 300_000);

  it.each(Object.keys(PROGRAMS).flatMap((name) => [name, `${name}, compiled`]))('%s', (name) => {
    const found = results[name]!();
    const { loss, gradients } = all[name.replace(', compiled', '')]!;
    expect(relativeError(found.get('0')!.data, loss.data as never)).toBeLessThan(TOLERANCE);
    for (const [key, gradient] of gradients) {
      expect(relativeError(found.get(`gradient.${key}`)!.data, gradient.data as never), key).toBeLessThan(TOLERANCE);
    }
  });
});
