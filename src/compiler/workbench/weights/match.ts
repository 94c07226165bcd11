/**
 * A checkpoint's keys against a model's parameters, strictly: what is missing, unexpected or of another shape is an
 * error that lists all of it with the nearest names.
 */
import type { StoredTensor } from '../../../runtime/safetensors.ts';
import { READ_AS } from '../../../runtime/weights/dtypes.ts';
import { nearest } from '../../../shared/nearest.ts';
import type { ParameterInfo } from '../../elaborate/instance.ts';
import type { Model } from '../../elaborate/model.ts';
import { compilePattern } from '../../elaborate/pattern.ts';
import { type CliError, cliError } from '../errors.ts';
import { commonPrefix } from './prefix.ts';

export interface MatchOptions {
  readonly allowMissing: readonly string[];
  readonly allowUnexpected: readonly string[];
  /** keys that are as initialised where the checkpoint lacks them, as a layout says */
  readonly initial?: ReadonlyMap<string, string>;
}

export interface Match {
  /** canonical key → the checkpoint's key */
  readonly sources: ReadonlyMap<string, string>;
  /** canonical keys that the checkpoint lacks, allowed */
  readonly missing: readonly string[];
  /** canonical keys that it lacks, and that a layout says are initial */
  readonly initial: readonly string[];
  /** buffers of integers that the checkpoint lacks: the initialiser's are as good */
  readonly integers: readonly string[];
  /** the checkpoint's keys of components that are switched off */
  readonly unused: readonly string[];
  /** the checkpoint's other keys, allowed */
  readonly unexpected: readonly string[];
}

/** Nearest names are sought for this many keys: it takes time, and past that the checkpoint is another model's. */
const MOST_NEAREST = 40;

interface Stored {
  readonly name: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** @throws CliError C0101 */
export function matchCheckpoint(model: Model, checkpoint: Stored, options: MatchOptions): Match {
  const { sources, claimed, absent, problems } = found(model, checkpoint);
  const { unused, unexpected, leftOver } = surplus(model, checkpoint, claimed, options);
  const { missing, initial, integers, missed } = lacking(absent, options);
  const sizes = (shape: readonly number[]): string => `[${shape.join(', ')}]`;
  const nearTo = nearestOf(leftOver, 'checkpoint');
  for (const { keys, shape } of missed) problems.push(`missing    ${keys[0]} ${sizes(shape)}${nearTo(keys[0])}`);
  const nearIn = nearestOf([...model.parameters.keys()], 'model');
  for (const key of leftOver)
    problems.push(`unexpected ${key} ${sizes(checkpoint.tensors.get(key)!.shape)}${nearIn(key)}`);
  if (problems.length > 0) throw mismatch(checkpoint.name, problems, commonPrefix(absent, leftOver));
  return { sources, missing, initial, integers, unused, unexpected };
}

/** The parameters that the checkpoint has under one of their keys, those that it lacks, and what does not fit. */
function found(model: Model, { tensors }: Stored) {
  const sources = new Map<string, string>();
  const claimed = new Set<string>();
  const absent: ParameterInfo[] = [];
  const problems: string[] = [];
  for (const parameter of needed(model)) {
    const keys = parameter.keys.filter((key) => tensors.has(key));
    for (const key of keys) claimed.add(key);
    const [key] = keys;
    if (key === undefined) {
      absent.push(parameter);
      continue;
    }
    if (keys.length > 1) problems.push(`twice      ${parameter.keys[0]}: as ${keys.join(' and as ')}`);
    const { shape, dtype } = tensors.get(key)!;
    const fits =
      shape.join() === parameter.shape.join() || (parameter.resample !== undefined && resamples(shape, parameter));
    if (!fits)
      problems.push(`mis-shaped ${key}: is [${shape.join(', ')}] and the model has [${parameter.shape.join(', ')}]`);
    if (READ_AS[dtype] !== parameter.dtype)
      problems.push(`mis-typed  ${key}: is ${dtype} and the model has ${parameter.dtype}`);
    sources.set(parameter.keys[0], key);
  }
  return { sources, claimed, absent, problems };
}

/** What the checkpoint has beside them: of components that are switched off, what may be there, and the rest. */
function surplus(model: Model, { tensors }: Stored, claimed: ReadonlySet<string>, { allowUnexpected }: MatchOptions) {
  const off = new Set(model.absent.flatMap(({ keys }) => keys));
  const allowed = allowUnexpected.map(compilePattern);
  const unused: string[] = [];
  const unexpected: string[] = [];
  const leftOver: string[] = [];
  for (const key of tensors.keys()) {
    if (claimed.has(key)) continue;
    if (off.has(key)) unused.push(key);
    else if (allowed.some((pattern) => pattern.covers(key))) unexpected.push(key);
    else leftOver.push(key);
  }
  return { unused, unexpected, leftOver };
}

/** Why a parameter may be lacking; `missed`: nothing says that it may. */
function lacking(absent: readonly ParameterInfo[], options: MatchOptions) {
  const allowed = options.allowMissing.map(compilePattern);
  const integers: string[] = [];
  const initial: string[] = [];
  const missing: string[] = [];
  const missed: ParameterInfo[] = [];
  for (const parameter of absent) {
    const key = parameter.keys[0];
    // a buffer of integers is what the compiler would make itself: indices, or batches counted, which torch too begins at 0 where
    // a checkpoint is older than its count; running statistics are not
    if (parameter.buffer && parameter.dtype === 'i64') integers.push(key);
    else if (options.initial?.has(key)) initial.push(key);
    else if (allowed.some((pattern) => pattern.covers(key) || pattern.covers(parameter.path))) missing.push(key);
    else missed.push(parameter);
  }
  return { integers, initial, missing, missed };
}

/** Names the nearest key, for the first that ask. */
function nearestOf(known: readonly string[], where: string): (key: string) => string {
  let asked = 0;
  return (key) => {
    const near = asked++ < MOST_NEAREST ? nearest(key, known) : undefined;
    return near ? ` (nearest in the ${where}: ${near})` : '';
  };
}

/** Parameters to load: those of the model, and of adapters that are merged into them. */
export function needed(model: Model): ParameterInfo[] {
  const merged = [...model.parameters.values()].flatMap((parameter) => parameter.mergedFrom ?? []);
  return [...model.parameters.values(), ...merged];
}

function resamples(shape: readonly number[], parameter: ParameterInfo): boolean {
  const { prefix } = parameter.resample!;
  if (shape.length !== 3 || parameter.shape.length !== 3 || shape[2] !== parameter.shape[2]) return false;
  return Number.isInteger(Math.sqrt(shape[1]! - prefix)) && Number.isInteger(Math.sqrt(parameter.shape[1]! - prefix));
}

function mismatch(name: string, problems: readonly string[], prefix: string | undefined): CliError {
  const shown = [...problems];
  if (prefix !== undefined) shown.push(prefix);
  const shapes = problems.filter((problem) => problem.startsWith('mis-shaped')).length;
  if (shapes > 10)
    shown.push(`${shapes} shapes differ: is it a checkpoint of another config (\`--config\`, \`--config-file\`)?`);
  shown.push(
    '`--allow-missing PATTERN` and `--allow-unexpected PATTERN` (`**` for all) accept keys that are meant to differ',
  );
  return cliError('checkpoint_misfit', { problems: problems.length, checkpoint: name }, shown);
}
