/**
 * The language model seen from generation: prompt in, logits out; token in, logits out. Keeps the key/value cache,
 * the mask and the positions between the steps, and reorders them for beam search. On a backend with a device the cache
 * stays there; only logits are read.
 *
 * An entry without a cache works too: the whole sequence then runs again for every token.
 */
import { widthOf } from '../../shared/cache-storage.ts';
import { entryFor, portFor } from '../../shared/roles.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import type { EntryPorts } from '../backend.ts';
import { type AnyTensor, type DeviceTensor, release, takeRows } from '../device-tensor.ts';
import { runtimeError } from '../errors.ts';
import type { FeedTensor } from '../feeds.ts';
import { type Runner, runKeeping } from '../session.ts';
import { idList, type TokenIds } from '../tokenizer/ids.ts';
import { type PromptBatch, positionsOf } from './batch.ts';
import { positionsWithin } from './positions.ts';

/** The name of the entry that plays a role. @throws RuntimeError R0303 when the model lacks it */
export function playing({ manifest: { entries, model } }: Runner, role: string): string {
  const name = entryFor(model.roles, role);
  if (Object.hasOwn(entries, name)) return name;
  throw runtimeError('not_generative', { model: model.name, what: `entry ${name}` });
}

/** What generation calls a port → its name in the model. */
const portOf = ({ manifest }: Runner, role: string, port: string): string => portFor(manifest.model.ports, role, port);

/** Embeds token ids: [rows, T] → f32 [rows, T, d]. @throws RuntimeError R0303 */
export async function embedTokens(runner: Runner, rows: readonly TokenIds[]): Promise<HostTensor> {
  const name = playing(runner, 'embed_tokens');
  const shape = [rows.length, rows[0]?.length ?? 0];
  const data = BigInt64Array.from(
    rows.flatMap((ids) => idList(ids, 'generate')),
    BigInt,
  );
  const ids = portOf(runner, 'embed_tokens', 'input_ids');
  const outputs = await runner.run(name, { [ids]: { dtype: 'i64', shape, data } });
  return outputs[portOf(runner, 'embed_tokens', 'inputs_embeds')]!;
}

export class Decoder {
  private readonly runner: Runner;
  private readonly entry: EntryPorts;
  /** names of its ports */
  private readonly embeds: string;
  private readonly logits: string;
  private mask: number[][] = [];
  /** by the name of the `past` input */
  private cache: Record<string, AnyTensor> = {};
  private readonly newTokens: number;
  private readonly prefillChunk: number;
  /** positions of the prompt and of all that may follow */
  private room: number | undefined;
  /** without a cache: everything so far, [B, T, d] */
  private history: HostTensor | undefined;

  /**
   * @param newTokens that will follow the prompts at most: room in the cache, where that can be taken in advance
   * @param prefillChunk positions of a prompt that run at once; 0: all of them
   * @throws RuntimeError R0303 when the model's `decode` is not one
   */
  constructor(runner: Runner, newTokens = 0, prefillChunk = 0) {
    this.runner = runner;
    this.newTokens = newTokens;
    this.prefillChunk = prefillChunk;
    const own = playing(runner, 'decode');
    this.entry = runner.manifest.entries[own]!;
    this.embeds = portOf(runner, 'decode', 'inputs_embeds');
    this.logits = portOf(runner, 'decode', 'logits');
    const ports = [...this.entry.inputs, ...this.entry.outputs].map((port) => port.name);
    for (const name of [this.embeds, this.logits]) {
      if (!ports.includes(name))
        throw runtimeError('not_generative', {
          model: runner.manifest.model.name,
          what: `${name} in ${own}`,
        });
    }
  }

  /** Runs the prompts; logits of the next token, one row of the vocabulary per prompt. */
  async prefill({ inputs_embeds, mask }: PromptBatch): Promise<Float64Array[]> {
    const steps = inputs_embeds.shape[1]!;
    const chunk = this.prefillChunk || steps;
    if (chunk < steps && this.entry.cache.length === 0)
      throw runtimeError('generation_option', { option: 'prefill_chunk', value: chunk, expected: '0 without a cache' });
    this.room = steps + this.newTokens;
    for (let start = 0; ; start += chunk) {
      const end = Math.min(start + chunk, steps);
      this.mask = mask.map((row) => row.slice(0, end));
      const part = partOfTime(inputs_embeds, start, end);
      if (end === steps) return this.run(part);
      await this.append(part, []);
    }
  }

  /** Appends one token to each row. */
  async step(tokens: readonly number[]): Promise<Float64Array[]> {
    const embedded = await embedTokens(
      this.runner,
      tokens.map((token) => [token]),
    );
    for (const row of this.mask) row.push(1);
    return this.run(this.history ? concatTime(this.history, embedded) : embedded);
  }

