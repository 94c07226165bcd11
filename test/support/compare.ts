/** Whether a target's tensor is the one that the float64 interpreter (or torch) gives. */
import { type HostTensor, narrow, type WideTensor } from '../../src/shared/tensor.ts';

/**
 * Agreement with float64 numbers: 1e-5 of the largest magnitude. float32 rounds by 6e-8 per operation, and the
 * longest sums here (hundreds of terms) leave 1e-6 at most, so this has room for a kernel's own order of summation
 * and none for a wrong formula. The floor of 1e-6 is for results whose largest magnitude is itself small.
 */
export function tolerance(expected: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return Math.max(1e-6, 1e-5 * largest);
}

/**
 * Undefined when the tensors agree (f32 within the limit, the others exactly), else what differs.
 * @param f32Limit instead of `tolerance`
 */
export function difference(actual: HostTensor, expected: WideTensor, f32Limit?: number): string | undefined {
  if (actual.dtype !== expected.dtype) return `dtype is ${actual.dtype}, expected ${expected.dtype}`;
  if (actual.shape.join() !== expected.shape.join()) {
    return `shape is [${actual.shape.join(', ')}], expected [${expected.shape.join(', ')}]`;
  }
  const limit = expected.dtype === 'f32' ? (f32Limit ?? tolerance(expected.data)) : 0;
  for (let i = 0; i < expected.data.length; i++) {
    const [got, want] = [Number(actual.data[i]), expected.data[i]!];
    if (Object.is(got, want) || got === want || Math.abs(got - want) <= limit) continue;
    return `element ${i} is ${got}, expected ${want} within ${limit}`;
  }
  return undefined;
}

/** As `difference`, for two tensors in float64. */
export const wideDifference = (actual: WideTensor, expected: WideTensor): string | undefined =>
  difference(narrow(actual), expected);
