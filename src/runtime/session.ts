/**
 * A session: a compiled model, ready to run its entries on a backend.
 *
 * Entries load on first use, so that a page which only encodes images never fetches the language model. The same
 * session runs in Node and in a page; `openSession` of the two index files chooses the backend.
 */
import type { EntryManifest, Manifest } from '../shared/artifact.ts';
import type { HostTensor } from '../shared/tensor.ts';
import { type AdapterFiles, type AdapterInfo, type AdapterSource, Adapters } from './adapters.ts';
import type { Backend, Program, Tensors } from './backend.ts';
import { RuntimeError, reasonOf, runtimeError } from './errors.ts';
import { checkFeeds, type Feeds } from './feeds.ts';
import { nearestName } from './names.ts';

export interface RunOptions {
  /** The outputs wanted; all when absent. */
  readonly fetch?: readonly string[];
}

/** What generation and tools need of a session; tests implement it by hand. */
export interface Runner {
  readonly manifest: Manifest;
  run(entry: string, feeds: Feeds, options?: RunOptions): Promise<Record<string, HostTensor>>;
}

export interface EntryInfo {
  readonly loaded: boolean;
  readonly runs: number;
  /** spent in run(), in milliseconds */
  readonly milliseconds: number;
}

export interface SessionInfo {
  readonly model: string;
  readonly backend: string;
  /** where the numbers come from; null: compiled without weights */
  readonly weights: string | null;
  readonly entries: Readonly<Record<string, EntryInfo>>;
}

export class Session implements Runner {
  readonly manifest: Manifest;
  private readonly backend: Backend;
  private readonly swapped: Adapters;
  private readonly programs = new Map<string, Promise<Program>>();
  private readonly spent = new Map<string, { runs: number; milliseconds: number }>();
  private disposed = false;

  private constructor(manifest: Manifest, backend: Backend, files: AdapterFiles) {
    this.manifest = manifest;
    this.backend = backend;
    this.swapped = new Adapters(manifest, files);
  }

  /** `openSession` knows the ways to files; without them adapters are added as bytes only. */
  static open(manifest: Manifest, { backend, ...files }: { readonly backend: Backend } & AdapterFiles): Session {
    return new Session(manifest, backend, files);
  }

  /** @throws RuntimeError R0201 when there is no entry of this name */
  entry(name: string): EntryManifest {
    const { entries } = this.manifest;
    const names = Object.keys(entries);
    if (!Object.hasOwn(entries, name))
      throw runtimeError('R0201', { entry: name, entries: names, near: nearestName(name, names) });
    return entries[name]!;
  }

  /** Loads an entry now rather than at its first run. @throws RuntimeError R0201, R0205, R0206, R0214 */
  async load(name: string): Promise<void> {
    await this.program(name);
  }

  /**
   * Runs an entry.
   * @param feeds its inputs; i64 may be given as Int32Array, an absent cache is empty
   * Inputs of the current adapter are fed by themselves, unless `feeds` has them.
   * @throws RuntimeError R0201, R0205–R0215, R0222, R0219–R0221 (the folder's own adapter, read at the first run)
   */
  async run(name: string, feeds: Feeds, options: RunOptions = {}): Promise<Record<string, HostTensor>> {
    const entry = this.entry(name);
    const outputs = entry.outputs.map((port) => port.name);
    for (const output of options.fetch ?? []) {
      if (!outputs.includes(output))
        throw runtimeError('R0213', { entry: name, output, near: nearestName(output, outputs), outputs });
    }
    const checked = checkFeeds(name, entry, { ...(await this.swapped.feeds(entry)), ...feeds });
    const program = await this.program(name);
    const began = performance.now();
    const results = await program.run(checked, options.fetch).catch((error: unknown) => {
      if (error instanceof RuntimeError) throw error;
      throw runtimeError('R0215', { entry: name, backend: this.backend.name, reason: reasonOf(error) }, error);
    });
    const spent = this.spent.get(name) ?? { runs: 0, milliseconds: 0 };
    this.spent.set(name, { runs: spent.runs + 1, milliseconds: spent.milliseconds + performance.now() - began });
    return collect(name, entry, options.fetch ?? outputs, results);
  }

  /**
   * Reads and checks an adapter in PEFT's format, for `setAdapter`. One of the same name is replaced.
   * @param source a folder (Node), a folder's URL (page), or the bytes of the two files
   * @throws RuntimeError R0218–R0221, and R01xx for weights that are no safetensors file
   */
  addAdapter(name: string, source: AdapterSource): Promise<void> {
    return this.swapped.add(name, source);
  }

  /**
   * The adapter of every run from now on; null: none. Costs nothing: the graphs stay loaded. A cache that another
   * adapter filled does not fit, so switch between generations and not within one.
   * @throws RuntimeError R0217, R0218
   */
  setAdapter(name: string | null): void {
    this.swapped.set(name);
  }

  /** The folder's own (`default`), which is active at first, then those that were added. */
  adapters(): AdapterInfo[] {
    return this.swapped.list();
  }

  /** What is loaded, what ran where and for how long. */
  info(): SessionInfo {
    const { model, weights, entries } = this.manifest;
    const info = (name: string): EntryInfo => ({
      loaded: this.programs.has(name),
      ...(this.spent.get(name) ?? { runs: 0, milliseconds: 0 }),
    });
    return {
      model: model.name,
      backend: this.backend.name,
      weights: weights === null ? null : weights.origin,
      entries: Object.fromEntries(Object.keys(entries).map((name) => [name, info(name)])),
    };
  }

  /** Frees the model. Runs after this are errors. */
  async dispose(): Promise<void> {
    this.disposed = true;
    const loading = [...this.programs.values()];
    this.programs.clear();
    for (const program of await Promise.allSettled(loading)) {
      if (program.status === 'fulfilled') await program.value.dispose();
    }
  }

  private program(name: string): Promise<Program> {
    const entry = this.entry(name);
    if (this.disposed) return Promise.reject(runtimeError('R0214', { model: this.manifest.model.name }));
    const before = this.programs.get(name);
    if (before) return before;
    const loading = this.backend.loadEntry(name, entry).catch((error: unknown) => {
      this.programs.delete(name); // the next run may try again
      if (error instanceof RuntimeError) throw error;
      throw runtimeError('R0206', { entry: name, backend: this.backend.name, reason: reasonOf(error) }, error);
    });
    this.programs.set(name, loading);
    return loading;
  }
}

/** The wanted outputs, checked against the manifest as far as that is cheap. @throws RuntimeError R0212 */
function collect(
  entry: string,
  { outputs }: EntryManifest,
  wanted: readonly string[],
  results: Tensors,
): Record<string, HostTensor> {
  const collected: Record<string, HostTensor> = {};
  for (const output of wanted) {
    const tensor = results[output];
    const port = outputs.find(({ name }) => name === output)!;
    if (!tensor) throw runtimeError('R0212', { entry, output, reason: 'not at all' });
    if (tensor.dtype !== port.dtype)
      throw runtimeError('R0212', { entry, output, reason: `as ${tensor.dtype} and not as ${port.dtype}` });
    if (tensor.shape.length !== port.shape.length) {
      throw runtimeError('R0212', {
        entry,
        output,
        reason: `with rank ${tensor.shape.length} and not ${port.shape.length}`,
      });
    }
    collected[output] = tensor;
  }
  return collected;
}
