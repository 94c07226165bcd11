/** Numbers of a tensor as a terminal shows them: compared with numbers worked out by hand. */
import { expect, it } from 'vitest';
import { numberLines, numbersOf, summaryOf } from '../../src/compiler/workbench/tensor-text.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';

const f32 = (shape: readonly number[], data: readonly number[]): HostTensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from(data),
});

it('shows a scalar, a vector, and rows of the last axis with their index', () => {
  expect(numberLines(f32([], [0.1]))).toEqual(['0.1']);
  expect(numberLines(f32([3], [1, -2.5, 1e-9]))).toEqual(['   1 -2.5 1e-9']);
  expect(numberLines(f32([2, 1, 2], [1, 2, 3, 4]))).toEqual(['[0, 0]  1 2', '[1, 0]  3 4']);
});

it('shows what is not finite, booleans and integers past 2^53', () => {
  expect(numberLines(f32([3], [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]))).toEqual([
    '      NaN  Infinity -Infinity',
  ]);
  expect(numbersOf({ dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) })).toEqual({ values: [true, false] });
  const integers = BigInt64Array.of(-3n, 2n ** 60n + 1n);
  expect(numbersOf({ dtype: 'i64', shape: [2], data: integers })).toEqual({ values: [-3, '1152921504606846977'] });
  expect(JSON.parse(JSON.stringify(numbersOf(f32([1], [Number.NaN]))))).toEqual({ values: ['NaN'] });
});

it('shows a tensor without elements, whatever its shape', () => {
  for (const shape of [[0], [2, 0], [0, 3]]) expect(numberLines(f32(shape, []))).toEqual(['(empty)']);
});

it('sums a larger one up, over its finite elements', () => {
  const data = Array.from({ length: 65 }, (_, i) => (i === 3 ? Number.NaN : i === 4 ? Number.POSITIVE_INFINITY : i));
  const { values, summary } = numbersOf(f32([65], data));
  expect(values).toEqual([0, 1, 2, 'NaN', 'Infinity', 5, 6, 7]);
  // Σ = 2080 − 7 over 63 elements; Σ i² = 89440 − 25
  const mean = 2073 / 63;
  expect(summary).toMatchObject({ min: 0, max: 64, mean, nan: 1, infinite: 1 });
  expect(summary!.std).toBeCloseTo(Math.sqrt(89415 / 63 - mean ** 2), 10);
  expect(numberLines(f32([65], data))).toEqual([
    'min 0, max 64, mean 32.9048, std 18.3456, 1 NaN, 1 infinite',
    'first 0 1 2 NaN Infinity 5 6 7 …',
  ]);
  const none = summaryOf(f32([2], [Number.NaN, Number.NEGATIVE_INFINITY]));
  expect(none).toEqual({ min: null, max: null, mean: null, std: null, nan: 1, infinite: 1 });
});
