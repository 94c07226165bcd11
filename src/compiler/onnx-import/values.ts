/**
 * What an ONNX value is while a graph is imported: a value of the IR, numbers that are known (shapes, axes, constants), or a tensor of the
 * file that nothing has asked for yet.
 */
import { type Dim, isSymbolic, type Shape, type SymbolicDim } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import type { ValueId } from '../ir/graph.ts';
import type { FileTensor } from './proto.ts';

/** Numbers in row-major order; what is computed of sizes may hold symbols. */
export interface Known {
  readonly kind: 'known';
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly items: readonly Dim[];
  /** the tensor of the file that it is, unchanged */
  readonly tensor?: FileTensor;
}

export interface Stored {
  readonly kind: 'stored';
  readonly tensor: FileTensor;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** initialisers of floats do; the constants of nodes do not */
  readonly trains: boolean;
  /** the axes of the parameter in those of the file's tensor: a matrix that is read transposed */
  readonly turned: boolean;
}

export interface Made {
  readonly kind: 'made';
  readonly id: ValueId;
}

export type Imported = Known | Stored | Made;

export function known(dtype: DType, shape: readonly number[], items: readonly Dim[]): Known {
  return { kind: 'known', dtype, shape, items };
}

export const ints = (items: readonly Dim[]): Known => known('i64', [items.length], items);

export function fromHost(tensor: HostTensor, file?: FileTensor): Known {
  const items = Array.from(tensor.data as ArrayLike<number | bigint>, Number);
  return { ...known(tensor.dtype, tensor.shape, items), ...(file ? { tensor: file } : {}) };
}

export function isConcrete(items: readonly Dim[]): items is readonly number[] {
  return !items.some((item) => isSymbolic(item));
}

export function hasSymbols(shape: Shape): boolean {
  return shape.some((dim): dim is SymbolicDim => isSymbolic(dim));
}