  /** How many ids the logits are over; undefined where that is dynamic. */
  get vocabulary(): number | undefined {
    const size = this.entry.outputs.find(({ name }) => name === this.logits)?.shape.at(-1);
    return typeof size === 'number' ? size : undefined;
  }

  /** The most positions of a sequence, at most `wanted`. */
  positions(wanted: number): number {
    return positionsWithin(this.entry, wanted, this.embeds);
  }

  /** Bytes of the cache that one row takes for so many positions. */
  bytesPerRow(positions: number): number {
    const sizes = this.entry.cache.map(({ past, axis, stored }) => {
      const { shape } = this.entry.inputs.find(({ name }) => name === past)!;
      const fixed = shape.filter((dim, i): dim is number => i !== axis && typeof dim === 'number');
      return fixed.reduce((product, dim) => product * dim, widthOf(stored));
    });
    return positions * sizes.reduce((a, b) => a + b, 0);
  }

  /** Makes row i continue what was row `sources[i]`; also repeats or drops rows. */
  reorder(sources: readonly number[]): void {
    if (sources.length === this.mask.length && sources.every((source, row) => source === row)) return;
    this.mask = sources.map((source) => [...this.mask[source]!]);
    for (const [name, tensor] of Object.entries(this.cache)) {
      this.cache[name] = takeRows(tensor, sources);
      release(tensor);
    }
    if (this.history) this.history = takeRows(this.history, sources) as HostTensor;
  }

  /** Frees the cache on the device; nothing runs after this. */
  dispose(): void {
    for (const tensor of Object.values(this.cache)) release(tensor);
    this.cache = {};
  }

  private async run(inputs_embeds: HostTensor): Promise<Float64Array[]> {
    const outputs = await this.append(inputs_embeds, [this.logits]);
    return lastLogits(outputs[this.logits] as HostTensor);
  }

  /** Runs positions behind those in the cache, which has them too afterwards. */
  private async append(inputs_embeds: HostTensor, fetch: readonly string[]): Promise<Record<string, AnyTensor>> {
    const steps = inputs_embeds.shape[1]!;
    const feeds: Record<string, FeedTensor | DeviceTensor> = { [this.embeds]: inputs_embeds, ...this.cache };
    // the mask covers the past too, the positions only what is new
    this.feed(feeds, 'attention_mask', this.mask);
    this.feed(
      feeds,
      'position_ids',
      this.mask.map((row) => positionsOf(row).slice(-steps)),
    );
    const { cache } = this.entry;
    const outputs = await runKeeping(this.runner, playing(this.runner, 'decode'), feeds, {
      fetch,
      keep: cache.map(({ present }) => present),
      reserve: this.room ?? steps,
      borrow: true, // a host's cache is megabytes a layer
    });
    for (const { past, present } of cache) this.cache[past] = outputs[present]!;
    if (this.entry.cache.length === 0) this.history = inputs_embeds;
    return outputs;
  }

  /** Adds rows of integers as the port wants them, if the entry has the port. */
  private feed(
    feeds: Record<string, FeedTensor | DeviceTensor>,
    name: string,
    rows: readonly (readonly number[])[],
  ): void {
    const port = this.entry.inputs.find((input) => input.name === name);
    if (!port) return;
    const flat = rows.flat();
    const data = port.dtype === 'bool' ? Uint8Array.from(flat) : BigInt64Array.from(flat, BigInt);
    feeds[name] = { dtype: port.dtype, shape: [rows.length, rows[0]!.length], data };
  }
}

/** The last position of [B, T, V] per row, in float64. */
function lastLogits({ shape, data }: HostTensor): Float64Array[] {
  const [rows, steps, vocabulary] = shape as [number, number, number];
  return Array.from({ length: rows }, (_, row) => {
    const end = (row + 1) * steps * vocabulary;
    return Float64Array.from((data as Float32Array).subarray(end - vocabulary, end));
  });
}

/** Positions start … end − 1 of [B, T, d]. */
function partOfTime(x: HostTensor, start: number, end: number): HostTensor {
  const [rows, steps, width] = x.shape as [number, number, number];
  const places = Array.from({ length: rows }, (_, row) => range(row * steps + start, row * steps + end)).flat();
  return {
    ...takeRows({ ...x, shape: [rows * steps, width] }, places),
    shape: [rows, end - start, width],
  } as HostTensor;
}

const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i);

/** [B, T, d] and [B, 1, d] → [B, T + 1, d] */
function concatTime(a: HostTensor, b: HostTensor): HostTensor {
  const [rows, steps, width] = a.shape as [number, number, number];
  const data = new Float32Array(a.data.length + b.data.length);
  for (let row = 0; row < rows; row++) {
    const at = row * (steps + 1) * width;
    data.set((a.data as Float32Array).subarray(row * steps * width, (row + 1) * steps * width), at);
    data.set((b.data as Float32Array).subarray(row * width, (row + 1) * width), at + steps * width);
  }
  return { dtype: 'f32', shape: [rows, steps + 1, width], data };
}
