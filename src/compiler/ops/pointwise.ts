/** Pointwise ops of one operand: the functions of functions.ts, and those with attributes or an operator of their own. */
import type { DType } from '../../shared/dtype.ts';
import { erfc, sigmoid } from '../../shared/special.ts';
import type { Op, Unary } from './declare.ts';
import { FUNCTIONS, type RealFunctions, TRANSCENDENTAL } from './functions.ts';
import { ANY, BOOL, expectDType, F32 } from './rules.ts';
import type { Family, Spec } from './spec.ts';
import { TypeRuleError } from './spec.ts';
import { wide } from './strided.ts';

export interface PointwiseOps extends RealFunctions {
  neg: Op<Unary>;
  /** the nearest integer, a tie to the even one */
  round: Op<Unary>;
  /** the largest integer not above x */
  floor: Op<Unary>;
  /** the nearest number of IEEE 754's binary16 */
  round_f16: Op<Unary>;
  gelu: Op<Unary, { readonly approximate: 'none' | 'tanh' }>;
  clamp: Op<Unary, { readonly min: number; readonly max: number }>;
  not: Op<Unary>;
  cast: Op<Unary, { readonly to: DType }>;
}

type Plain = 'neg' | 'round' | 'floor' | 'round_f16';
type UnaryOp = Plain | 'gelu' | 'clamp' | 'not' | 'cast';

const OPERANDS = [{ name: 'x' }] as const;

/** y[i] = f(x[i]), with `f` chosen by the attributes once per tensor. */
function unary<N extends UnaryOp>(
  name: N,
  doc: string,
  allowed: readonly DType[],
  f: (attributes: PointwiseOps[N]['attributes']) => (x: number) => number,
): Spec<PointwiseOps[N], N> {
  return {
    name,
    doc,
    operands: OPERANDS,
    traits: { pointwise: true },
    infer: (inputs) => [expectDType(name, inputs, 0, 'x', allowed)],
    evaluate([x], attributes) {
      return [wide(x.dtype, x.shape, x.data.map(f(attributes)))];
    },
  };
}

const real = <N extends Plain>(name: N, doc: string, f: (x: number) => number): Spec<PointwiseOps[N], N> =>
  unary(name, doc, F32, () => f);

/** x · Φ(x) = x/2 · erfc(−x/√2): erfc keeps the digits that 1 + erf loses where x is very negative. */
const geluExact = (x: number): number => 0.5 * x * erfc(-x * Math.SQRT1_2);

/** x/2 · (1 + tanh u) = x · sigmoid(2u): the same, without the cancellation in 1 + tanh u. */
const geluTanh = (x: number): number => x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));

/** The nearest integer; of two the even one, as IEEE 754's roundToIntegralTiesToEven. Math.round goes up. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.sign(x) < 0 && x >= -0.5 ? -0 : Math.round(x);
  const even = below % 2 === 0 ? below : below + 1;
  return even === 0 && x < 0 ? -0 : even;
}

/** From here on halves are infinite: half way between 65504, their largest, and 2^16. */
const HALF_OVERFLOW = 65520;

/** The nearest half, a tie to the even one: 11 digits from 2^−14 up, multiples of 2^−24 below. */
export function roundToHalf(x: number): number {
  const size = Math.abs(x);
  if (size >= HALF_OVERFLOW) return Math.sign(x) * Number.POSITIVE_INFINITY;
  if (size === 0 || Number.isNaN(x)) return x;
  const step = 2 ** (Math.max(Math.floor(Math.log2(size)), -14) - 10);
  return roundHalfEven(x / step) * step;
}

export const POINTWISE: Family<PointwiseOps> = {
  ...FUNCTIONS,
  neg: real('neg', '−x', (x) => -x),
  round: real('round', 'The nearest integer; a tie goes to the even one.', roundHalfEven),
  floor: real('floor', 'The largest integer not above x.', Math.floor),
  round_f16: real(
    'round_f16',
    'The nearest number that f16 holds, a tie to the even one; from 65520 up ±∞.',
    roundToHalf,
  ),
  gelu: {
    ...unary(
      'gelu',
      "approximate 'none': x/2 · (1 + erf(x/√2)); 'tanh': x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))), the gelu_new of Phi.",
      F32,
      ({ approximate }) => (approximate === 'tanh' ? geluTanh : geluExact),
    ),
    cost: TRANSCENDENTAL,
  },
  clamp: {
    ...unary(
      'clamp',
      'min(max(x, min), max)',
      F32,
      ({ min, max }) =>
        (x) =>
          Math.min(Math.max(x, min), max),
    ),
    infer(inputs, { min, max }) {
      if (!(min <= max)) throw new TypeRuleError(`clamp needs min ≤ max, and min is ${min} and max is ${max}`);
      return [expectDType('clamp', inputs, 0, 'x', F32)];
    },
  },
  not: unary('not', 'Logical not.', BOOL, () => (x) => (x === 0 ? 1 : 0)),
  cast: {
    name: 'cast',
    doc: 'Converts the dtype. f32 → i64 drops the fraction (towards zero), makes NaN 0 and what is past ±2⁶³ the nearest f32 that int64 has; to bool is x ≠ 0, NaN included; from bool is 0 or 1.',
    operands: OPERANDS,
    traits: { pointwise: true },
    integers: (known, [x], _, [type]) => (type.dtype === 'f32' ? known.truncated(x) : x),
    infer: (inputs, { to }) => [{ dtype: to, shape: expectDType('cast', inputs, 0, 'x', ANY).shape }],
    evaluate([x], { to }) {
      return [wide(to, x.shape, x.data.map(CONVERT[to]))];
    },
  },
};

/** The first and the last f32 in int64. */
export const LOWEST_I64 = -(2 ** 63);
export const HIGHEST_I64 = 2 ** 63 - 2 ** 39;

/** torch leaves NaN and what is past int64 to the machine; here they are defined. + 0 turns −0 into the integer 0. */
const CONVERT: { readonly [D in DType]: (x: number) => number } = {
  f32: (x) => x,
  // of the f32 that other targets have: 4.99999999 is 5
  i64: (x) => (Number.isNaN(x) ? 0 : Math.trunc(Math.fround(Math.min(Math.max(x, LOWEST_I64), HIGHEST_I64))) + 0),
  bool: (x) => (x !== 0 ? 1 : 0),
};
