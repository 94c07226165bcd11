/**
 * Strided iteration over row-major arrays: the one loop behind transpose, expand, slice and flip, and the
 * [outer, axis, inner] view behind everything that works along one axis.
 */
import type { Shape } from '../../shared/dim.ts';
import { isSymbolic, printShape } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import type { WideTensor } from '../../shared/tensor.ts';
import { sizeOf } from '../../shared/tensor.ts';

/** out[i0, i1, …] = data[start + i0·strides[0] + i1·strides[1] + …], out row-major of `shape`. */
export function copyStrided(
  data: Float64Array,
  start: number,
  shape: readonly number[],
  strides: readonly number[],
): Float64Array {
  const size = sizeOf(shape);
  const out = new Float64Array(size);
  if (size === 0) return out;
  const rank = shape.length;
  if (rank === 0) {
    out[0] = data[start]!;
    return out;
  }
  const inner = shape[rank - 1]!;
  const step = strides[rank - 1]!;
  const index = new Array<number>(rank).fill(0);
  let from = start;
  for (let to = 0; to < size; to += inner) {
    for (let i = 0, at = from; i < inner; i++, at += step) out[to + i] = data[at]!;
    // the odometer over the outer axes
    for (let axis = rank - 2; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/** A tensor seen along one axis: element (o, i, n) is at (o·size + i)·inner + n. */
export interface AxisView {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

export function alongAxis(shape: readonly number[], axis: number): AxisView {
  return { outer: sizeOf(shape.slice(0, axis)), size: shape[axis]!, inner: sizeOf(shape.slice(axis + 1)) };
}

export function wide(dtype: DType, shape: readonly number[], data: Float64Array): WideTensor {
  return { dtype, shape, data };
}

/** A shape whose dims have all been replaced by numbers, as `evaluate` gets them. */
export function staticShape(shape: Shape): number[] {
  return shape.map((dim) => {
    if (isSymbolic(dim)) throw new Error(`evaluation needs a static shape and got ${printShape(shape)}`);
    return dim;
  });
}
