/**
 * Reading tensors back: pieces of buffers are copied into one staging buffer, which is mapped once. What does not fit
 * into one buffer takes several.
 *
 * A cache on the device is [outer, capacity, inner] with the first `length` positions in use; it is read without the
 * gaps, as [outer, length, inner].
 */
import { type CacheStorage, widthOf } from '../../shared/cache-storage.ts';
import type { DType } from '../../shared/dtype.ts';
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';
import { fromStored } from '../stored.ts';
import { MAP_READ, USAGE } from './flags.ts';
import type { Gpu } from './gpu.ts';
import type { GPUBuffer, GPUCommandEncoder } from './types.ts';
import { fromWords } from './words.ts';

/** How a tensor that may grow lies in its buffer. */
export interface Growing {
  readonly axis: number;
  /** positions that the buffer has room for */
  readonly capacity: number;
  /** of what takes less than a word */
  readonly stored: CacheStorage | undefined;
}

export interface Located {
  readonly buffer: GPUBuffer;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly growing?: Growing | undefined;
}

/** A run of bytes in a buffer. */
export interface Piece {
  readonly offset: number;
  readonly bytes: number;
}

/** Where the tensor's bytes lie, in row-major order: one piece unless a growing tensor has room left. */
export function piecesOf({ shape, growing }: Omit<Located, 'buffer' | 'dtype'>): Piece[] {
  const bytes = widthOf(growing?.stored) * sizeOf(shape);
  if (bytes === 0) return [];
  if (!growing || growing.capacity === shape[growing.axis]) return [{ offset: 0, bytes }];
  const { axis, capacity } = growing;
  const outer = sizeOf(shape.slice(0, axis));
  const row = bytes / outer;
  return Array.from({ length: outer }, (_, i) => ({ offset: (i * capacity * row) / shape[axis]!, bytes: row }));
}

/** Bytes of the buffer that a tensor lies in. */
export function bytesOn({ shape, growing }: Omit<Located, 'buffer' | 'dtype'>): number {
  return widthOf(growing?.stored) * sizeOf(growing ? shape.with(growing.axis, growing.capacity) : shape);
}

/** Bytes of a staging buffer at most. */
const LARGEST_STAGING = 1 << 28;

interface Copy extends Piece {
  readonly buffer: GPUBuffer;
  /** in the staging buffer */
  readonly at: number;
}

/** Copies that are recorded with a run and read once it was submitted. */
export class Readback {
  private readonly gpu: Gpu;
  private readonly tensors: readonly Located[];
  private readonly staged: { readonly staging: GPUBuffer; readonly bytes: number }[] = [];

  constructor(gpu: Gpu, tensors: readonly Located[]) {
    this.gpu = gpu;
    this.tensors = tensors;
  }

  record(encoder: GPUCommandEncoder): void {
    const { buffers, device } = this.gpu;
    const limit = Math.min(LARGEST_STAGING, device.limits.maxBufferSize);
    for (const copies of this.split(limit)) {
      const last = copies.at(-1)!;
      const bytes = last.at + last.bytes;
      const roomy = Math.min(2 ** Math.ceil(Math.log2(bytes)), limit); // few sizes, so that buffers are found again
      const staging = buffers.take(roomy, 'readback', USAGE.MAP_READ | USAGE.COPY_DST);
      for (const copy of copies) encoder.copyBufferToBuffer(copy.buffer, copy.offset, staging, copy.at, copy.bytes);
      this.staged.push({ staging, bytes });
    }
  }

  /** After the submit. */
  async read(): Promise<HostTensor[]> {
    const bytes = new Uint8Array(this.staged.reduce((sum, part) => sum + part.bytes, 0));
    let at = 0;
    for (const part of this.staged) {
      await this.gpu.wait(part.staging.mapAsync(MAP_READ, 0, part.bytes));
      bytes.set(new Uint8Array(part.staging.getMappedRange(0, part.bytes)), at);
      part.staging.unmap();
      this.gpu.buffers.give(part.staging);
      at += part.bytes;
    }
    let start = 0;
    return this.tensors.map(({ dtype, shape, growing }) => {
      const stored = growing?.stored;
      const words = bytes.buffer.slice(start, start + widthOf(stored) * sizeOf(shape));
      start += words.byteLength;
      return { dtype, shape, data: stored ? fromStored(stored, words) : fromWords(dtype, words) };
    });
  }

  /** The copies per staging buffer; a piece that meets the end of one goes on in the next. */
  private split(limit: number): Copy[][] {
    const parts: Copy[][] = [];
    let at = limit;
    for (const tensor of this.tensors) {
      for (const piece of piecesOf(tensor)) {
        for (let done = 0; done < piece.bytes; ) {
          if (at === limit) {
            parts.push([]);
            at = 0;
          }
          const bytes = Math.min(piece.bytes - done, limit - at);
          parts.at(-1)!.push({ buffer: tensor.buffer, offset: piece.offset + done, bytes, at });
          done += bytes;
          at += bytes;
        }
      }
    }
    return parts;
  }
}
