/**
 * Key/value caches of a run. One buffer is both past and present: steps append after the first P positions, in place.
 *
 * All caches of a run have room for the same number of positions, the symbol CAPACITY. A cache that is full moves into a
 * larger buffer: rows [outer, P, inner] are copied on the device from stride `capacity` to the new one.
 */
import { type CacheStorage, widthOf } from '../../shared/cache-storage.ts';
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';
import type { AnyTensor } from '../device-tensor.ts';
import { toStored } from '../stored.ts';
import type { Gpu } from './gpu.ts';
import { bytesOn, type Growing, piecesOf } from './readback.ts';
import { GpuTensor, writeWords } from './tensors.ts';
import { toWords } from './words.ts';

/** Positions that a kept cache has room for at least. */
const SMALLEST = 16;

export interface CacheWish {
  /** what was given; absent: empty */
  readonly past: AnyTensor | undefined;
  readonly presentShape: readonly number[];
  readonly axis: number;
  readonly stored?: CacheStorage | undefined;
}

/**
 * How many positions the caches of this run have room for.
 * @param keep the run keeps them, so that there will be more positions
 * @param reserve positions that the caller knows of
 */
export function capacityFor(gpu: Gpu, wishes: readonly CacheWish[], keep: boolean, reserve = 0): number {
  const needed = Math.max(0, ...wishes.map(({ presentShape, axis }) => presentShape[axis]!));
  const given = wishes.map(({ past }) => (past instanceof GpuTensor ? (past.growing?.capacity ?? 0) : 0));
  const shared = given[0] ?? 0;
  if (shared >= needed && shared > 0 && given.every((capacity) => capacity === shared)) return shared;
  if (!keep) return needed;
  const roomy = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(Math.max(1, needed * 1.5))));
  const fits = (capacity: number): boolean =>
    wishes.every(
      ({ presentShape, axis, stored }) =>
        bytesOn({ shape: presentShape, growing: { axis, capacity, stored } }) <= gpu.buffers.largest,
    );
  return [reserve, roomy].find((capacity) => capacity >= needed && fits(capacity)) ?? needed;
}

/**
 * The buffer of a cache, with the past in it.
 * @returns `inPlace`: it is the buffer of the tensor that was given
 */
export function placeCache(
  gpu: Gpu,
  label: string,
  { past, presentShape, axis, stored }: CacheWish,
  capacity: number,
  encoder: GPUCommandEncoder,
): { readonly buffer: GPUBuffer; readonly growing: Growing; readonly inPlace: boolean } {
  const growing = { axis, capacity, stored };
  if (past instanceof GpuTensor) past.checkStored(stored);
  if (past instanceof GpuTensor && past.growing?.axis === axis && past.growing.capacity === capacity)
    return { buffer: past.buffer, growing, inPlace: true };
  const buffer = gpu.buffers.take(bytesOn({ shape: presentShape, growing }), label);
  if (past && sizeOf(past.shape) > 0) copyInto(gpu, label, past, { buffer, growing }, encoder);
  return { buffer, growing, inPlace: false };
}

function copyInto(
  gpu: Gpu,
  label: string,
  past: AnyTensor,
  target: { readonly buffer: GPUBuffer; readonly growing: Growing },
  encoder: GPUCommandEncoder,
): void {
  const { shape } = past;
  const { axis, capacity, stored } = target.growing;
  const position = widthOf(stored) * sizeOf(shape.slice(axis + 1));
  const row = shape[axis]! * position; // bytes of one [length, inner]
  const outer = sizeOf(shape.slice(0, axis));
  const at = (i: number): number => i * capacity * position;
  if (past instanceof GpuTensor) {
    const stride = (past.growing?.capacity ?? shape[axis]!) * position;
    for (let i = 0; i < outer; i++) encoder.copyBufferToBuffer(past.buffer, i * stride, target.buffer, at(i), row);
    return;
  }
  const { data } = past as HostTensor;
  const words = stored ? toStored(stored, data as Float32Array) : toWords(data, label);
  for (let i = 0; i < outer; i++)
    writeWords(gpu, target.buffer, at(i), new Uint8Array(words.buffer, words.byteOffset + i * row, row));
}

/** Copies a cache without its gaps: for entries that take it as an ordinary input. */
export function copyCompact(tensor: GpuTensor, target: GPUBuffer, encoder: GPUCommandEncoder): void {
  let at = 0;
  for (const { offset, bytes } of piecesOf(tensor)) {
    encoder.copyBufferToBuffer(tensor.buffer, offset, target, at, bytes);
    at += bytes;
  }
}
