/** random_normal: standard normal numbers, two calls independent of each other, the same on every target, in training alone. */
import { expect, it } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { OPSETS, runOnnx } from '../backends/onnx/support.ts';
import { problems, program } from './support.ts';

const COUNT = 40_000;
const drawing = (count: number): Graph => {
  const text = `model M {
  entry loss(x: [1]) -> (a: [${count}], b: [${count}]) {
    if is_training() { (random_normal([${count}]) + x, random_normal([${count}])) } else { (expand(x, [${count}]), expand(x, [${count}])) }
  }
}`;
  return program(text).entry('loss', [], { training: { dropout: true } })!.graph;
};
const inputs = (seed: number): ReadonlyMap<string, WideTensor> =>
  new Map([
    ['x', { dtype: 'f32', shape: [1], data: Float64Array.of(0) }],
    ['dropout_seed', { dtype: 'i64', shape: [], data: Float64Array.of(seed) }],
  ]);
const drawn = (count: number, seed: number) =>
  interpret(drawing(count), { inputs: inputs(seed), parameters: () => inputs(seed).get('x')! });

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

it('has the moments of the standard normal distribution, within four standard errors', () => {
  const results = drawn(COUNT, 5);
  const [a, b] = ['a', 'b'].map((name) => [...results.get(name)!.data]) as [number[], number[]];
  const near = (found: number, expected: number, variance: number) =>
    expect(Math.abs(found - expected)).toBeLessThan(4 * Math.sqrt(variance / COUNT));
  for (const values of [a, b]) {
    near(mean(values), 0, 1);
    near(mean(values.map((x) => x ** 2)), 1, 2);
    near(mean(values.map((x) => x ** 3)), 0, 15);
    near(mean(values.map((x) => x ** 4)), 3, 96);
    near(mean(values.map((x) => Number(Math.abs(x) > 2))), 0.0455, 0.0455 * 0.9545);
  }
  near(mean(a.map((x, index) => x * b[index]!)), 0, 1);
  near(mean(a.slice(1).map((x, index) => x * a[index]!)), 0, 1);
});

it('is of the seed', () => {
  const [one, again, other] = [3, 3, 4].map((seed) => [...drawn(16, seed).get('a')!.data]);
  expect(again).toEqual(one);
  expect(other).not.toEqual(one);
});

it('is the same on ONNX Runtime, but for rounding', async () => {
  const expected = drawn(2000, 9).get('a')!.data;
  for (const opset of OPSETS) {
    const { a } = await runOnnx(drawing(2000), Object.fromEntries(inputs(9)), { opset });
    const found = a!.data as Float32Array;
    expect(Math.max(...Array.from(found, (x, index) => Math.abs(x - expected[index]!)))).toBeLessThan(2e-5);
  }
});

it('is refused where nothing is trained, as random is', () => {
  const text = 'model M { entry run(x: [2]) -> (y: [2]) { x + random_normal([2]) } }';
  expect(problems(text)[0]).toContain('E0');
  expect(problems(text.replace('random_normal', 'random'))).toEqual([
    problems(text)[0]!.replaceAll('random_normal', 'random'),
  ]);
});
