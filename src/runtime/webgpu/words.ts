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
      throw runtimeError('R1009', { tensor, value: String(value), index: first + i, highest: String(highest) });
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

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/** The nearest half-precision number's 16 bits, ties to even; past its range infinity. */
export function toHalf(value: number): number {
  float[0] = value;
  const single = bits[0]!;
  const sign = (single >>> 16) & 0x8000;
  const magnitude = single & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x47800000) return sign | 0x7c00; // 2^16 and up
  if (magnitude < 0x38800000) {
    // below 2^−14: subnormal, in units of 2^−24
    const exponent = magnitude >>> 23;
    if (exponent < 102) return sign; // below 2^−25
    const mantissa = (magnitude & 0x7fffff) | 0x800000;
    return sign | roundShift(mantissa, 126 - exponent);
  }
  // rebias the exponent from 127 to 15; a carry of the rounding moves into it, up to infinity
  return sign | roundShift(magnitude - 0x38000000, 13);
}

/** value / 2^shift, ties to even. */
function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}

/** Two per word; the last word of an odd number has a zero. */
export function packHalves(values: Float32Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(values.length / 2));
  for (let i = 0; i < values.length; i++) words[i >> 1]! |= toHalf(values[i]!) << (16 * (i & 1));
  return words;
}
