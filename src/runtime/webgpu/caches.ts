/**
 * Key/value caches of a run. One buffer is both past and present: steps append after the first P positions, in place.
 *
 * All caches of a run have room for the same number of positions, the symbol CAPACITY. A cache that is full moves into a
 * larger buffer: rows [outer, P, inner] are copied on the device from stride `capacity` to the new one.
 */
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';
import type { AnyTensor } from '../device-tensor.ts';
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
      ({ presentShape, axis }) => bytesOn({ shape: presentShape, growing: { axis, capacity } }) <= gpu.buffers.largest,
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
  { past, presentShape, axis }: CacheWish,
  capacity: number,
  encoder: GPUCommandEncoder,
): { readonly buffer: GPUBuffer; readonly growing: Growing; readonly inPlace: boolean } {
  const growing = { axis, capacity };
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
  const { axis, capacity } = target.growing;
  const inner = sizeOf(shape.slice(axis + 1));
  const row = shape[axis]! * inner; // words of one [length, inner]
  const outer = sizeOf(shape.slice(0, axis));
  const at = (i: number): number => 4 * i * capacity * inner;
  if (past instanceof GpuTensor) {
    const stride = 4 * (past.growing?.capacity ?? shape[axis]!) * inner;
    for (let i = 0; i < outer; i++) encoder.copyBufferToBuffer(past.buffer, i * stride, target.buffer, at(i), 4 * row);
    return;
  }
  const words = toWords((past as HostTensor).data, label);
  for (let i = 0; i < outer; i++) writeWords(gpu, target.buffer, at(i), words.subarray(i * row, (i + 1) * row));
}

/** Copies a cache without its gaps: for entries that take it as an ordinary input. */
export function copyCompact(tensor: GpuTensor, target: GPUBuffer, encoder: GPUCommandEncoder): void {
  let at = 0;
  for (const { offset, bytes } of piecesOf(tensor)) {
    encoder.copyBufferToBuffer(tensor.buffer, offset, target, at, bytes);
    at += bytes;
  }
}
