/**
 * A session: a compiled model, ready to run its entries on a backend.
 *
 * Entries load on first use, so that a page which only encodes images never fetches the language model. The same
 * session runs in Node and in a page; `openSession` of the two index files chooses the backend.
 */

import { type Binding, sizeUnder } from '../shared/bind-dims.ts';
import { parseDim } from '../shared/dim-text.ts';
import { isIndexOutside } from '../shared/index-outside.ts';
import { isObject } from '../shared/kind-of.ts';
import { nearest } from '../shared/nearest.ts';
import type { HostTensor } from '../shared/tensor.ts';
import { type AdapterFiles, type AdapterInfo, type AdapterSource, Adapters } from './adapters.ts';
import { checkArgument, checkNames, checkOptions } from './arguments.ts';
import type { Backend, EntryPorts, ModelManifest, Program, ProgramOptions } from './backend.ts';
import type { AnyTensor, AnyTensors } from './device-tensor.ts';
import { RuntimeError, reasonOf, runtimeError } from './errors.ts';
import { type AnyFeeds, checkDeviceRanges, checkFeeds, copyFeeds, type Feeds } from './feeds.ts';
import { checkComputed, throwFound } from './index-checks.ts';
import type { StepTime } from './step-time.ts';

export interface RunOptions extends ProgramOptions {
  /** The outputs wanted besides those to keep; all when absent. */
  readonly fetch?: readonly string[];
  /** The caller leaves the fed arrays alone until the run is over, so they are read where they lie and not copied first. */
  readonly borrow?: boolean;
}

/** What generation and tools need of a session; tests implement it by hand. */
export interface Runner {
  readonly manifest: ModelManifest;
  run(entry: string, feeds: Feeds, options?: RunOptions): Promise<Record<string, HostTensor>>;
  /** A tensor where the entries compute; absent: the host. */
  upload?(tensor: AnyTensor, label: string): Promise<AnyTensor>;
}

/**
 * Runs an entry where tensors may stay on a device. A runner without one ignores `keep`, and never meets a tensor on a
 * device, because it never made one.
 */
export function runKeeping(
  runner: Runner,
  entry: string,
  feeds: AnyFeeds,
  options: RunOptions,
): Promise<Record<string, AnyTensor>> {
  return runner.run(entry, feeds as Feeds, options);
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
  /** why this backend, where the runtime chose it */
  readonly why?: string;
  /** where the numbers come from; null: compiled without weights */
  readonly weights: string | null;
  readonly entries: Readonly<Record<string, EntryInfo>>;
}

/** What a session is opened with. `why`: for info(), where the backend was chosen. */
export interface SessionParts extends AdapterFiles {
  readonly backend: Backend;
  readonly why?: string;
}

export class Session implements Runner {
  readonly manifest: ModelManifest;
  private readonly backend: Backend;
  private readonly why: string | undefined;
  private readonly swapped: Adapters;
  private readonly programs = new Map<string, Promise<Program>>();
  private readonly spent = new Map<string, { runs: number; milliseconds: number }>();
  /** while a new device is being taken */
  private recovering: Promise<void> | undefined;
  /** adapters' tensors on the device */
  private uploaded = new WeakMap<HostTensor, Promise<AnyTensor>>();
  private disposed = false;

  private constructor(manifest: ModelManifest, { backend, why, ...files }: SessionParts) {
    this.manifest = manifest;
    this.backend = backend;
    this.why = why;
    this.swapped = new Adapters(manifest, files);
  }

  /** `openSession` knows the ways to files; without them adapters are added as bytes only. @throws RuntimeError R0512 */
  static open(manifest: ModelManifest, parts: SessionParts): Session {
    const call = 'Session.open';
    checkArgument(call, 'the manifest', manifest, isObject(manifest?.entries), 'a manifest with entries');
    checkArgument(call, 'its parts', parts, isObject(parts?.backend), 'an object with a backend');
    return new Session(manifest, parts);
  }

