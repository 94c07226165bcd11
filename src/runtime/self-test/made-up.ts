/** Numbers that are made by formulas, so that they need not be stored: what is judged is that all backends make the same of them. */
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';

/** Floats of every size up to 2; ones for ints, which most tables, masks and labels take; true. @param input its place among the inputs */
export function madeUpTensor(dtype: HostTensor['dtype'], shape: readonly number[], input: number): HostTensor {
  const count = sizeOf(shape);
  switch (dtype) {
    case 'f32':
      return { dtype, shape, data: Float32Array.from({ length: count }, (_, i) => 2 * Math.sin(1.7 * i + input)) };
    case 'i64':
      return { dtype, shape, data: new BigInt64Array(count).fill(1n) };
    case 'bool':
      return { dtype, shape, data: new Uint8Array(count).fill(1) };
  }
}
