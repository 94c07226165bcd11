/**
 * Elements as they lie on the device, one 4-byte word each, and back.
 *
 *     f32  float32                     Float32Array
 *     i64  int32; of a seed uint32     BigInt64Array
 *     bool uint32, 0 or 1              Uint8Array
 *
 * f16 is for parameters only: two per word, the first in the low half, as halves lie in memory.
 */
import type { DType } from '../../shared/dtype.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { runtimeError } from '../errors.ts';
import { toHalves } from '../weights/halves.ts';

const LOWEST = -(2n ** 31n);
const HIGHEST = 2n ** 31n - 1n;
const HIGHEST_UNSIGNED = 2n ** 32n - 1n;

/**
 * The words of some elements; f32 shares memory with them.
 * @param tensor for messages
 * @param options `first`: index of the first element in its tensor, for messages; `unsigned`: numbers below 2^32 are allowed
 * @throws RuntimeError R1009 when an integer does not fit in 32 bits
 */
export function toWords(
  data: HostTensor['data'],
  tensor: string,
  { first = 0, unsigned = false }: { readonly first?: number; readonly unsigned?: boolean } = {},
): Float32Array | Int32Array | Uint32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Uint8Array) return Uint32Array.from(data, (value) => (value === 0 ? 0 : 1));
  const words = new Int32Array(data.length);
  const highest = unsigned ? HIGHEST_UNSIGNED : HIGHEST;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value < LOWEST || value > highest)
      throw runtimeError('integer_range', { tensor, value: String(value), index: first + i, highest: String(highest) });
    words[i] = Number(BigInt.asIntN(32, value));
  }
  return words;
}

/** The elements of some words; f32 shares memory with them. */
export function fromWords(dtype: DType, words: ArrayBuffer): HostTensor['data'] {
  switch (dtype) {
    case 'f32':
      return new Float32Array(words);
    case 'i64':
      return BigInt64Array.from(new Int32Array(words), BigInt);
    case 'bool':
      return Uint8Array.from(new Uint32Array(words), (value) => (value === 0 ? 0 : 1));
  }
}

/** Two per word; the last word of an odd number has a zero. */
export function packHalves(values: Float32Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(values.length / 2));
  new Uint16Array(words.buffer).set(toHalves(values));
  return words;
}
