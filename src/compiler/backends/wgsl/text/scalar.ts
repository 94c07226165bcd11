/**
 * Pointwise ops as WGSL: one line each, from the operands to the result.
 *
 * Numbers are f32, integers i32, masks bool. What WGSL defines loosely goes through library.ts.
 */
import type { DType } from '../../../../shared/dtype.ts';
import type { ArithmeticOps } from '../../../ops/arithmetic.ts';
import type { OpAttributes } from '../../../ops/attributes.ts';
import type { Formulas, RealFunctions } from '../../../ops/functions.ts';
import { eachOfTwo, type FunctionOfTwo, type FunctionsOfTwo } from '../../../ops/functions-of-two.ts';
import { specOf } from '../../../ops/index.ts';
import type { PointwiseOps } from '../../../ops/pointwise.ts';
import type { Element, KernelCode, ScalarType } from './code.ts';
import {
  type BinaryOperator,
  binary,
  builtin,
  converted as cast,
  type Expression,
  literal,
  numberOf,
  select,
  unary,
} from './expression.ts';
import { type LibraryName, library } from './library.ts';

export const SCALAR_TYPES: { readonly [D in DType]: ScalarType } = { f32: 'f32', i64: 'i32', bool: 'bool' };
/** As what they lie in buffers, unless they are stored smaller. */
export const ELEMENTS = { f32: 'f32', i64: 'i32', bool: 'u32' } as const satisfies Record<DType, Element>;

/** Operands, all of the first one's type unless the op says otherwise. */
interface Operands {
  readonly x: readonly Expression[];
  readonly type: ScalarType;
  readonly code: KernelCode;
}

type Rule<N extends keyof OpAttributes> = (operands: Operands, attributes: OpAttributes[N]) => Expression;

export type PointwiseOp = keyof PointwiseOps | keyof ArithmeticOps;

const call =
  (name: LibraryName) =>
  ({ x }: Operands): Expression =>
    library(name, x);
const infix =
  (operator: BinaryOperator) =>
  ({ x: [a, b] }: Operands): Expression =>
    binary(operator, a!, b!);
/** integers and masks by the operator, f32 by the function */
const compared =
  (operator: BinaryOperator, name: LibraryName) =>
  (operands: Operands): Expression =>
    operands.type === 'f32' ? library(name, operands.x) : binary(operator, operands.x[0]!, operands.x[1]!);
const extreme =
  (of: 'max' | 'min', name: LibraryName) =>
  ({ x: [a, b], type }: Operands): Expression =>
    type === 'f32' ? library(name, [a!, b!]) : builtin(of, [a!, b!]);

/** Whether a value is the number 0, which compilers of WGSL see: they take x · 0 for 0, of NaN and ∞ too. */
const isZero = (of: Expression): boolean => numberOf(of) === 0;

function product({ x: [a, b], type }: Operands): Expression {
  const other = isZero(a!) ? b : isZero(b!) ? a : undefined;
  if (other === undefined) return binary('*', a!, b!);
  return type === 'f32' ? library('times_zero', [other]) : literal('i32', 0);
}

const reciprocal = (of: Expression): Expression => binary('/', literal('f32', 1), of);

function division({ x: [a, b] }: Operands): Expression {
  return isZero(a!) ? library('times_zero', [reciprocal(b!)]) : library('quotient', [a!, b!]);
}

/** What formulas are written with: the rules of the ops that they are of. */
const formulas = (code: KernelCode): Formulas<Expression> => {
  const plain = (op: Plain, ...x: readonly Expression[]): Expression =>
    POINTWISE[op]({ x, type: x[0]!.type as ScalarType, code }, {});
  const scalar = (value: number): Expression => code.literal('f32', value);
  const where = (condition: Expression, a: Expression, b: Expression): Expression => select(b, a, condition);
  return {
    plain,
    scalar,
    add: (a, b) => plain('add', a, b),
    sub: (a, b) => plain('sub', a, b),
    mul: (a, b) => plain('mul', a, b),
    div: (a, b) => plain('div', a, b),
    neg: (x) => plain('neg', x),
    scale: (x, factor) => plain('mul', x, scalar(factor)),
    where,
    keep: (condition, x) => where(condition, x, scalar(0)),
  };
};
type Plain = keyof RealFunctions | 'equal' | 'less' | 'less_equal' | 'and' | 'add' | 'sub' | 'mul' | 'div' | 'neg';

const ofTwo =
  <N extends keyof FunctionsOfTwo>({ expressed }: FunctionOfTwo<N>): Rule<keyof FunctionsOfTwo> =>
  ({ x: [a, b], code }) =>
    expressed(formulas(code), a!, b!);

export const POINTWISE: { readonly [N in PointwiseOp]: Rule<N> } = {
  ...eachOfTwo(ofTwo),
  neg: ({ x: [a] }) => unary('-', a!),
  abs: ({ x: [a] }) => builtin('abs', [a!]),
  exp: call('exp_of'),
  expm1: call('expm1_of'),
  log: call('log_of'),
  log1p: call('log1p_of'),
  sqrt: call('sqrt_of'),
  rsqrt: call('rsqrt_of'),
  reciprocal: ({ x: [a] }) => reciprocal(a!),
  sin: call('sin_of'),
  cos: call('cos_of'),
  atan: call('atan_of'),
  tanh: call('tanh_of'),
  erf: call('erf_of'),
  sigmoid: call('sigmoid_of'),
  relu: call('relu_of'),
  silu: ({ x: [a] }) => binary('*', a!, library('sigmoid_of', [a!])),
  softplus: call('softplus_of'),
  round: call('round_of'),
  floor: call('floor_of'),
  round_f16: call('half_of'),
  gelu: ({ x }, { approximate }) => library(approximate === 'tanh' ? 'gelu_tanh' : 'gelu_erf', x),
  clamp: ({ x: [a], code }, { min, max }) => {
    const [low, high] = [code.literal('f32', min), code.literal('f32', max)];
    return library('minimum_of', [library('maximum_of', [a!, low]), high]);
  },
  not: ({ x: [a] }) => unary('!', a!),
  cast: ({ x: [a], type }, { to }) => converted(a!, type, SCALAR_TYPES[to]),
  add: infix('+'),
  sub: infix('-'),
  mul: product,
  div: division,
  pow: call('power'),
  maximum: extreme('max', 'maximum_of'),
  minimum: extreme('min', 'minimum_of'),
  equal: compared('==', 'equal_of'),
  less: compared('<', 'less_of'),
  less_equal: compared('<=', 'less_equal_of'),
  and: infix('&&'),
  or: infix('||'),
  where: ({ x: [condition, a, b] }) => select(b!, a!, condition!),
};

export function isPointwise(op: string): op is PointwiseOp {
  return Object.hasOwn(POINTWISE, op);
}

export const costOf = (op: PointwiseOp): number => specOf(op).cost ?? 1;

export function converted(of: Expression, from: ScalarType, to: ScalarType): Expression {
  if (from === to) return of;
  if (to === 'bool') return from === 'f32' ? library('truth_of', [of]) : binary('!=', of, literal('i32', 0));
  if (from === 'bool') return select(literal(to, 0), literal(to, 1), of);
  if (isZero(of)) return literal(to, 0);
  return to === 'f32' ? cast('f32', of) : library('to_integer', [of]);
}
