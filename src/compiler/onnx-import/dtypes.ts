/** The element types of ONNX, and what MDL computes them in. */
import type { DType } from '../../shared/dtype.ts';

interface OnnxDType {
  readonly name: string;
  /** undefined: MDL has nothing like it */
  readonly as: DType | undefined;
}

/** By TensorProto.DataType. */
const DTYPES: readonly OnnxDType[] = [
  { name: 'UNDEFINED', as: undefined },
  { name: 'FLOAT', as: 'f32' },
  { name: 'UINT8', as: 'i64' },
  { name: 'INT8', as: 'i64' },
  { name: 'UINT16', as: 'i64' },
  { name: 'INT16', as: 'i64' },
  { name: 'INT32', as: 'i64' },
  { name: 'INT64', as: 'i64' },
  { name: 'STRING', as: undefined },
  { name: 'BOOL', as: 'bool' },
  { name: 'FLOAT16', as: 'f32' },
  { name: 'DOUBLE', as: 'f32' },
  { name: 'UINT32', as: 'i64' },
  { name: 'UINT64', as: 'i64' },
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
