/** erf, erfc and gelu against 100-digit values (Taylor series in decimal arithmetic), to 1e-14 relative. */
import { describe, expect, test } from 'vitest';
import { OPS } from '../../src/compiler/ops/index.ts';
import { erf, erfc, sigmoid } from '../../src/shared/special.ts';

/** x, erf(x), erfc(x) */
const VALUES: readonly (readonly [number, number, number])[] = [
  [0.001, 0.0011283787909692365, 0.9988716212090307],
  [0.1, 0.1124629160182849, 0.887537083981715],
  [0.25, 0.27632639016823696, 0.7236736098317631],
  [0.5, 0.5204998778130465, 0.4795001221869535],
  [0.75, 0.7111556336535151, 0.28884436634648486],
  [0.99, 0.8385080695553698, 0.1614919304446302],
  [1, 0.8427007929497149, 0.15729920705028513],
  [1.01, 0.8468104962282768, 0.1531895037717233],
  [1.5, 0.9661051464753108, 0.033894853524689274],
  [2, 0.9953222650189527, 0.004677734981047266],
  [2.5, 0.999593047982555, 0.0004069520174449589],
  [3, 0.9999779095030014, 2.209049699858544e-5],
  [4, 0.9999999845827421, 1.541725790028002e-8],
  [5, 0.9999999999984626, 1.537459794428035e-12],
  [6.5, 1, 3.8421483271206475e-20],
  [8, 1, 1.1224297172982926e-29],
];

const GELU: readonly (readonly [number, number])[] = [
  [-0.5, -0.15426876936299344],
  [-1, -0.15865525393145705],
  [-3, -0.0040496940948902835],
  [-6, -5.9195258702261885e-9],
  [-10, -7.619853024160526e-23],
  [3, 2.99595030590511],
  [0.3, 0.1853734266566858],
];

const expectClose = (actual: number, expected: number, relative: number) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(relative * Math.abs(expected));

const evaluateOne = (op: 'gelu', x: number) =>
  OPS[op].evaluate([{ dtype: 'f32', shape: [], data: Float64Array.of(x) }], { approximate: 'none' })[0].data[0]!;

describe('erf', () => {
  test.each(VALUES)('of %s', (x, wanted, complement) => {
    expectClose(erf(x), wanted, 1e-15);
    expectClose(erf(-x), -wanted, 1e-15);
    expectClose(erfc(x), complement, 2e-15);
    expectClose(erfc(-x), 1 + wanted, 1e-15);
  });

  test('at its ends', () => {
    expect(erf(0)).toBe(0);
    expect(Object.is(erf(-0), -0)).toBe(true);
    expect(erf(Number.POSITIVE_INFINITY)).toBe(1);
    expect(erf(Number.NEGATIVE_INFINITY)).toBe(-1);
    expect(erfc(40)).toBe(0);
    expect(erfc(Number.NEGATIVE_INFINITY)).toBe(2);
    expect(erf(Number.NaN)).toBeNaN();
  });
});

test.each(GELU)('gelu of %s keeps its digits in the tail', (x, wanted) => {
  expectClose(evaluateOne('gelu', x), wanted, 2e-14);
});

test('sigmoid keeps its digits in both tails', () => {
  expectClose(sigmoid(-700), Math.exp(-700), 1e-15);
  expect(sigmoid(800)).toBe(1);
  expect(sigmoid(-800)).toBe(0);
});
