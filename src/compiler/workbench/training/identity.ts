/**
 * What a run is made of, as short hashes of contents: never of paths, which stay the same when a file changes and change
 * when it is moved. Two runs are one where all of them are equal.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '../../../runtime/index.ts';
import type { DataSource } from '../../../runtime/train/index.ts';

import type { HostTensor } from '../../../shared/tensor.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage, StageCall } from '../../elaborate/stages.ts';
import { printGraph } from '../../ir/print.ts';
import type { WeightReader } from '../../targets/target.ts';
import { dropsOut } from '../../training/plan.ts';
import { cliError, reasonOf } from '../errors.ts';
import { splitLayout } from '../layouts/asked.ts';

/** 64 bits: enough to tell a run from its neighbours. */
const short = (hash: Hash): string => hash.digest('hex').slice(0, 16);

export function digest(value: unknown): string {
  return short(createHash('sha256').update(JSON.stringify(value)));
}

/** The loss as the stage trains it: operations, sizes, constants, rates of dropout; not where they stand in the file. */
export function lossDigest(model: Model, stage: Stage): string {
  const training = { dropout: dropsOut(stage), evaluates: (path: string) => stage.evaluates(path) };
  const traced = model.entries.includes(stage.minimizes) ? model.entry(stage.minimizes, [], { training }) : undefined;
  if (!traced) return 'none'; // the stage says why when it is built
  const nodes = traced.graph.nodes.map((node) => ({ ...node, origin: { path: '' } }));
  return short(createHash('sha256').update(printGraph({ ...traced.graph, nodes })));
}

/** All tensors of the model, those that no entry uses too. */
export function parametersDigest({ parameters }: Pick<Model, 'parameters'>): string {
  return digest(
    [...parameters.values()].map(({ keys, dtype, shape, buffer, initializer }) => [
      keys[0],
      dtype,
      shape,
      buffer,
      initializer,
    ]),
  );
}

/** The files that data is made from, and the first batch: what tokenizer, template and sizes make of them. */
export async function dataDigest(data: DataSource): Promise<string> {
  const hash = createHash('sha256');
  for (const bytes of data.contents?.() ?? []) hash.update(bytes);
  const { feeds } = await data.batch(0);
  for (const name of Object.keys(feeds).sort()) updateTensor(hash, name, feeds[name]!);
  return short(hash);
}

function updateTensor(hash: Hash, name: string, { dtype, shape, data }: HostTensor): void {
  hash.update(JSON.stringify([name, dtype, shape]));
  hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** What `--weights` names: keys, dtypes, shapes and bytes of its tensors, in whatever format and files they lie. @throws as openCheckpoint */
export async function weightsDigest(given: string | readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  // one after the other: a later source may have keys again, where its layout overlays
  for (const { path, layout } of [given].flat().map(splitLayout)) {
    if (layout !== undefined) hash.update(JSON.stringify({ layout }));
    const checkpoint = await openCheckpoint(path);
    try {
      for (const key of [...checkpoint.tensors.keys()].sort()) {
        const { dtype, shape } = checkpoint.tensors.get(key)!;
        hash.update(JSON.stringify([key, dtype, shape]));
        for await (const bytes of checkpoint.stream(key)) hash.update(bytes);
      }
    } finally {
      await checkpoint.close();
    }
  }
  return short(hash);
}

/** A file, or the files of a folder with these endings. @throws CliError C0104 */
export async function filesDigest(
  path: string,
  endings: readonly string[] = ['.safetensors', '.json'],
): Promise<string> {
  const hash = createHash('sha256');
  try {
    const isFolder = (await stat(path)).isDirectory();
    const names = isFolder
      ? (await readdir(path)).filter((name) => endings.some((end) => name.endsWith(end))).sort()
      : [];
    for (const name of isFolder ? names : ['']) {
      hash.update(`${name}\0`);
      for await (const bytes of createReadStream(join(path, name))) hash.update(bytes as Buffer);
    }
  } catch (error) {
    throw cliError('file_not_read', { what: 'the file', file: path, reason: reasonOf(error) }, [], error);
  }
  return short(hash);
}

/** What a stage is made of, by name: `mdl train` and programs tell a run from another by the same hashes of model and data. */
export async function stageIdentity(
  { model, stage }: { readonly model: Model; readonly stage: Stage },
  data: DataSource,
  weights: Pick<WeightReader, 'chunks'>,
): Promise<Record<string, string>> {
  const hash = createHash('sha256');
  for (const { keys } of model.parameters.values()) {
    hash.update(`${keys[0]}\0`);
    for await (const bytes of weights.chunks(keys[0])) hash.update(bytes);
  }
  return {
    model: model.name,
    [`parameters in ${stage.name}`]: parametersDigest(model),
    [`loss graph of ${stage.name}`]: lossDigest(model, stage),
    ...clausesOf(stage),
    [`data of ${stage.name}`]: await dataDigest(data),
    [`weights of ${stage.name}`]: short(hash),
  };
}

/**
 * What a stage declares, clause by clause, so that the one that was edited can be named: `schedule of one` →
 * `constant(lr = 0.01)`. Of lists of parameters the number and a hash.
 */
export function clausesOf(stage: Stage): Record<string, string> {
  const keys = (parameters: Iterable<{ readonly keys: readonly [string, ...string[]] }>): string => {
    const list = [...parameters].map((parameter) => parameter.keys[0]);
    return list.length === 0
      ? 'nothing'
      : `${list.length} ${list.length === 1 ? 'tensor' : 'tensors'} (${digest(list)})`;
  };
  const call = ({ name, arguments: given }: StageCall): string =>
    `${name}(${Object.entries(given)
      .map(([argument, value]) => `${argument} = ${JSON.stringify(value)}`)
      .sort()
      .join(', ')})`;
  const { flags, trained, noDecay, eval: evaluated, minimizes, loss, optimize, schedule, options } = stage;
  const clauses: Record<string, string> = {
    train: keys(trained),
    no_decay: keys(noDecay),
    ...Object.fromEntries([...flags].map(([flag, on]) => [`set ${flag}`, String(on)])),
    ...(evaluated.length > 0 ? { eval: evaluated.join(', ') } : {}),
    minimize: loss === undefined ? minimizes : `${minimizes}.${loss}`,
    ...(optimize ? { optimize: call(optimize) } : {}),
    ...(schedule ? { schedule: call(schedule) } : {}),
    ...Object.fromEntries(Object.entries(options).map(([clause, value]) => [clause, JSON.stringify(value)])),
  };
  return Object.fromEntries(Object.entries(clauses).map(([clause, text]) => [`${clause} of ${stage.name}`, text]));
}
