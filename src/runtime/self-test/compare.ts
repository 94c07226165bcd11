/** How far the numbers of a backend are from the interpreter's. */
import type { HostTensor } from '../../shared/tensor.ts';

/** Of the largest magnitude; more than f32 in another order or a GPU's own exp and sin make, and far less than any mistake. */
export const LIMIT = 1e-4;

/**
 * max |a − b| / max |a|, a being the oracle's: 0 for equal tensors, ∞ where sizes, integers or what is not finite differ.
 */
export function errorOf(expected: HostTensor, found: HostTensor | undefined): number {
  if (found === undefined || found.dtype !== expected.dtype || found.data.length !== expected.data.length)
    return Number.POSITIVE_INFINITY;
  if (expected.dtype !== 'f32') {
    const same = (expected.data as ArrayLike<unknown> & Iterable<unknown>)[Symbol.iterator]();
    for (let i = 0; i < found.data.length; i++)
      if (same.next().value !== found.data[i]) return Number.POSITIVE_INFINITY;
    return 0;
  }
  let [largest, error] = [0, 0];
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [expected.data[i] as number, found.data[i] as number];
    if (Object.is(a, b) || a === b) {
      if (Number.isFinite(a)) largest = Math.max(largest, Math.abs(a));
      continue;
    }
    if (!Number.isFinite(a) || !Number.isFinite(b)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, Math.abs(a));
    error = Math.max(error, Math.abs(a - b));
  }
  return error === 0 ? 0 : error / largest;
}

/** The largest of the outputs' errors. */
export function worst(
  expected: Readonly<Record<string, HostTensor>>,
  found: Readonly<Record<string, HostTensor>>,
): number {
  return Math.max(0, ...Object.entries(expected).map(([name, tensor]) => errorOf(tensor, found[name])));
}
