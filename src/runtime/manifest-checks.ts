/**
 * What a manifest and a plan have in common, checked: both may come from a stranger's server, so nothing in them is
 * believed unchecked.
 */

import { type CacheStorage, widthOf } from '../shared/cache-storage.ts';
import { parseDim } from '../shared/dim-text.ts';
import { isDType } from '../shared/dtype.ts';
import { staysInside } from './weights/checkpoint.ts';

export type Json = Readonly<Record<string, unknown>>;

/** A manifest or plan that is not as the compiler writes it; becomes R0202 or R1012. */
export class ManifestProblem extends Error {}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function need(holds: boolean, problem: string): void {
  if (!holds) throw new ManifestProblem(problem);
}

export function checkFile(file: unknown, what: string): void {
  need(
    typeof file === 'string' && staysInside(file),
    `names ${what} ${JSON.stringify(file)}, which is not a file beside it`,
  );
}

function checkPort(port: unknown, where: string): void {
  need(isObject(port) && typeof port.name === 'string', `has a port without a name in ${where}`);
  const { name, dtype, shape, range } = port as Json;
  need(typeof dtype === 'string' && isDType(dtype), `gives ${name} of ${where} the dtype ${JSON.stringify(dtype)}`);
  const dims =
    Array.isArray(shape) && shape.every((dim) => typeof dim === 'string' || (Number.isSafeInteger(dim) && dim >= 0));
  need(dims, `gives ${name} of ${where} a shape that is not a list of sizes and names`);
  if (range !== undefined) need(isRange(range), `gives ${name} of ${where} a range that cannot be read`);
}

const isSize = (size: unknown): boolean =>
  typeof size === 'string' ? parseDim(size) !== undefined : Number.isSafeInteger(size);

function isRange(range: unknown): boolean {
  const { low, high, also = [], from = [] } = (isObject(range) ? range : {}) as Json;
  const integers = (list: unknown): boolean => Array.isArray(list) && list.every(Number.isSafeInteger);
  return Number.isSafeInteger(low) && isSize(high) && integers(also) && integers(from);
}

/** What an entry computes for the session to check: of a kind that this version does not know, it would not be. */
function checkChecks(checks: unknown, name: string): void {
  if (checks === undefined) return;
  const { output, rows } = (isObject(checks) ? checks : {}) as Json;
  const reads = (row: unknown): boolean =>
    isObject(row) &&
    row.kind === 'index' &&
    (row.bound === 'low' || row.bound === 'high') &&
    typeof row.op === 'string' &&
    isSize(row.size) &&
    (row.nodes === undefined || (Array.isArray(row.nodes) && row.nodes.every((node) => typeof node === 'string'))) &&
    (row.source === undefined || typeof row.source === 'string');
  need(
    typeof output === 'string' && Array.isArray(rows) && rows.every(reads),
    `has checks of ${name} that cannot be read`,
  );
}

/** What an entry needs of its sizes: an unreadable one would be no check. */
function checkRequires(requires: unknown, name: string): void {
  const reads = (one: unknown): boolean =>
    isObject(one) && typeof one.dim === 'string' && parseDim(one.dim) !== undefined;
  const texts = ({ what, source = '' }: Json): boolean => typeof what === 'string' && typeof source === 'string';
  need(
    Array.isArray(requires) && requires.every((one) => reads(one) && texts(one as Json)),
    `has requirements of ${name} that cannot be read`,
  );
}

