/** What tests of checkpoint readers share: files in memory, and tensors as text to compare. */
import { readFileSync } from 'node:fs';
import type { WeightsFile } from '../../src/runtime/weights/file.ts';
import { openWeightsFile } from '../../src/runtime/weights/open.ts';
import { bytesSource, type RandomAccess } from '../../src/runtime/weights/source.ts';
import { fixture } from './reference.ts';

export const weightsFixture = (name: string): Uint8Array => new Uint8Array(readFileSync(fixture(`weights/${name}`)));

/** Files beside the one that is opened, by name. */
export type Beside = Readonly<Record<string, Uint8Array>>;

export function openBytes(bytes: Uint8Array, name = 'file', beside: Beside = {}): Promise<WeightsFile> {
  return openWeightsFile(bytesSource(bytes, name), (other) => {
    const found = Object.hasOwn(beside, other) ? beside[other] : undefined;
    return found ? Promise.resolve(bytesSource(found, other)) : Promise.reject(new Error(`no file ${other}`));
  });
}

/** The same source, counting the largest read and all that was read. */
export function counting(source: RandomAccess): {
  readonly source: RandomAccess;
  readonly reads: { largest: number; all: number };
} {
  const reads = { largest: 0, all: 0 };
  return {
    reads,
    source: {
      ...source,
      read(offset, length) {
        reads.largest = Math.max(reads.largest, length);
        reads.all += length;
        return source.read(offset, length);
      },
    },
  };
}

/** A tensor's bytes from one on, put together. */
export async function bytesFrom(file: WeightsFile, key: string, byte = 0, chunkBytes?: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.streamFrom(key, byte, chunkBytes)) chunks.push(chunk.slice());
  return new Uint8Array(Buffer.concat(chunks));
}

/** `F32 [2, 3] 0000803f…` by key. */
export async function listing(file: WeightsFile): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const [key, { dtype, shape }] of file.tensors) {
    const hex = Buffer.from(await bytesFrom(file, key)).toString('hex');
    result[key] = `${dtype} [${shape.join(', ')}] ${hex}`;
  }
  return result;
}
