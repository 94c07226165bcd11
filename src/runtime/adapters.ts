/**
 * Adapters swapped at run time: LoRA in PEFT's format, fed as inputs to graphs that `mdl compile --swap-adapters` wrote.
 *
 * An adapter is adapter_config.json and adapter_model.safetensors. It is read and checked once, against what the
 * manifest says of the compiled graphs; switching then only changes which tensors a run is fed. Source of the format:
 * peft 0.6, save_pretrained.
 */
import type { AdapterPort } from '../shared/artifact.ts';
import type { HostTensor } from '../shared/tensor.ts';
import { sizeOf } from '../shared/tensor.ts';
import type { EntryPorts, ModelManifest } from './backend.ts';
import { reasonOf, runtimeError } from './errors.ts';
import { nearestName } from './names.ts';
import { SafetensorsFile } from './safetensors.ts';
import { firstNonFinite } from './weights/dtypes.ts';
import { bytesSource } from './weights/source.ts';

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
}

/** Ways to files, which differ between Node and a page. */
export interface AdapterFiles {
  /** a file of the compiled folder */
  readonly read?: (file: string) => Promise<Uint8Array>;
  readonly openAdapter?: (location: string) => Promise<AdapterBytes>;
}

/** By checkpoint key. */
type AdapterTensors = ReadonlyMap<string, HostTensor>;

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
  private readonly known = new Map<string, Promise<AdapterTensors>>();
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
    const tensors = await readAdapter(this.manifest, label, await this.bytesOf(label, source));
    this.known.set(name, Promise.resolve(tensors));
  }

  /** @throws RuntimeError R0217 when there is no adapter of this name, R0218 */
  set(name: string | null): void {
    this.swappable();
    const names = this.names();
    if (name !== null && !names.includes(name))
      throw runtimeError('R0217', { adapter: name, near: nearestName(name, names), adapters: names });
    this.current = name;
  }

  list(): AdapterInfo[] {
    return this.names().map((name) => ({ name, active: name === this.current }));
  }

  /** What the current adapter feeds to an entry; without one zeros, under which A and B add nothing. */
  async feeds(entry: EntryPorts): Promise<Record<string, HostTensor>> {
    const { adapters = [] } = entry;
    if (adapters.length === 0) return {};
    const tensors = this.current === null ? undefined : await this.load(this.current);
    return Object.fromEntries(adapters.map(({ input, key, shape }) => [input, tensors?.get(key) ?? this.zero(shape)]));
  }

  private names(): string[] {
    const own = this.manifest.adapter?.default === undefined ? [] : [DEFAULT];
    return [...new Set([...own, ...this.known.keys()])];
  }

  private swappable(): void {
    const { adapter, model } = this.manifest;
    if (!adapter) throw runtimeError('R0218', { model: model.name });
  }

  /** Only the folder's own is not there yet: it is read when a run first uses it. */
  private load(name: string): Promise<AdapterTensors> {
    const before = this.known.get(name);
    if (before) return before;
    const folder = this.manifest.adapter!.default!;
    const loading = this.readOwn(folder)
      .then((bytes) => readAdapter(this.manifest, folder, bytes))
      .catch((error: unknown) => {
        if (this.known.get(name) === loading) this.known.delete(name); // the next run may try again
        throw error;
      });
    this.known.set(name, loading);
    return loading;
  }

  private async readOwn(folder: string): Promise<AdapterBytes> {
    const { read } = this.files;
    if (!read) throw runtimeError('R0219', { adapter: folder, reason: 'this session was opened without its files' });
    try {
      const config = await read(`${folder}/${ADAPTER_CONFIG}`);
      return { config, weights: await read(`${folder}/${ADAPTER_WEIGHTS}`) };
    } catch (error) {
      throw runtimeError('R0219', { adapter: folder, reason: reasonOf(error) }, error);
    }
  }

  private async bytesOf(label: string, source: AdapterSource): Promise<AdapterBytes> {
    if (typeof source !== 'string') return source;
    const { openAdapter } = this.files;
    if (openAdapter) return openAdapter(source);
    throw runtimeError('R0219', { adapter: label, reason: 'this session takes the bytes of the files only' });
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

/** An adapter's tensors by checkpoint key, f32. @throws RuntimeError R0219–R0221, R01xx */
async function readAdapter(manifest: ModelManifest, adapter: string, bytes: AdapterBytes): Promise<AdapterTensors> {
  checkConfig(manifest, adapter, bytes.config);
  const file = await SafetensorsFile.open(bytesSource(bytes.weights, `${adapter}: ${ADAPTER_WEIGHTS}`));
  const ports = new Map<string, AdapterPort>();
  for (const entry of Object.values(manifest.entries))
    for (const port of entry.adapters ?? []) ports.set(port.key, port);
  const stored = new Map([...file.tensors.keys()].map((name) => [peftKey(name), name]));
  const unexpected = new Set(file.tensors.keys());
  const problems: string[] = [];
  const tensors = new Map<string, HostTensor>();
  const find = (key: string): string | undefined => {
    const name = stored.get(peftKey(key));
    if (name === undefined) problems.push(`${peftKey(key)} is missing`);
    else unexpected.delete(name);
    return name;
  };
  for (const { key, shape } of ports.values()) {
    const name = find(key);
    if (name === undefined) continue;
    const found = file.info(name);
    if (found.shape.join() !== shape.join()) {
      problems.push(`${name} has shape [${found.shape.join(', ')}] and not [${shape.join(', ')}]`);
      continue;
    }
    const tensor = await file.read(name);
    if (!(tensor.data instanceof Float32Array)) {
      problems.push(`${name} is ${found.dtype} and not a float`);
      continue;
    }
    const at = firstNonFinite(tensor.data);
    if (at >= 0) problems.push(`${name} is ${tensor.data[at]} at element ${at}`);
    tensors.set(key, tensor);
  }
  for (const key of manifest.adapter!.others) find(key);
  for (const name of unexpected) problems.push(`${name} is unexpected`);
  if (problems.length > 0) throw runtimeError('R0221', { adapter, problems });
  return tensors;
}

/** Rank and scaling, which are part of the compiled graphs. @throws RuntimeError R0219, R0220 */
function checkConfig(manifest: ModelManifest, adapter: string, text: Uint8Array | string): void {
  let config: Readonly<Record<string, unknown>> | null;
  try {
    config = JSON.parse(typeof text === 'string' ? text : new TextDecoder().decode(text)) as typeof config;
  } catch (error) {
    throw runtimeError('R0219', { adapter, reason: `${ADAPTER_CONFIG} is not JSON: ${reasonOf(error)}` }, error);
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw runtimeError('R0219', { adapter, reason: `${ADAPTER_CONFIG} is not a JSON object` });
  const { type, r, alpha } = manifest.adapter!;
  const same = (what: string, found: unknown, expected: unknown): void => {
    if (found === expected) return;
    const shown = found === undefined ? 'none' : JSON.stringify(found);
    throw runtimeError('R0220', { adapter, what, found: shown, expected: JSON.stringify(expected) });
  };
  same('peft_type', config.peft_type, type);
  same('r', config.r, r);
  // rank-stabilised LoRA divides by √r (Kalajdzievski 2023, arXiv:2312.03732, eq. 4)
  if (config.use_rslora === true) same('scaling', Number(config.lora_alpha) / Math.sqrt(r), alpha / r);
  else same('lora_alpha', config.lora_alpha, alpha);
  same('use_dora', config.use_dora ?? false, false);
  for (const what of ['rank_pattern', 'alpha_pattern']) same(what, JSON.stringify(config[what] ?? {}), '{}');
}
