/**
 * A checkpoint: the tensors of one or several safetensors files as one map.
 *
 * Either an index (`model.safetensors.index.json`) says which file has which tensor, or every file given counts.
 * All disagreements (missing, twice, unlisted) are errors: a weight that is silently dropped shows as a bad model
 * weeks later.
 */
import type { HostTensor } from '../../shared/tensor.ts';
import { reasonOf, runtimeError } from '../errors.ts';
import { nearestName } from '../names.ts';
import { SafetensorsFile, type StoredTensor } from '../safetensors.ts';
import { recognise } from './foreign.ts';
import { DuplicateKeyError, parseStrictJson, type StrictJson } from './json.ts';
import type { RandomAccess } from './source.ts';

/** Opens a shard by the name that the index uses. It has been checked to be a plain relative path. */
export type OpenShard = (shard: string) => Promise<RandomAccess>;

export class Checkpoint {
  /** for messages: the file, index or directory */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly files: readonly SafetensorsFile[];
  private readonly owners: ReadonlyMap<string, SafetensorsFile>;

  private constructor(name: string, files: readonly SafetensorsFile[], owners: ReadonlyMap<string, SafetensorsFile>) {
    this.name = name;
    this.files = files;
    this.owners = owners;
    this.tensors = new Map([...owners].map(([key, file]) => [key, file.info(key)]));
  }

  /** @throws RuntimeError R0115 when a tensor is in two files, and whatever reading a header throws */
  static async ofFiles(name: string, sources: readonly RandomAccess[]): Promise<Checkpoint> {
    const files = await openAll(sources);
    return new Checkpoint(name, files, await closingOnError(files, () => ownersOf(files)));
  }

  /**
   * The checkpoint that an index describes.
   * @param text the index's JSON
   * @throws RuntimeError R0113–R0117, and whatever reading a header throws
   */
  static async ofIndex(name: string, text: string, openShard: OpenShard): Promise<Checkpoint> {
    const weightMap = parseIndex(name, text);
    const shards = [...new Set(weightMap.values())];
    const sources: RandomAccess[] = [];
    try {
      for (const shard of shards) sources.push(await openShard(shard));
    } catch (error) {
      for (const source of sources) await source.close?.();
      throw error;
    }
    const files = await openAll(sources);
    return closingOnError(files, () => {
      const owners = ownersOf(files);
      for (const [tensor, shard] of weightMap) {
        const file = files[shards.indexOf(shard)]!;
        if (!file.tensors.has(tensor)) throw runtimeError('R0114', { file: name, tensor, shard });
      }
      for (const [tensor, file] of owners) {
        if (!weightMap.has(tensor)) throw runtimeError('R0116', { file: name, tensor, shard: file.name });
      }
      return new Checkpoint(name, files, owners);
    });
  }

  /** @throws RuntimeError R0111 when there is no tensor of this name */
  fileOf(tensor: string): SafetensorsFile {
    const owner = this.owners.get(tensor);
    if (!owner) throw runtimeError('R0111', { file: this.name, tensor, near: nearestName(tensor, this.owners.keys()) });
    return owner;
  }

  read(tensor: string): Promise<HostTensor> {
    return Promise.resolve().then(() => this.fileOf(tensor).read(tensor));
  }

  stream(tensor: string, chunkBytes?: number): AsyncIterable<Uint8Array> {
    return this.fileOf(tensor).stream(tensor, chunkBytes);
  }

  /** Its bytes from one on. @throws as stream */
  streamFrom(tensor: string, byte: number, chunkBytes?: number): AsyncIterable<Uint8Array> {
    return this.fileOf(tensor).streamFrom(tensor, byte, chunkBytes);
  }

  async close(): Promise<void> {
    for (const file of this.files) await file.close();
  }
}

async function openAll(sources: readonly RandomAccess[]): Promise<SafetensorsFile[]> {
  try {
    const files: SafetensorsFile[] = [];
    for (const source of sources) files.push(await SafetensorsFile.open(source));
    return files;
  } catch (error) {
    for (const source of sources) await source.close?.();
    throw error;
  }
}

async function closingOnError<T>(files: readonly SafetensorsFile[], make: () => T): Promise<T> {
  try {
    return make();
  } catch (error) {
    for (const file of files) await file.close();
    throw error;
  }
}

function ownersOf(files: readonly SafetensorsFile[]): Map<string, SafetensorsFile> {
  const owners = new Map<string, SafetensorsFile>();
  for (const file of files) {
    for (const tensor of file.tensors.keys()) {
      const other = owners.get(tensor);
      if (other) throw runtimeError('R0115', { tensor, file: file.name, other: other.name });
      owners.set(tensor, file);
    }
  }
  return owners;
}

/** Whether a path written in a downloaded file stays below the directory of that file, on every system. */
export function staysInside(path: string): boolean {
  if (path === '' || /^[/\\]|^[a-zA-Z]:|\0/.test(path)) return false;
  return path.split(/[/\\]/).every((part) => part !== '' && part !== '.' && part !== '..');
}

function parseIndex(file: string, text: string): ReadonlyMap<string, string> {
  let index: StrictJson;
  try {
    index = parseStrictJson(text);
  } catch (error) {
    if (error instanceof DuplicateKeyError) throw runtimeError('R0104', { file, key: error.key });
    const foreign = recognise(new TextEncoder().encode(text.slice(0, 256)));
    if (foreign && !foreign.what.startsWith('text')) throw runtimeError('R0123', { file, ...foreign }, error);
    throw runtimeError('R0117', { file, reason: `is not valid JSON (${reasonOf(error)})` }, error);
  }
  const weightMap = index instanceof Map ? (index as ReadonlyMap<string, StrictJson>).get('weight_map') : undefined;
  if (!(weightMap instanceof Map)) throw runtimeError('R0117', { file, reason: 'has no weight_map' });
  const result = new Map<string, string>();
  for (const [tensor, shard] of weightMap as ReadonlyMap<string, StrictJson>) {
    if (typeof shard !== 'string')
      throw runtimeError('R0117', { file, reason: `gives ${tensor} a shard that is not text` });
    if (!staysInside(shard)) throw runtimeError('R0113', { file, shard });
    result.set(tensor, shard);
  }
  return result;
}
