/**
 * A checkpoint: the tensors of one or several files as one map. Files are safetensors unless a caller brings `open`
 * (open.ts), which knows other formats; pages do not, and stay small.
 *
 * Either an index (`model.safetensors.index.json`) says which file has which tensor, or every file given counts.
 * All disagreements (missing, twice, unlisted) are errors: a weight that is silently dropped shows as a bad model
 * weeks later.
 */

import { nearest } from '../../shared/nearest.ts';
import type { Quantisation } from '../../shared/quantisation.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { reasonOf, runtimeError } from '../errors.ts';
import { SafetensorsFile } from '../safetensors.ts';
import { infoOf, type OpenFile, partOf, readTensor, type StoredTensor, type WeightsFile } from './file.ts';
import { DuplicateKeyError, parseStrictJson, type StrictJson } from './json.ts';
import type { Packed } from './quantise.ts';
import type { RandomAccess } from './source.ts';

/** Opens a shard by the name that the index uses. It has been checked to be a plain relative path. */
export type OpenShard = (shard: string) => Promise<RandomAccess>;

export class Checkpoint {
  /** for messages: the file, index or directory */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly files: readonly WeightsFile[];
  private readonly owners: ReadonlyMap<string, WeightsFile>;

  private constructor(name: string, files: readonly WeightsFile[], owners: ReadonlyMap<string, WeightsFile>) {
    this.name = name;
    this.files = files;
    this.owners = owners;
    this.tensors = new Map([...owners].map(([key, file]) => [key, infoOf(file, key)]));
  }

  /** @throws RuntimeError R0115 when a tensor is in two files, and whatever reading a header throws */
  static async ofFiles(
    name: string,
    sources: readonly RandomAccess[],
    open: OpenFile = safetensors,
  ): Promise<Checkpoint> {
    const files = await openAll(sources, open);
    return Checkpoint.of(name, files);
  }

  /** The tensors of files that are open. It closes them when it throws. @throws RuntimeError R0115 when a tensor is in two of them */
  static of(name: string, files: readonly WeightsFile[]): Promise<Checkpoint> {
    return closingOnError(files, () => new Checkpoint(name, files, ownersOf(files)));
  }

  /** All tensors of several checkpoints. It closes them when it throws. @throws RuntimeError R0115 when a tensor is in two of them */
  static union(checkpoints: readonly Checkpoint[]): Promise<Checkpoint> {
    const files = checkpoints.flatMap((checkpoint) => checkpoint.files);
    return Checkpoint.of(checkpoints.map((checkpoint) => checkpoint.name).join(' + '), files);
  }

  /** What lies under `part.`, by the rest of its keys. It closes itself when it throws. @throws RuntimeError R1185 when nothing does */
  part(part: string): Promise<Checkpoint> {
    return closingOnError(this.files, () => {
      const inside = partOf(this.whole(), part);
      return new Checkpoint(inside.name, [inside], ownersOf([inside]));
    });
  }

  /** All of its files as one. */
  whole(): WeightsFile {
    const { files, name, tensors } = this;
    return {
      name,
      format: files[0]?.format ?? '',
      tensors,
      metadata: new Map(files.flatMap(({ metadata }) => [...metadata])),
      streamFrom: (key, byte, chunkBytes) => this.streamFrom(key, byte, chunkBytes),
      packed: (key, as) => this.packed(key, as),
      close: () => this.close(),
    };
  }

  /**
   * The checkpoint that an index describes.
   * @param text the index's JSON
   * @throws RuntimeError R0113–R0117, and whatever reading a header throws
   */
  static async ofIndex(
    name: string,
    text: string,
    openShard: OpenShard,
    open: OpenFile = safetensors,
  ): Promise<Checkpoint> {
    const weightMap = await parseIndex(name, text);
    const shards = [...new Set(weightMap.values())];
    const sources: RandomAccess[] = [];
    try {
      for (const shard of shards) sources.push(await openShard(shard));
    } catch (error) {
      for (const source of sources) await source.close?.();
      throw error;
    }
    const files = await openAll(sources, open);
    return closingOnError(files, () => {
      const owners = ownersOf(files);
      for (const [tensor, shard] of weightMap) {
        const file = files[shards.indexOf(shard)]!;
        if (!file.tensors.has(tensor)) throw runtimeError('tensor_not_in_shard', { file: name, tensor, shard });
      }
      for (const [tensor, file] of owners) {
        if (!weightMap.has(tensor)) throw runtimeError('tensor_not_in_index', { file: name, tensor, shard: file.name });
      }
      return new Checkpoint(name, files, owners);
    });
  }

