/** A case for an op: its inputs, its results worked out by hand, and the nodes that compute them. */
import type { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import type { ValueId } from '../../src/compiler/ir/graph.ts';
import { type Shape, symbol } from '../../src/shared/dim.ts';
import type { DType } from '../../src/shared/dtype.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';

export interface ExtraCase {
  readonly name: string;
  readonly inputs: readonly { readonly name: string; readonly tensor: WideTensor; readonly shape: Shape }[];
  readonly outputs: readonly WideTensor[];
  readonly build: (b: GraphBuilder, inputs: readonly ValueId[]) => readonly ValueId[];
}

export function tensor(dtype: DType, shape: readonly number[], elements: readonly (number | boolean)[]): WideTensor {
  return { dtype, shape, data: Float64Array.from(elements, Number) };
}

export const f32 = (shape: readonly number[], elements: readonly number[]) => tensor('f32', shape, elements);
export const i64 = (shape: readonly number[], elements: readonly number[]) => tensor('i64', shape, elements);
export const bool = (elements: readonly boolean[], shape: readonly number[] = [elements.length]) =>
  tensor('bool', shape, elements);

/** An input named `name`; `shape` says which axes are symbolic, by default none. */
export const given = (name: string, value: WideTensor, shape: Shape = value.shape) => ({ name, tensor: value, shape });

export const [B, T, P] = [symbol('B'), symbol('T'), symbol('P')];
export const p = bool([true, true, false, false]);
export const q = bool([true, false, true, false]);
