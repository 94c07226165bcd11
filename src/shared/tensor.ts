/** Concrete tensors on the host, row-major: what weights files hold and what entries take and give. */
import type { Shape } from './dim.ts';
import type { DType } from './dtype.ts';

/** What a value of a graph is, before it has numbers: dims may be symbolic. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

export type TensorData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

/** A tensor with a concrete shape. f32 ↔ Float32Array, i64 ↔ BigInt64Array, bool ↔ Uint8Array (0 or 1). */
export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array | Uint8Array;
}

/** A tensor of the reference interpreter: every dtype in float64 (integers exact below 2^53, bools 0 or 1). */
export interface WideTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Row-major strides in elements: stridesOf([2, 3, 4]) = [12, 4, 1]. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

export function widen(tensor: HostTensor): WideTensor {
  return {
    dtype: tensor.dtype,
    shape: tensor.shape,
    data: Float64Array.from(tensor.data as ArrayLike<number | bigint>, Number),
  };
}

export function narrow(tensor: WideTensor): HostTensor {
  const { dtype, shape, data } = tensor;
  switch (dtype) {
    case 'f32':
      return { dtype, shape, data: Float32Array.from(data) };
    case 'i64':
      return { dtype, shape, data: BigInt64Array.from(Array.from(data, BigInt)) };
    case 'bool':
      return { dtype, shape, data: Uint8Array.from(data) };
  }
}
