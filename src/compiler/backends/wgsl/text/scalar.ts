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
import { type LibraryName, libraryName } from './library.ts';
import { joined, type Piece, wgsl } from './wgsl.ts';

export const SCALAR_TYPES: { readonly [D in DType]: ScalarType } = { f32: 'f32', i64: 'i32', bool: 'bool' };

/** Operands as texts, all of the first one's type unless the op says otherwise. */
interface Operands {
  readonly x: readonly Piece[];
  readonly type: ScalarType;
  readonly code: KernelCode;
}

type Rule<N extends keyof OpAttributes> = (operands: Operands, attributes: OpAttributes[N]) => Piece;

export type PointwiseOp = keyof PointwiseOps | keyof ArithmeticOps;

const call =
  (name: LibraryName) =>
  ({ x }: Operands): Piece =>
    wgsl`${libraryName(name)}(${joined(x, ', ')})`;
const plain =
  (name: string) =>
  ({ x }: Operands): Piece =>
    wgsl`${name}(${joined(x, ', ')})`;
const infix =
  (sign: string) =>
  ({ x: [a, b] }: Operands): Piece =>
    wgsl`${a!} ${sign} ${b!}`;
/** integers and masks by the sign, f32 by the function */
const compared =
  (sign: string, name: LibraryName) =>
  (operands: Operands): Piece =>
    operands.type === 'f32' ? call(name)(operands) : infix(sign)(operands);

/** Whether a piece is the number 0, which compilers of WGSL see: they take x · 0 for 0, of NaN and ∞ too. */
const isZero = (text: Piece): boolean => text === '0.0' || text === '0i';

function product({ x: [a, b], type }: Operands): Piece {
  const other = isZero(a!) ? b : isZero(b!) ? a : undefined;
  if (other === undefined) return wgsl`${a!} * ${b!}`;
  return type === 'f32' ? wgsl`${libraryName('times_zero')}(${other})` : '0i';
}

function division({ x: [a, b] }: Operands): Piece {
  return isZero(a!) ? wgsl`${libraryName('times_zero')}(1.0 / ${b!})` : wgsl`${libraryName('quotient')}(${a!}, ${b!})`;
}

export const POINTWISE: { readonly [N in PointwiseOp]: Rule<N> } = {
  neg: ({ x: [a] }) => wgsl`-${a!}`,
  abs: plain('abs'),
  exp: call('exp_of'),
  expm1: call('expm1_of'),
  log: call('log_of'),
  log1p: call('log1p_of'),
  sqrt: call('sqrt_of'),
  rsqrt: call('rsqrt_of'),
  reciprocal: ({ x: [a] }) => wgsl`1.0 / ${a!}`,
  sin: call('sin_of'),
  cos: call('cos_of'),
  atan: call('atan_of'),
  tanh: call('tanh_of'),
  erf: call('erf_of'),
  sigmoid: call('sigmoid_of'),
  relu: call('relu_of'),
  silu: ({ x: [a] }) => wgsl`${a!} * ${libraryName('sigmoid_of')}(${a!})`,
  softplus: call('softplus_of'),
  round: call('round_of'),
  floor: call('floor_of'),
  gelu: ({ x: [a] }, { approximate }) => wgsl`${libraryName(approximate === 'tanh' ? 'gelu_tanh' : 'gelu_erf')}(${a!})`,
  clamp: ({ x: [a], code }, { min, max }) => {
    const [low, high] = [code.literal('f32', min), code.literal('f32', max)];
    return wgsl`${libraryName('minimum_of')}(${libraryName('maximum_of')}(${a!}, ${low}), ${high})`;
  },
  not: ({ x: [a] }) => wgsl`!${a!}`,
  cast: ({ x: [a], type }, { to }) => converted(a!, type, SCALAR_TYPES[to]),
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
  where: ({ x: [condition, a, b] }) => wgsl`select(${b!}, ${a!}, ${condition!})`,
};

export function isPointwise(op: string): op is PointwiseOp {
  return Object.hasOwn(POINTWISE, op);
}

export const costOf = (op: PointwiseOp): number => specOf(op).cost ?? 1;

export function converted(text: Piece, from: ScalarType, to: ScalarType): Piece {
  if (from === to) return text;
  if (to === 'bool') return from === 'f32' ? wgsl`${libraryName('truth_of')}(${text})` : wgsl`${text} != 0`;
  if (from === 'bool') return to === 'f32' ? wgsl`select(0.0, 1.0, ${text})` : wgsl`select(0, 1, ${text})`;
  if (isZero(text)) return to === 'f32' ? '0.0' : '0i';
  return to === 'f32' ? wgsl`f32(${text})` : wgsl`${libraryName('to_integer')}(${text})`;
}
