/**
 * Shards: batches one after the other in safetensors files, and an index that names them. Tensor `12.labels` is the input `labels` of
 * batch 12. A file appears under its name when it is complete, and the index when all of them are.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSafetensors } from '../../../runtime/index.ts';
import type { DataSource, RunSettings } from '../../../runtime/train/index.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { cliError, reasonOf } from '../errors.ts';

/** What index.json says. */
export interface ShardIndex extends ShardFacts {
  readonly format: 'mdl-shards';
  readonly version: 1;
  /** of the data */
  readonly data: string;
  readonly batches: number;
  /** inputs of the loss entry */
  readonly inputs: readonly string[];
  readonly shards: readonly Shard[];
  /** of each batch: labels that count, and rows */
  readonly tokens: readonly number[];
  readonly rows: readonly number[];
}

export interface ShardFacts {
  readonly model: string;
  readonly stage: string;
  /** of the run of `mdl train` that would have these batches */
  readonly settings: RunSettings;
  /** what weights that were trained on them carry */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Shard {
  readonly file: string;
  /** its first batch */
  readonly first: number;
  readonly batches: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ShardRequest {
  readonly folder: string;
  readonly data: DataSource;
  readonly batches: number;
  /** a shard is full when it has so many bytes */
  readonly shardBytes: number;
  readonly facts: ShardFacts;
  /** is told how many batches are made */
  readonly progress: (done: number) => void;
}

const INDEX = 'index.json';
const NAME = /^shard-\d{5}\.safetensors$/;

/** @throws CliError C0105, RuntimeError R0122 when the disk refuses, and what the data throws */
export async function writeShards(request: ShardRequest): Promise<ShardIndex> {
  const { folder, data, batches, shardBytes, facts } = request;
  await onDisk(folder, async () => {
    await mkdir(folder, { recursive: true });
    // broken off, the folder has no index
    await rm(join(folder, INDEX), { force: true });
  });
  const shards: Shard[] = [];
  const [tokens, rows, inputs]: [number[], number[], Set<string>] = [[], [], new Set()];
  let [pending, bytes, first] = [new Map<string, HostTensor>(), 0, 0];
  for (let index = 0; index < batches; index++) {
    const batch = await data.batch(index);
    for (const [name, tensor] of Object.entries(batch.feeds)) {
      inputs.add(name);
      pending.set(`${index}.${name}`, tensor);
      bytes += tensor.data.byteLength;
    }
    tokens.push(batch.tokens);
    rows.push(batch.rows);
    request.progress(index + 1);
    if (bytes < shardBytes && index + 1 < batches) continue;
    shards.push(await writeShard(folder, { number: shards.length, first, batches: index + 1 - first, pending }));
    [pending, bytes, first] = [new Map(), 0, index + 1];
  }
  const head = { format: 'mdl-shards', version: 1, ...facts, data: data.name, batches } as const;
  const index: ShardIndex = { ...head, inputs: [...inputs], shards, tokens, rows };
  await onDisk(folder, async () => {
    const aside = join(folder, `${INDEX}.part`);
    await writeFile(aside, `${JSON.stringify(index)}\n`);
    await rename(aside, join(folder, INDEX));
    const own = new Set(shards.map(({ file }) => file));
    // of a longer write before this one
    for (const name of await readdir(folder)) if (NAME.test(name) && !own.has(name)) await rm(join(folder, name));
  });
  return index;
}

async function writeShard(
  folder: string,
  {
    number,
    pending,
    ...range
  }: {
    readonly number: number;
    readonly first: number;
    readonly batches: number;
    readonly pending: ReadonlyMap<string, HostTensor>;
  },
): Promise<Shard> {
  const file = `shard-${String(number).padStart(5, '0')}.safetensors`;
  const path = join(folder, file);
  await writeSafetensors(path, pending);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return { file, ...range, bytes: (await stat(path)).size, sha256: hash.digest('hex') };
}

async function onDisk(folder: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw cliError('file_not_written', { file: folder, reason: reasonOf(error) }, [], error);
  }
}
