/**
 * One file of weights, whatever its format: tensors by key, each as the bytes that it would have in a safetensors file
 * (row-major, little-endian), which readers make as they are asked for and never hold at once.
 */

import { nearest } from '../../shared/nearest.ts';
import type { Quantisation } from '../../shared/quantisation.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { sizeOf } from '../../shared/tensor.ts';
import { runtimeError } from '../errors.ts';
import { allocate, convertInto, ITEM_BYTES, READ_AS, type StoredDType } from './dtypes.ts';
import type { Packed } from './quantise.ts';
import type { RandomAccess } from './source.ts';

export interface StoredTensor {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** of all elements in `dtype` */
  readonly byteLength: number;
  /** how the file stores it, where that is not `dtype`: `Q4_K` of a GGUF file, which is dequantised to F32 */
  readonly encoding?: string;
}

export interface WeightsFile {
  /** for messages: a path or a URL */
  readonly name: string;
  /** `safetensors`, `PyTorch`, … */
  readonly format: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** what the file says beside its tensors, as text */
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * A tensor's bytes in order from `byte` on, which begins an element, `chunkBytes` at a time or less.
   * @throws RuntimeError R0111 when there is no tensor of this name, R0121 and what the format adds when it cannot be read
   */
  streamFrom(name: string, byte: number, chunkBytes?: number): AsyncIterable<Uint8Array>;
  /** The codes of a tensor that the file stores in this way, in pieces of whole groups; undefined where it does not. @throws as streamFrom */
  packed?(name: string, as: Quantisation): AsyncIterable<Packed> | undefined;
  close(): Promise<void>;
}

/** Opens a file by its content. Where it throws, the caller closes the source. */
export type OpenFile = (source: RandomAccess) => Promise<WeightsFile>;

/** Bytes per chunk unless told otherwise; a multiple of every element size. */
export const CHUNK_BYTES = 1 << 24;

/** @throws RuntimeError R0111 when there is no tensor of this name */
export function infoOf<T extends StoredTensor>(
  file: { readonly name: string; readonly tensors: ReadonlyMap<string, T> },
  tensor: string,
): T {
  const found = file.tensors.get(tensor);
  if (!found)
    throw runtimeError('unknown_tensor', { file: file.name, tensor, near: nearest(tensor, file.tensors.keys()) });
  return found;
}

/** One tensor: F64, F32, F16, BF16 become f32, the integers i64, BOOL bool. @throws as `streamFrom` */
export async function readTensor(
  file: Pick<WeightsFile, 'name' | 'tensors' | 'streamFrom'>,
  name: string,
): Promise<HostTensor> {
  const { dtype, shape } = infoOf(file, name);
  const data = allocate(READ_AS[dtype], sizeOf(shape));
  let at = 0;
  for await (const chunk of file.streamFrom(name, 0)) {
    convertInto(dtype, chunk, data, at);
    at += chunk.byteLength / ITEM_BYTES[dtype];
  }
  return { dtype: READ_AS[dtype], shape, data };
}

/** Levels that are named in messages, at most. */
const MOST_LEVELS = 12;

/**
 * What lies under `part.` in a file, by the rest of its keys: `model` of a checkpoint that has `model.` and `optimizer.`.
 * @throws RuntimeError R1185 when nothing does
 */
export function partOf(file: WeightsFile, part: string): WeightsFile {
  const prefix = `${part}.`;
  const inside = [...file.tensors].filter(([key]) => key.startsWith(prefix) && key.length > prefix.length);
  if (inside.length === 0) {
    const levels = new Set(
      [...file.tensors.keys()].filter((key) => key.includes('.')).map((key) => key.split('.')[0]!),
    );
    throw runtimeError('weights_part', { file: file.name, part, known: [...levels].slice(0, MOST_LEVELS) });
  }
  return {
    name: `${file.name}#${part}`,
    format: file.format,
    metadata: file.metadata,
    tensors: new Map(inside.map(([key, tensor]) => [key.slice(prefix.length), tensor])),
    streamFrom: (name, byte, chunkBytes) => file.streamFrom(prefix + name, byte, chunkBytes),
    packed: (name, as) => file.packed?.(prefix + name, as),
    close: () => file.close(),
  };
}
