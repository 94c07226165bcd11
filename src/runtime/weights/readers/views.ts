/** A file of weights whose tensors are views of storages that lie in it. */
import { ITEM_BYTES } from '../dtypes.ts';
import { CHUNK_BYTES, infoOf, type StoredTensor, type WeightsFile } from '../file.ts';
import type { RandomAccess } from '../source.ts';
import { streamView } from './strided.ts';

export interface StoredView extends StoredTensor {
  /** in elements */
  readonly strides: readonly number[];
  /** of its first element in its storage, in bytes */
  readonly byteOffset: number;
  /** The storage's bytes; called once for each tensor that is read. */
  storage(): Promise<RandomAccess> | RandomAccess;
}

/** @param close what the file holds open */
export function viewsFile(
  head: Pick<WeightsFile, 'name' | 'format' | 'metadata'>,
  tensors: ReadonlyMap<string, StoredView>,
  close: () => Promise<void>,
): WeightsFile {
  return {
    name: head.name,
    format: head.format,
    metadata: head.metadata,
    tensors,
    async *streamFrom(name, byte, chunkBytes = CHUNK_BYTES) {
      const { dtype, shape, strides, byteOffset, storage } = infoOf({ name: head.name, tensors }, name);
      const source = await storage();
      yield* streamView({ source, byteOffset, itemBytes: ITEM_BYTES[dtype], shape, strides }, byte, chunkBytes);
    },
    close,
  };
}

/** Product of sizes; Infinity where it is past 2^53. A 0 anywhere makes it 0. */
export function productOf(sizes: readonly number[]): number {
  if (sizes.includes(0)) return 0;
  const product = sizes.reduce((all, size) => all * size, 1);
  return Number.isSafeInteger(product) ? product : Number.POSITIVE_INFINITY;
}
