/**
 * Adapters swapped at run time: LoRA in PEFT's format, fed as inputs to graphs that `mdl compile --swap-adapters` wrote.
 *
 * An adapter is adapter_config.json and adapter_model.safetensors. It is read and checked once, against what the
 * manifest says of the compiled graphs; switching then only changes which tensors a run is fed. Source of the format:
 * peft 0.6, save_pretrained.
 */
import { nearest } from '../shared/nearest.ts';
import type { HostTensor } from '../shared/tensor.ts';
import { sizeOf } from '../shared/tensor.ts';
import type { EntryPorts, ModelManifest } from './backend.ts';
import { reasonOf, runtimeError } from './errors.ts';

export const ADAPTER_CONFIG = 'adapter_config.json';
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';
const PEFT_PREFIX = 'base_model.model.';
/** The name of the adapter that lies in a compiled folder. */
const DEFAULT = 'default';

/** An adapter in memory: the bytes of its two files (the config as text, if that is what you have). */
export interface AdapterBytes {
  readonly config: Uint8Array | string;
  readonly weights: Uint8Array;
}

/** A folder in Node, a folder's URL in a page, or the files themselves. */
export type AdapterSource = string | AdapterBytes;

export interface AdapterInfo {
  readonly name: string;
  /** whether runs use it now */
  readonly active: boolean;
  /** modules of the model that it leaves as they are, where there are any; known once it has been read */
  readonly without?: readonly string[];
}

/** Ways to files, which differ between Node and a page. */
export interface AdapterFiles {
  /** a file of the compiled folder */
  readonly read?: (file: string) => Promise<Uint8Array>;
  readonly openAdapter?: (location: string) => Promise<AdapterBytes>;
}

export interface LoadedAdapter {
  /** by checkpoint key */
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly without: readonly string[];
}

/** `llama_model.base_model.model.model.layers.0.….lora_A.default.weight` → `base_model.model.model.layers.0.….lora_A.weight` */
export function peftKey(key: string): string {
  const plain = key.replace(/\.default\.weight$/, '.weight');
  const at = plain.indexOf(PEFT_PREFIX);
  return at < 0 ? PEFT_PREFIX + plain : plain.slice(at);
}

/** The adapters of a session, and which of them runs use. Starts with the folder's own, if it has one. */
export class Adapters {
  private readonly manifest: ModelManifest;
  private readonly files: AdapterFiles;
  private readonly known = new Map<string, Promise<LoadedAdapter>>();
  private readonly partial = new Map<string, readonly string[]>();
  private readonly zeros = new Map<string, HostTensor>();
  private current: string | null;

  constructor(manifest: ModelManifest, files: AdapterFiles) {
    this.manifest = manifest;
    this.files = files;
    this.current = manifest.adapter?.default === undefined ? null : DEFAULT;
  }

  /** @throws RuntimeError R0218–R0221, and R01xx for weights that are no safetensors file */
  async add(name: string, source: AdapterSource): Promise<void> {
    this.swappable();
    const label = typeof source === 'string' ? source : name;
    const loaded = await this.read(label, await this.bytesOf(label, source));
    this.known.set(name, Promise.resolve(loaded));
    this.partial.set(name, loaded.without);
  }

  /** @throws RuntimeError R0217 when there is no adapter of this name, R0218 */
  set(name: string | null): void {
    this.swappable();
    const names = this.names();
    if (name !== null && !names.includes(name))
      throw runtimeError('unknown_adapter', { adapter: name, near: nearest(name, names), adapters: names });
    this.current = name;
  }

  list(): AdapterInfo[] {
    return this.names().map((name) => {
      const without = this.partial.get(name) ?? [];
      return { name, active: name === this.current, ...(without.length > 0 ? { without } : {}) };
    });
  }

  /** What the current adapter feeds to an entry; without one zeros, under which A and B add nothing. */
  async feeds(entry: EntryPorts): Promise<Record<string, HostTensor>> {
    const { adapters = [] } = entry;
    if (adapters.length === 0) return {};
    const tensors = this.current === null ? undefined : (await this.load(this.current)).tensors;
    return Object.fromEntries(adapters.map(({ input, key, shape }) => [input, tensors?.get(key) ?? this.zero(shape)]));
  }

  private names(): string[] {
    const own = this.manifest.adapter?.default === undefined ? [] : [DEFAULT];
    return [...new Set([...own, ...this.known.keys()])];
  }

  private swappable(): void {
    const { adapter, model } = this.manifest;
    if (!adapter) throw runtimeError('adapters_not_swappable', { model: model.name });
  }

  /** Only the folder's own is not there yet: it is read when a run first uses it. */
  private load(name: string): Promise<LoadedAdapter> {
    const before = this.known.get(name);
    if (before) return before;
    const folder = this.manifest.adapter!.default!;
    const loading = this.readOwn(folder)
      .then((bytes) => this.read(folder, bytes))
      .catch((error: unknown) => {
        if (this.known.get(name) === loading) this.known.delete(name); // the next run may try again
        throw error;
      });
    this.known.set(name, loading);
    return loading;
  }

  /** A page that has no adapter does not load how they are read. */
  private async read(label: string, bytes: AdapterBytes): Promise<LoadedAdapter> {
    const { readAdapter } = await import('./adapter-file.ts');
    return readAdapter(this.manifest, label, bytes);
  }

  private async readOwn(folder: string): Promise<AdapterBytes> {
    const { read } = this.files;
    if (!read)
      throw runtimeError('adapter_not_read', { adapter: folder, reason: 'this session was opened without its files' });
    try {
      const config = await read(`${folder}/${ADAPTER_CONFIG}`);
      return { config, weights: await read(`${folder}/${ADAPTER_WEIGHTS}`) };
    } catch (error) {
      throw runtimeError('adapter_not_read', { adapter: folder, reason: reasonOf(error) }, error);
    }
  }

  private async bytesOf(label: string, source: AdapterSource): Promise<AdapterBytes> {
    if (typeof source !== 'string') return source;
    const { openAdapter } = this.files;
    if (openAdapter) return openAdapter(source);
    throw runtimeError('adapter_not_read', {
      adapter: label,
      reason: 'this session takes the bytes of the files only',
    });
  }

  private zero(shape: readonly number[]): HostTensor {
    const key = shape.join();
    const before = this.zeros.get(key);
    if (before) return before;
    const tensor: HostTensor = { dtype: 'f32', shape, data: new Float32Array(sizeOf(shape)) };
    this.zeros.set(key, tensor);
    return tensor;
  }
}