  /** @throws RuntimeError R0111 when there is no tensor of this name */
  fileOf(tensor: string): WeightsFile {
    const owner = this.owners.get(tensor);
    if (!owner)
      throw runtimeError('unknown_tensor', { file: this.name, tensor, near: nearest(tensor, this.owners.keys()) });
    return owner;
  }

  read(tensor: string): Promise<HostTensor> {
    return Promise.resolve().then(() => readTensor(this.fileOf(tensor), tensor));
  }

  stream(tensor: string, chunkBytes?: number): AsyncIterable<Uint8Array> {
    return this.fileOf(tensor).streamFrom(tensor, 0, chunkBytes);
  }

  /** Its bytes from one on. @throws as stream */
  streamFrom(tensor: string, byte: number, chunkBytes?: number): AsyncIterable<Uint8Array> {
    return this.fileOf(tensor).streamFrom(tensor, byte, chunkBytes);
  }

  /** The codes of a tensor that its file stores in this way; undefined where it does not. @throws as stream */
  packed(tensor: string, as: Quantisation): AsyncIterable<Packed> | undefined {
    return this.fileOf(tensor).packed?.(tensor, as);
  }

  async close(): Promise<void> {
    for (const file of this.files) await file.close();
  }
}

const safetensors: OpenFile = (source) => SafetensorsFile.open(source);

async function openAll(sources: readonly RandomAccess[], open: OpenFile): Promise<WeightsFile[]> {
  try {
    const files: WeightsFile[] = [];
    for (const source of sources) files.push(await open(source));
    return files;
  } catch (error) {
    for (const source of sources) await source.close?.();
    throw error;
  }
}

async function closingOnError<T>(files: readonly WeightsFile[], make: () => T): Promise<T> {
  try {
    return make();
  } catch (error) {
    for (const file of files) await file.close();
    throw error;
  }
}

function ownersOf(files: readonly WeightsFile[]): Map<string, WeightsFile> {
  const owners = new Map<string, WeightsFile>();
  for (const file of files) {
    for (const tensor of file.tensors.keys()) {
      const other = owners.get(tensor);
      if (other) throw runtimeError('tensor_in_two_files', { tensor, file: file.name, other: other.name });
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

async function parseIndex(file: string, text: string): Promise<ReadonlyMap<string, string>> {
  let index: StrictJson;
  try {
    index = parseStrictJson(text);
  } catch (error) {
    if (error instanceof DuplicateKeyError) throw runtimeError('header_key_twice', { file, key: error.key });
    const { recognise } = await import('./foreign.ts');
    const foreign = recognise(new TextEncoder().encode(text.slice(0, 256)));
    if (foreign && !foreign.what.startsWith('text')) throw runtimeError('foreign_weights', { file, ...foreign }, error);
    throw runtimeError('index_form', { file, reason: `is not valid JSON (${reasonOf(error)})` }, error);
  }
  const weightMap = index instanceof Map ? (index as ReadonlyMap<string, StrictJson>).get('weight_map') : undefined;
  if (!(weightMap instanceof Map)) throw runtimeError('index_form', { file, reason: 'has no weight_map' });
  const result = new Map<string, string>();
  for (const [tensor, shard] of weightMap as ReadonlyMap<string, StrictJson>) {
    if (typeof shard !== 'string')
      throw runtimeError('index_form', { file, reason: `gives ${tensor} a shard that is not text` });
    if (!staysInside(shard)) throw runtimeError('shard_outside_folder', { file, shard });
    result.set(tensor, shard);
  }
  return result;
}
