/**
 * Pointwise ops as WGSL: one line each, from the texts of the operands to the text of the result.
 *
 * Numbers are f32, integers i32, masks bool. What WGSL defines loosely goes through library.ts.
 */
import type { DType } from '../../../../shared/dtype.ts';
import type { ArithmeticOps } from '../../../ops/arithmetic.ts';
import type { OpAttributes } from '../../../ops/attributes.ts';
import { specOf } from '../../../ops/index.ts';
import type { PointwiseOps } from '../../../ops/pointwise.ts';
import type { KernelCode, ScalarType } from './code.ts';

export const SCALAR_TYPES: { readonly [D in DType]: ScalarType } = { f32: 'f32', i64: 'i32', bool: 'bool' };

/** Operands as texts, all of the first one's type unless the op says otherwise. */
interface Operands {
  readonly x: readonly string[];
  readonly type: ScalarType;
  readonly code: KernelCode;
}

type Rule<N extends keyof OpAttributes> = (operands: Operands, attributes: OpAttributes[N]) => string;

export type PointwiseOp = keyof PointwiseOps | keyof ArithmeticOps;

const call =
  (name: Parameters<KernelCode['use']>[0]) =>
  ({ x, code }: Operands): string =>
    `${code.use(name)}(${x.join(', ')})`;
const plain =
  (name: string) =>
  ({ x }: Operands): string =>
    `${name}(${x.join(', ')})`;
const infix =
  (sign: string) =>
  ({ x: [a, b] }: Operands): string =>
    `${a} ${sign} ${b}`;
/** integers and masks by the sign, f32 by the function */
const compared =
  (sign: string, name: Parameters<KernelCode['use']>[0]) =>
  (operands: Operands): string =>
    operands.type === 'f32' ? call(name)(operands) : infix(sign)(operands);

/** Whether a text is the number 0, which compilers of WGSL see: they take x · 0 for 0, of NaN and ∞ too. */
const isZero = (text: string): boolean => text === '0.0' || text === '0i';

function product({ x: [a, b], type, code }: Operands): string {
  const other = isZero(a!) ? b : isZero(b!) ? a : undefined;
  if (other === undefined) return `${a} * ${b}`;
  return type === 'f32' ? `${code.use('times_zero')}(${other})` : '0i';
}

function division({ x: [a, b], code }: Operands): string {
  return isZero(a!) ? `${code.use('times_zero')}(1.0 / ${b})` : `${code.use('quotient')}(${a}, ${b})`;
}

export const POINTWISE: { readonly [N in PointwiseOp]: Rule<N> } = {
  neg: ({ x: [a] }) => `-${a}`,
  abs: plain('abs'),
  exp: call('exp_of'),
  expm1: call('expm1_of'),
  log: call('log_of'),
  log1p: call('log1p_of'),
  sqrt: call('sqrt_of'),
  rsqrt: call('rsqrt_of'),
  reciprocal: ({ x: [a] }) => `1.0 / ${a}`,
  sin: call('sin_of'),
  cos: call('cos_of'),
  atan: call('atan_of'),
  tanh: call('tanh_of'),
  erf: call('erf_of'),
  sigmoid: call('sigmoid_of'),
  relu: call('relu_of'),
  silu: ({ x: [a], code }) => `${a} * ${code.use('sigmoid_of')}(${a})`,
  softplus: call('softplus_of'),
  round: call('round_of'),
  floor: call('floor_of'),
  gelu: ({ x: [a], code }, { approximate }) => `${code.use(approximate === 'tanh' ? 'gelu_tanh' : 'gelu_erf')}(${a})`,
  clamp: ({ x: [a], code }, { min, max }) => {
    const [low, high] = [code.literal('f32', min), code.literal('f32', max)];
    return `${code.use('minimum_of')}(${code.use('maximum_of')}(${a}, ${low}), ${high})`;
  },
  not: ({ x: [a] }) => `!${a}`,
  cast: ({ x: [a], type, code }, { to }) => converted(a!, type, SCALAR_TYPES[to], code),
  add: infix('+'),
  sub: infix('-'),
  mul: product,
  div: division,
  pow: call('power'),
  maximum: (operands) => (operands.type === 'f32' ? call('maximum_of')(operands) : plain('max')(operands)),
  minimum: (operands) => (operands.type === 'f32' ? call('minimum_of')(operands) : plain('min')(operands)),
  equal: compared('==', 'equal_of'),
  less: compared('<', 'less_of'),
  less_equal: compared('<=', 'less_equal_of'),
  and: infix('&&'),
  or: infix('||'),
  where: ({ x: [condition, a, b] }) => `select(${b}, ${a}, ${condition})`,
};

export function isPointwise(op: string): op is PointwiseOp {
  return Object.hasOwn(POINTWISE, op);
}

export const costOf = (op: PointwiseOp): number => specOf(op).cost ?? 1;

export function converted(text: string, from: ScalarType, to: ScalarType, code: KernelCode): string {
  if (from === to) return text;
  if (to === 'bool') return from === 'f32' ? `${code.use('truth_of')}(${text})` : `${text} != 0`;
  if (from === 'bool') return to === 'f32' ? `select(0.0, 1.0, ${text})` : `select(0, 1, ${text})`;
  if (isZero(text)) return to === 'f32' ? '0.0' : '0i';
  return to === 'f32' ? `f32(${text})` : `${code.use('to_integer')}(${text})`;
}