  /** @throws RuntimeError R0201 when there is no entry of this name, R0512 for what is no name */
  entry(name: string): EntryPorts {
    const { entries } = this.manifest;
    checkArgument('the session', 'the name of an entry', name, typeof name === 'string', 'a string');
    const names = Object.keys(entries);
    if (!Object.hasOwn(entries, name))
      throw runtimeError('unknown_entry', { entry: name, entries: names, near: nearest(name, names) });
    return entries[name]!;
  }

  /** Loads an entry now rather than at its first run. @throws RuntimeError R0201, R0205, R0206, R0214 */
  async load(name: string): Promise<void> {
    await this.program(name);
  }

  /**
   * Runs an entry.
   * @param feeds its inputs, copied before this returns; i64 may be given as Int32Array, an absent cache is empty
   * Inputs of the current adapter are fed by themselves, unless `feeds` has them. With `keep`, outputs stay on the
   * backend's device, if it has one; a tensor there that the entry updates in place is used up.
   * @throws RuntimeError R0201, R0205–R0215, R0222–R0224, R0510, R0512, R0219–R0221 (the folder's own adapter, read at the first run), R10xx
   */
  run(
    name: string,
    feeds: AnyFeeds,
    options?: RunOptions & { readonly keep?: never },
  ): Promise<Record<string, HostTensor>>;
  run(name: string, feeds: AnyFeeds, options: RunOptions): Promise<Record<string, AnyTensor>>;
  async run(name: string, feeds: AnyFeeds, options: RunOptions = {}): Promise<Record<string, AnyTensor>> {
    const entry = this.entry(name);
    const outputs = entry.outputs.map((port) => port.name);
    checkRun(feeds, options);
    const { fetch, keep = [], borrow } = options;
    for (const output of [...(fetch ?? []), ...(keep === 'all' ? [] : keep)]) {
      if (!outputs.includes(output))
        throw runtimeError('unknown_output', { entry: name, output, near: nearest(output, outputs), outputs });
    }
    const own = borrow ? feeds : copyFeeds(feeds); // before anything is awaited
    const given = checkFeeds(name, entry, { ...(await this.adapterFeeds(entry)), ...own });
    await checkDeviceRanges(name, entry, given);
    const { bindings } = given;
    const program = await this.program(name);
    const began = performance.now();
    const { fetch: computed, ...running } = withChecks(entry, options);
    const results = await program.run(given.feeds, computed, running).catch((error: unknown) => {
      if (error instanceof RuntimeError) throw error;
      if (isIndexOutside(error))
        throw runtimeError('computed_index_range', { entry: name, ...error.outsideIndex }, error);
      const reason = reasonOf(error);
      if (entry.checks) throwFound(name, entry.checks, reason, bindings, error);
      throw runtimeError('run_failed', { entry: name, backend: this.backend.name, reason }, error);
    });
    const spent = this.spent.get(name) ?? { runs: 0, milliseconds: 0 };
    this.spent.set(name, { runs: spent.runs + 1, milliseconds: spent.milliseconds + performance.now() - began });
    if (entry.checks) await checkComputed(name, entry.checks, results, bindings);
    return collect(name, entry, wantedOf(outputs, options), results, bindings);
  }

  /**
   * A tensor on the backend's device, for feeds that stay the same; on a backend without one the tensor itself.
   * @param label for messages
   */
  async upload(tensor: AnyTensor, label: string): Promise<AnyTensor> {
    return this.backend.upload(tensor, label);
  }

  /** The step times of the runs with `profile` since the last call; none on backends that cannot tell. */
  async takeProfile(): Promise<StepTime[]> {
    const times: StepTime[] = [];
    for (const program of await Promise.allSettled(this.programs.values()))
      if (program.status === 'fulfilled') times.push(...program.value.takeProfile());
    return times;
  }

  /**
   * After the loss of the device: takes a new one. Entries load again, with their weights, at their next run. Tensors
   * that were on the old device are gone. Does nothing where no device was lost.
   * @throws RuntimeError R1001, R1002
   */
  async recover(): Promise<void> {
    // two calls are one: each would take a device
    this.recovering ??= this.backend.recover().then((lost) => {
      if (!lost) return;
      this.programs.clear();
      this.uploaded = new WeakMap();
    });
    try {
      await this.recovering;
    } finally {
      this.recovering = undefined;
    }
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
      ...(this.why === undefined ? {} : { why: this.why }),
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
    await this.backend.dispose();
  }

