/** Tensors as JSON, to the bit: what tests and their pages send each other. */
import type { FeedTensor } from '../../src/runtime/feeds.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';

export interface Packed {
  readonly dtype: FeedTensor['dtype'];
  readonly shape: readonly number[];
  /** the bytes, as base64 */
  readonly base64: string;
}
export type PackedTensors = Readonly<Record<string, Packed>>;

const ARRAYS = { f32: Float32Array, i64: BigInt64Array, bool: Uint8Array, i32: Int32Array } as const;

function pack({ dtype, shape, data }: FeedTensor): Packed {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { dtype, shape, base64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) };
}

function unpack({ dtype, shape, base64 }: Packed): FeedTensor {
  const { buffer } = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return { dtype, shape, data: new ARRAYS[dtype](buffer) };
}

export const packAll = (tensors: Readonly<Record<string, FeedTensor>>): Record<string, Packed> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, pack(tensor)]));

export const unpackAll = (tensors: PackedTensors): Record<string, FeedTensor> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, unpack(tensor)]));

/** What an entry gave: never 32-bit integers. */
export const unpackOutputs = (tensors: PackedTensors): Record<string, HostTensor> =>
  unpackAll(tensors) as Record<string, HostTensor>;
