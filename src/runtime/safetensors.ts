/**
 * Safetensors files: `SafetensorsFile.open(source)` reads the header, `.read(name)` one tensor, `.stream(name)` its
 * bytes in chunks. The parts are in weights/: header (the checks), dtypes (the conversions), source (the bytes),
 * checkpoint (several files as one), encode (writing).
 */
import type { HostTensor } from '../shared/tensor.ts';
import { CHUNK_BYTES, infoOf, readTensor, type WeightsFile } from './weights/file.ts';
import { type PlacedTensor, readHeader, type SafetensorsHeader } from './weights/header.ts';
import type { RandomAccess } from './weights/source.ts';

export type { StoredTensor } from './weights/file.ts';
export type { RandomAccess } from './weights/source.ts';

export class SafetensorsFile implements WeightsFile {
  readonly format = 'safetensors';
  readonly name: string;
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
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
  info(name: string): PlacedTensor {
    return infoOf(this, name);
  }

  /** The stored bytes, in order, `chunkBytes` at a time (the last chunk is shorter). */
  stream(name: string, chunkBytes: number = CHUNK_BYTES): AsyncIterable<Uint8Array> {
    return this.streamFrom(name, 0, chunkBytes);
  }

  /** Its bytes from one on. @throws as stream */
  async *streamFrom(name: string, byte: number, chunkBytes: number = CHUNK_BYTES): AsyncIterable<Uint8Array> {
    const { byteOffset, byteLength } = this.info(name);
    for (let done = byte; done < byteLength; done += chunkBytes) {
      yield await this.source.read(byteOffset + done, Math.min(chunkBytes, byteLength - done));
    }
  }

  /** One tensor: F64, F32, F16, BF16 become f32, the integers i64, BOOL bool. */
  read(name: string): Promise<HostTensor> {
    return readTensor(this, name);
  }

  async close(): Promise<void> {
    await this.source.close?.();
  }
}
