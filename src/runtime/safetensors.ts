/**
 * Safetensors files: `SafetensorsFile.open(source)` reads the header, `.read(name)` one tensor, `.stream(name)` its
 * bytes in chunks. The parts are in weights/: header (the checks), dtypes (the conversions), source (the bytes),
 * checkpoint (several files as one), encode (writing).
 */
import type { HostTensor } from '../shared/tensor.ts';
import { sizeOf } from '../shared/tensor.ts';
import { runtimeError } from './errors.ts';
import { nearestName } from './names.ts';
import { allocate, convertInto, ITEM_BYTES, READ_AS } from './weights/dtypes.ts';
import { readHeader, type SafetensorsHeader, type StoredTensor } from './weights/header.ts';
import type { RandomAccess } from './weights/source.ts';

export type { StoredTensor } from './weights/header.ts';
export type { RandomAccess } from './weights/source.ts';

/** Bytes per chunk unless told otherwise; a multiple of every element size. */
const CHUNK_BYTES = 1 << 24;

export class SafetensorsFile {
  readonly name: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: ReadonlyMap<string, string>;
  private readonly source: RandomAccess;

  private constructor(source: RandomAccess, header: SafetensorsHeader) {
    this.name = source.name;
    this.source = source;
    this.tensors = header.tensors;
    this.metadata = header.metadata;
  }

  /** @throws RuntimeError R0101–R0110, R0112 when the file is not exactly a safetensors file */
  static async open(source: RandomAccess): Promise<SafetensorsFile> {
    return new SafetensorsFile(source, await readHeader(source));
  }

  /** @throws RuntimeError R0111 when there is no tensor of this name */
  info(name: string): StoredTensor {
    const found = this.tensors.get(name);
    if (!found)
      throw runtimeError('R0111', { file: this.name, tensor: name, near: nearestName(name, this.tensors.keys()) });
    return found;
  }

  /** The stored bytes, in order, `chunkBytes` at a time (the last chunk is shorter). */
  async *stream(name: string, chunkBytes: number = CHUNK_BYTES): AsyncIterable<Uint8Array> {
    yield* this.streamFrom(name, 0, chunkBytes);
  }

  /** Its bytes from one on. @throws as stream */
  async *streamFrom(name: string, byte: number, chunkBytes: number = CHUNK_BYTES): AsyncIterable<Uint8Array> {
    const { byteOffset, byteLength } = this.info(name);
    for (let done = byte; done < byteLength; done += chunkBytes) {
      yield await this.source.read(byteOffset + done, Math.min(chunkBytes, byteLength - done));
    }
  }

  /** One tensor: F64, F32, F16, BF16 become f32, the integers i64, BOOL bool. */
  async read(name: string): Promise<HostTensor> {
    const { dtype, shape } = this.info(name);
    const data = allocate(READ_AS[dtype], sizeOf(shape));
    let at = 0;
    for await (const chunk of this.stream(name)) {
      convertInto(dtype, chunk, data, at);
      at += chunk.byteLength / ITEM_BYTES[dtype];
    }
    return { dtype: READ_AS[dtype], shape, data };
  }

  async close(): Promise<void> {
    await this.source.close?.();
  }
}
