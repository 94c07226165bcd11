/**
 * The numbers of a cache that is stored in fewer bytes, and back.
 *
 *     f16     the nearest halves' bits           int8    whole numbers from −127 to 127, NaN as 0
 */
import type { CacheStorage } from '../shared/cache-storage.ts';
import { fromHalves, toHalves } from './weights/halves.ts';
import { roundEven } from './weights/hqq.ts';

export type StoredData = Uint16Array<ArrayBuffer> | Int8Array<ArrayBuffer>;

/** Each rounded to the nearest, a tie to the even one. */
export function toStored(stored: CacheStorage, values: Float32Array): StoredData {
  if (stored === 'f16') return toHalves(values);
  return Int8Array.from(values, (value) => roundEven(Math.max(-127, Math.min(127, value))));
}

export function fromStored(stored: CacheStorage, bytes: ArrayBuffer): Float32Array {
  if (stored === 'int8') return Float32Array.from(new Int8Array(bytes));
  const values = new Float32Array(bytes.byteLength / 2);
  fromHalves(new Uint16Array(bytes), values, 0);
  return values;
}
