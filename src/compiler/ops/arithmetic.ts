/** Pointwise ops of several operands, with NumPy broadcasting: arithmetic, comparison, logic, selection. */
import { binary, NAMES } from './binary.ts';
import { broadcastShapes, broadcastStatic, broadcastTo } from './broadcast.ts';
import type { Binary, Op, Operand } from './declare.ts';
import { TRANSCENDENTAL } from './functions.ts';
import { FUNCTIONS_OF_TWO, type FunctionsOfTwo } from './functions-of-two.ts';
import { ANY, BOOL, expectDType, expectSameDType, F32, NUMBERS } from './rules.ts';
import type { Family } from './spec.ts';
import { wide } from './strided.ts';

export interface ArithmeticOps extends FunctionsOfTwo {
  add: Op<Binary>;
  sub: Op<Binary>;
  mul: Op<Binary>;
  div: Op<Binary>;
  pow: Op<Binary>;
  maximum: Op<Binary>;
  minimum: Op<Binary>;
  equal: Op<Binary>;
  less: Op<Binary>;
  less_equal: Op<Binary>;
  and: Op<Binary>;
  or: Op<Binary>;
  /** (condition, a, b) → a where condition, else b */
  where: Op<readonly [condition: Operand, a: Operand, b: Operand]>;
}

const truth = (value: boolean): number => (value ? 1 : 0);

export const ARITHMETIC: Family<ArithmeticOps> = {
  ...FUNCTIONS_OF_TWO,
  add: binary(
    'add',
    'a + b; f32 or i64.',
    { allowed: NUMBERS, traits: { commutative: true, modular: true }, integers: (known, [a, b]) => known.sum(a, b) },
    (a, b) => a + b,
  ),
  sub: binary(
    'sub',
    'a − b; f32 or i64.',
    { allowed: NUMBERS, traits: { modular: true }, integers: (known, [a, b]) => known.difference(a, b) },
    (a, b) => a - b,
  ),
  mul: binary(
    'mul',
    'a · b; f32 or i64.',
    {
      allowed: NUMBERS,
      traits: { commutative: true, modular: true },
      integers: (known, [a, b]) => known.product(a, b),
    },
    (a, b) => a * b,
  ),
  div: binary('div', 'a / b; f32.', { allowed: F32 }, (a, b) => a / b),
  // IEEE 754 says pow(1, y) = 1 for every y and pow(−1, ±∞) = 1; JavaScript says NaN for an infinite or NaN y
  pow: {
    ...binary('pow', 'aᵇ; f32; NaN for a negative a and a fractional b.', { allowed: F32 }, (a, b) =>
      a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b,
    ),
    cost: TRANSCENDENTAL,
  },
  maximum: binary(
    'maximum',
    'The larger of a and b; NaN wins.',
    { allowed: NUMBERS, traits: { commutative: true }, integers: (known, [a, b]) => known.larger(a, b) },
    Math.max,
  ),
  minimum: binary(
    'minimum',
    'The smaller of a and b; NaN wins.',
    { allowed: NUMBERS, traits: { commutative: true }, integers: (known, [a, b]) => known.smaller(a, b) },
    Math.min,
  ),
  equal: binary('equal', 'a = b, as bool.', { allowed: ANY, to: 'bool', traits: { commutative: true } }, (a, b) =>
    truth(a === b),
  ),
  less: binary('less', 'a < b, as bool.', { allowed: NUMBERS, to: 'bool' }, (a, b) => truth(a < b)),
  less_equal: binary('less_equal', 'a ≤ b, as bool.', { allowed: NUMBERS, to: 'bool' }, (a, b) => truth(a <= b)),
  and: binary('and', 'Logical and.', { allowed: BOOL, traits: { commutative: true } }, (a, b) => a * b),
  or: binary('or', 'Logical or.', { allowed: BOOL, traits: { commutative: true } }, Math.max),
  where: {
    name: 'where',
    doc: 'a where the condition holds, else b.',
    operands: [{ name: 'condition' }, { name: 'a' }, { name: 'b' }],
    traits: { pointwise: true },
    integers: (known, [, a, b]) => known.any(a, b),
    infer(inputs) {
      const names = ['condition', ...NAMES];
      expectDType('where', inputs, 0, 'condition', BOOL);
      const dtype = expectSameDType('where', inputs, names, ANY, [1, 2]);
      return [{ dtype, shape: broadcastShapes('where', inputs, names) }];
    },
    evaluate([condition, a, b]) {
      const shape = broadcastStatic([condition.shape, a.shape, b.shape]);
      const chosen = broadcastTo(condition, shape);
      const left = broadcastTo(a, shape);
      const right = broadcastTo(b, shape);
      return [
        wide(
          a.dtype,
          shape,
          chosen.map((c, i) => (c !== 0 ? left[i]! : right[i]!)),
        ),
      ];
    },
  },
};