/** The ports, caches and adapters of an entry. */
export function checkPorts(name: string, entry: unknown): void {
  need(isObject(entry), `has an entry ${name} that is not an object`);
  const { inputs, outputs, cache, requires = [], checks, adapters = [] } = entry as Json;
  need(
    Array.isArray(inputs) && Array.isArray(outputs) && Array.isArray(cache),
    `lacks inputs, outputs or cache in ${name}`,
  );
  const ports = [inputs as unknown[], outputs as unknown[]].map((list) => {
    for (const port of list) checkPort(port, name);
    return list as { name: string; dtype: string; shape: unknown[] }[];
  });
  for (const one of cache as unknown[]) {
    const { past, present, axis, stored } = (isObject(one) ? one : {}) as Json;
    const input = ports[0]!.find((port) => port.name === past);
    const output = ports[1]!.find((port) => port.name === present);
    need(input !== undefined && output !== undefined, `has a cache in ${name} that is not a pair of its ports`);
    const along = Number.isSafeInteger(axis) && (axis as number) >= 0 && (axis as number) < input!.shape.length;
    need(along && widthOf(stored as CacheStorage) > 0, `has a cache in ${name} with a wrong axis or storage`);
  }
  checkRequires(requires, name);
  checkChecks(checks, name);
  need(Array.isArray(adapters), `has adapters in ${name} that are not a list`);
  for (const one of adapters as unknown[]) {
    const { input, key, shape } = (isObject(one) ? one : {}) as Json;
    const port = ports[0]!.find((candidate) => candidate.name === input);
    need(
      port?.dtype === 'f32' && port.shape.every((dim) => typeof dim === 'number') && typeof key === 'string',
      `has an adapter's parameter in ${name} that is not one of its inputs`,
    );
    need(
      JSON.stringify(shape) === JSON.stringify(port!.shape),
      `gives an adapter's parameter in ${name} another shape than its input`,
    );
  }
}

/** The settings of swapped adapters; their ports are checked with the entries. */
export function checkAdapter(adapter: unknown, entries: Json): void {
  if (adapter === undefined) {
    need(!Object.values(entries).some((one) => (one as Json).adapters), 'has adapters without their rank');
    return;
  }
  need(isObject(adapter) && adapter.type === 'LORA', 'has adapters that are not LORA');
  const { r, alpha, others, default: folder } = adapter as Json;
  need(Number.isSafeInteger(r) && (r as number) > 0 && Number.isFinite(alpha), 'has adapters without r or alpha');
  need(Array.isArray(others) && others.every((key) => typeof key === 'string'), 'has adapters without other keys');
  if (folder !== undefined) checkFile(folder, 'the adapter');
}

/** Where a model's weights come from. */
export function checkOrigin(weights: unknown): void {
  need(weights === null || (isObject(weights) && typeof weights.origin === 'string'), 'has wrong weights');
}

export function checkFiles(files: unknown): void {
  need(Array.isArray(files), 'has wrong weights');
  for (const one of files as unknown[]) {
    need(isObject(one) && Number.isSafeInteger(one.bytes), 'has a weights file without a size');
    checkFile((one as Json).file, 'the weights');
  }
}

/** The plan of a stage, and that the entries are there which it drives. */
export function checkTraining(training: unknown, entries: Json): void {
  const damaged = 'has a damaged training';
  need(isObject(training) && typeof training.stage === 'string' && isObject(training.schedule), damaged);
  const { trained, buffers, slots, slotSizes = {}, accumulate, combine, arenas = [] } = training as Json;
  need(Number.isSafeInteger(accumulate) && (accumulate as number) > 0, damaged);
  need(combine === 'weighted' || combine === 'equal' || combine === 'sum', damaged);
  need(Array.isArray(slots) && slots.every((slot) => typeof slot === 'string'), damaged);
  need(isObject(slotSizes) && Object.values(slotSizes).every((per) => Number(per) > 0), damaged);
  need(Array.isArray(trained) && Array.isArray(buffers), damaged);
  for (const one of [...(trained as unknown[]), ...(buffers as unknown[])])
    need(isObject(one) && typeof one.key === 'string' && Array.isArray(one.shape), damaged);
  need(Array.isArray(arenas), damaged);
  for (const one of arenas as unknown[]) {
    need(isObject(one) && typeof one.name === 'string' && Number.isSafeInteger(one.elements), damaged);
    need(Array.isArray((one as Json).pieces), damaged);
  }
  for (const entry of ['gradient', 'update', ...((accumulate as number) > 1 ? ['accumulate'] : [])])
    need(Object.hasOwn(entries, entry), `has training without the entry ${entry}`);
}
