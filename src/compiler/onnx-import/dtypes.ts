/** The element types of ONNX, and what MDL computes them in. */
import type { DType } from '../../shared/dtype.ts';

interface OnnxDType {
  readonly name: string;
  /** undefined: MDL has nothing like it */
  readonly as: DType | undefined;
  /** of integers: how many, and whether they have a sign */
  readonly bits?: number;
  readonly signed?: boolean;
}

/** By TensorProto.DataType. */
const DTYPES: readonly OnnxDType[] = [
  { name: 'UNDEFINED', as: undefined },
  { name: 'FLOAT', as: 'f32' },
  { name: 'UINT8', as: 'i64', bits: 8, signed: false },
  { name: 'INT8', as: 'i64', bits: 8, signed: true },
  { name: 'UINT16', as: 'i64', bits: 16, signed: false },
  { name: 'INT16', as: 'i64', bits: 16, signed: true },
  { name: 'INT32', as: 'i64', bits: 32, signed: true },
  { name: 'INT64', as: 'i64', bits: 64, signed: true },
  { name: 'STRING', as: undefined },
  { name: 'BOOL', as: 'bool' },
  { name: 'FLOAT16', as: 'f32' },
  { name: 'DOUBLE', as: 'f32' },
  { name: 'UINT32', as: 'i64', bits: 32, signed: false },
  { name: 'UINT64', as: 'i64', bits: 64, signed: false },
  { name: 'COMPLEX64', as: undefined },
  { name: 'COMPLEX128', as: undefined },
  { name: 'BFLOAT16', as: 'f32' },
];

export const DTYPE_OF: ReadonlyMap<number, DType> = new Map(
  DTYPES.flatMap(({ as }, type) => (as ? [[type, as] as const] : [])),
);

export function dtypeName(type: number | undefined): string {
  return type === undefined ? 'no tensor' : (DTYPES[type]?.name ?? `data type ${type}`);
}

/** The types that MDL has as they are: values of the others are computed in a wider or a narrower one. */
export const EXACT: ReadonlySet<number> = new Set([1, 7, 9]);

/** TensorProto.INT32 */
export const INT32 = 6;

/**
 * A number as an integer of the type. Integers keep their lowest bits, as ONNX says.
 * @returns undefined for a float that the type cannot hold, of which ONNX says nothing, and for an integer past 2^53
 */
export function asInteger(type: number, x: number, from: DType): number | undefined {
  const { bits = 64, signed = true } = DTYPES[type] ?? {};
  const whole = Math.trunc(x) + 0;
  if (!Number.isSafeInteger(whole)) return undefined;
  const wrapped = Number(signed ? BigInt.asIntN(bits, BigInt(whole)) : BigInt.asUintN(bits, BigInt(whole)));
  return from === 'f32' && wrapped !== whole ? undefined : wrapped;
}
