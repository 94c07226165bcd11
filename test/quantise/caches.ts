/** Caches that are stored as halves or bytes: what every target must have in common. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Model } from '../../src/compiler/elaborate/model.ts';
import { compile } from '../../src/compiler/index.ts';
import { openForRun } from '../../src/compiler/workbench/session.ts';
import { seededWeights } from '../../src/compiler/workbench/weights/provider.ts';
import { type AnyTensors, toHost } from '../../src/runtime/device-tensor.ts';
import { generate } from '../../src/runtime/generate/generate.ts';
import { runKeeping, type Session } from '../../src/runtime/session.ts';
import { fromHalves, toHalves } from '../../src/runtime/weights/halves.ts';
import type { CacheStorage } from '../../src/shared/cache-storage.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { atFileEnd } from '../support/file-end.ts';
import { memory } from '../support/project.ts';

const SEED = 3;

type HostEngine = { readonly backend: 'reference' | 'onnx'; readonly opset: 17 | 23 };
export const REFERENCE: HostEngine = { backend: 'reference', opset: 17 };

/** A decoder with two layers; of another file its text and config. */
export interface Source {
  readonly file: string;
  readonly config: string;
}
export const GPT: Source = { file: 'examples/gpt.mdl', config: 'tiny' };

export function modelOf({ file, config }: Source) {
  const files = { [file]: readFileSync(file, 'utf8') };
  const compilation = compile(file, memory(files), { config });
  return { model: compilation.model!, compilation };
}

export const weightsOf = (model: Model) => seededWeights(model, SEED);

export async function openCached(engine: HostEngine, caches?: CacheStorage, source = GPT): Promise<Session> {
  const loaded = modelOf(source);
  const session = await openForRun(loaded, weightsOf(loaded.model), { ...engine, caches });
  atFileEnd(() => session.dispose());
  return session;
}

const IDS = [
  [5, 9, 33, 2, 60, 17, 21, 8, 40],
  [7, 7, 1, 50, 3, 3, 12, 63, 30],
];
const length = IDS[0]!.length;

/** Logits of each position, with the prompt in parts of these lengths, and the caches that are left. */
export async function inParts(session: Session, parts: readonly number[]) {
  const logits: number[][] = [];
  let cache: AnyTensors = {};
  let past = 0;
  const { cache: ports } = session.entry('decode');
  for (const part of parts) {
    const ids = IDS.map((row) => row.slice(past, past + part));
    const shape = [IDS.length, part];
    const data = BigInt64Array.from(ids.flat(), BigInt);
    const { inputs_embeds } = await session.run('embed_tokens', { input_ids: { dtype: 'i64', shape, data } });
    const places = BigInt64Array.from(ids.flatMap((row) => row.map((_, i) => BigInt(past + i))));
    const seen = {
      dtype: 'i64',
      shape: [IDS.length, past + part],
      data: new BigInt64Array(IDS.length * (past + part)).fill(1n),
    };
    const outputs = await runKeeping(
      session,
      'decode',
      {
        inputs_embeds: inputs_embeds!,
        attention_mask: seen as HostTensor,
        position_ids: { dtype: 'i64', shape, data: places },
        ...cache,
      },
      { fetch: ['logits'], keep: ports.map(({ present }) => present) },
    );
    const { data: numbers, shape: found } = outputs.logits as HostTensor;
    const vocabulary = found[2]!;
    for (let at = 0; at < part; at++) {
      const own = IDS.flatMap((_, row) => [
        ...(numbers as Float32Array).subarray((row * part + at) * vocabulary, (row * part + at + 1) * vocabulary),
      ]);
      logits.push(own);
    }
    cache = Object.fromEntries(ports.map((port) => [port.past, outputs[port.present]!]));
    past += part;
  }
  const host = await Promise.all(
    Object.entries(cache).map(async ([name, tensor]) => [name, await toHost(tensor)] as const),
  );
  return { logits: logits.flat(), cache: new Map(host.map(([name, { data }]) => [name, data as Float32Array])) };
}

export const farthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Math.max(0, ...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
};

/** What a row is read as: by the bits of halves, or by one scale for the row. */
export function roundedRows(values: Float32Array, width: number, stored: CacheStorage): Float32Array {
  if (stored === 'f16') {
    const rounded = new Float32Array(values.length);
    fromHalves(toHalves(values), rounded, 0);
    return rounded;
  }
  return values.map((value, i) => {
    const row = values.subarray(i - (i % width), i - (i % width) + width);
    const scale = Math.max(...row.map(Math.abs)) / 127;
    return Math.round(value / scale) * scale;
  });
}

/** Codes by their scales, or what halves hold. */
export function readOf(cache: ReadonlyMap<string, Float32Array>, name: string, width: number): Float32Array {
  const [values, scales] = [cache.get(name)!, cache.get(`${name}.scales`)];
  return scales ? values.map((code, i) => code * scales[Math.floor(i / width)]!) : values;
}

/** One step of a half or of a code, beside the largest number. */
const STEP = { f16: 2 ** -11, int8: 1 / 127 } as const;

/** In one piece, in parts and position by position it is the same; and the same as the interpreter's but for steps of a rounding. */
export async function expectCaches(session: Session, stored: CacheStorage): Promise<void> {
  const oracle = await openCached(REFERENCE, stored);
  const expected = await inParts(oracle, [length]);
  const largest = Math.max(...expected.logits.map(Math.abs));
  for (const parts of [[length], [4, 5], [1, 1, 5, 1, 1]]) {
    const found = await inParts(session, parts);
    expect(farthest(found.logits, expected.logits)).toBeLessThan(0.05 * STEP[stored] * largest);
    for (const [name, want] of expected.cache) {
      const have = found.cache.get(name)!;
      const size = Math.max(...want.map(Math.abs));
      const other = have.filter((value, i) => Math.abs(value - want[i]!) > 1e-5 * size);
      expect(other.length, name).toBeLessThanOrEqual(0.01 * want.length);
      expect(farthest(have, want), name).toBeLessThanOrEqual(1.01 * STEP[stored] * size);
    }
  }
}

/** Greedy and with beams, which take rows of caches. */
export async function expectAnswers(session: Session, stored: CacheStorage): Promise<void> {
  const oracle = await openCached(REFERENCE, stored);
  for (const num_beams of [1, 3]) {
    const options = { max_new_tokens: 12, num_beams, prefill_chunk: 2 };
    const tokens = async (of: Session) =>
      (await generate(of, { input_ids: IDS }, options)).rows.map((row) => row.tokens);
    expect(await tokens(session)).toEqual(await tokens(oracle));
  }
}
