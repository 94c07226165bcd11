import { expect, it } from 'vitest';
import { equalData } from '../../src/shared/equal-data.ts';

it.each<[unknown, unknown]>([
  [
    { a: 1, b: [2, 'x'] },
    { b: [2, 'x'], a: 1 },
  ],
  [new Map([['a', { b: Number.NaN }]]), new Map([['a', { b: Number.NaN }]])],
  [Float64Array.of(1, Number.NaN), Float64Array.of(1, Number.NaN)],
  [undefined, undefined],
])('%j is the same as %j', (a, b) => expect(equalData(a, b)).toBe(true));

it.each<[unknown, unknown]>([
  [1, '1'],
  [0, -0],
  [null, {}],
  [{}, []],
  [{ a: undefined }, {}],
  [{ a: 1 }, { b: 1 }],
  [{ a: 1 }, { a: 1, b: 1 }],
  [
    [1, 2],
    [2, 1],
  ],
  [[1], [1, 2]],
  [new Map([['a', 1]]), new Map([['b', 1]])],
  [new Map([['a', undefined]]), new Map([['b', undefined]])],
  [Float64Array.of(1), Float32Array.of(1)],
  [Float64Array.of(0), Float64Array.of(-0)],
])('%j is not %j', (a, b) => {
  expect(equalData(a, b)).toBe(false);
  expect(equalData(b, a)).toBe(false);
});

it('what is no plain data is not compared', () => {
  expect(() => equalData({ at: new Date(0) }, { at: new Date(1) })).toThrow('Date is no plain data');
});
