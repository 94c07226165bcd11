/** Functions of numbers, written as their formulas: what built-in functions are compared with. */
import type { WideTensor } from '../../src/shared/tensor.ts';

/** Abramowitz and Stegun 7.1.6, to 1e-15 for |x| ≤ 3 */
export function erf(value: number): number {
  let [term, sum] = [value, value];
  for (let k = 1; k < 100; k++) {
    term *= (2 * value * value) / (2 * k + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-value * value) * sum;
}

export const phi = (value: number) => (1 + erf(value / Math.SQRT2)) / 2;
export const logistic = (value: number) => 1 / (1 + Math.exp(-value));

/** softmax of each row of [2, 3] */
export function rows(of_: WideTensor, map: (row: number[]) => number[]): number[] {
  return [0, 3].flatMap((at) => map([...of_.data.slice(at, at + 3)]));
}

export const softmaxRow = (row: number[]) =>
  row.map((value) => Math.exp(value) / row.reduce((s, v) => s + Math.exp(v), 0));

export function normalised(row: number[], eps: number): number[] {
  const mean = row.reduce((a, b) => a + b) / row.length;
  const variance = row.reduce((s, value) => s + (value - mean) ** 2, 0) / row.length;
  return row.map((value) => (value - mean) / Math.sqrt(variance + eps));
}