  /** What the current adapter feeds, on the device where there is one. */
  private async adapterFeeds(entry: EntryPorts): Promise<Record<string, AnyTensor>> {
    const feeds = await this.swapped.feeds(entry);
    const uploaded: Record<string, AnyTensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) {
      const there = this.uploaded.get(tensor) ?? this.backend.upload(tensor, name);
      this.uploaded.set(tensor, there);
      there.catch(() => this.uploaded.delete(tensor)); // the next run may try again
      uploaded[name] = await there;
    }
    return uploaded;
  }

  private program(name: string): Promise<Program> {
    const entry = this.entry(name);
    if (this.disposed) return Promise.reject(runtimeError('session_disposed', { model: this.manifest.model.name }));
    const before = this.programs.get(name);
    if (before) return before;
    const loading = this.backend.loadEntry(name, entry).catch((error: unknown) => {
      this.programs.delete(name); // the next run may try again
      if (error instanceof RuntimeError) throw error;
      throw runtimeError(
        'entry_not_loaded',
        { entry: name, backend: this.backend.name, reason: reasonOf(error) },
        error,
      );
    });
    this.programs.set(name, loading);
    return loading;
  }
}

const RUN_OPTIONS: readonly (keyof RunOptions)[] = ['fetch', 'keep', 'borrow', 'reserve', 'profile'];

/** @throws RuntimeError R0510, R0512 */
function checkRun(feeds: AnyFeeds, options: RunOptions): void {
  checkArgument('run', 'its inputs', feeds, isObject(feeds), 'an object of tensors by name');
  checkOptions('run', options, RUN_OPTIONS);
  checkNames('run', 'fetch', options.fetch);
  if (options.keep !== 'all') checkNames('run', 'keep', options.keep);
}

/** What a program runs with: what there is to check is read, whatever the caller wants. */
function withChecks({ outputs, checks }: EntryPorts, options: RunOptions): RunOptions {
  const { fetch, ...rest } = options;
  // to keep all is to want all
  if (rest.keep === 'all')
    return checks ? { ...rest, fetch: [checks.output], keep: outputs.map(({ name }) => name) } : rest;
  return checks && fetch ? { ...rest, fetch: [...fetch, checks.output] } : options;
}

/** Fetched and kept outputs, in the order of the ports. */
function wantedOf(outputs: readonly string[], { fetch, keep = [] }: RunOptions): readonly string[] {
  if (!fetch || keep === 'all') return outputs;
  return outputs.filter((name) => fetch.includes(name) || keep.includes(name));
}

/** The wanted outputs, checked against the manifest. @throws RuntimeError R0212 */
function collect(
  entry: string,
  { outputs }: EntryPorts,
  wanted: readonly string[],
  results: AnyTensors,
  bindings: ReadonlyMap<string, Binding>,
): Record<string, AnyTensor> {
  const collected: Record<string, AnyTensor> = {};
  for (const output of wanted) {
    const tensor = results[output];
    const port = outputs.find(({ name }) => name === output)!;
    if (!tensor) throw runtimeError('bad_output', { entry, output, reason: 'not at all' });
    if (tensor.dtype !== port.dtype)
      throw runtimeError('bad_output', { entry, output, reason: `as ${tensor.dtype} and not as ${port.dtype}` });
    if (tensor.shape.length !== port.shape.length) {
      throw runtimeError('bad_output', {
        entry,
        output,
        reason: `with rank ${tensor.shape.length} and not ${port.shape.length}`,
      });
    }
    const expected = port.shape.map((text) => {
      const dim = parseDim(text);
      return dim === undefined ? undefined : sizeUnder(dim, bindings);
    });
    if (expected.some((size, axis) => size !== undefined && size !== tensor.shape[axis])) {
      throw runtimeError('bad_output', {
        entry,
        output,
        reason: `of size [${tensor.shape.join(', ')}] and not [${expected.join(', ')}]`,
      });
    }
    collected[output] = tensor;
  }
  return collected;
}
