/** How files of weights would be read into a model: by which layout, and where each of their keys goes. */
import { type Checkpoint, openCheckpoint } from '../../../runtime/index.ts';
import type { Model } from '../../elaborate/model.ts';
import { fullName, layoutNamed, OWN, splitLayout } from './asked.ts';
import { chooseLayout } from './choose.ts';
import type { Listing, Reading } from './reading.ts';

export interface KeyReading {
  /** the file's */
  readonly key: string;
  /** the model's; several where the tensor is taken apart */
  readonly into: readonly string[];
  /** which of the tensors that are put together it is, from 1, and how many they are */
  readonly part?: readonly [number: number, of: number];
  /** whether its elements are put in another order */
  readonly turned: boolean;
}

export interface FileReading {
  readonly path: string;
  /** `module.layout`, or `own` where the file has the model's own keys */
  readonly layout: string;
  /** what it holds takes the place of what the files before it hold */
  readonly overlay: boolean;
  readonly keys: readonly KeyReading[];
  /** keys that share another's tensor */
  readonly aliases: readonly (readonly [alias: string, of: string])[];
  /** keys that it has and the model does not use: the layout says so, or they are of components that are switched off */
  readonly unused: readonly string[];
  /** keys that neither the layout nor the model knows */
  readonly unknown: readonly string[];
}

export interface LayoutReport {
  readonly files: readonly FileReading[];
  /** the model's keys that no file has, and that a layout says are as initialised */
  readonly initial: readonly string[];
  /** the model's other keys that no file has */
  readonly missing: readonly string[];
}

/**
 * @param weights files as `--weights` takes them, FILE@LAYOUT among them
 * @throws RuntimeError as openCheckpoint, CliError C0460, C0461, C0464 as for loading them
 */
export async function layoutReport(model: Model, weights: readonly string[]): Promise<LayoutReport> {
  const asked = weights.map(splitLayout);
  for (const { layout } of asked) if (layout !== undefined && layout !== OWN) layoutNamed(model, layout);
  const files: FileReading[] = [];
  const initial = new Set<string>();
  for (const { path, layout } of asked) {
    const checkpoint = await openCheckpoint(path);
    try {
      const reading = chooseLayout(model, path, listingOf(checkpoint), layout);
      for (const key of reading?.layout.initial ?? []) initial.add(key);
      files.push(reading ? laidOutFile(path, checkpoint, reading) : ownFile(path, checkpoint, model));
    } finally {
      await checkpoint.close();
    }
  }
  const given = new Set(files.flatMap(({ keys }) => keys.flatMap(({ into }) => into)));
  const lacking = [...model.parameters.values()].filter(({ keys }) => !keys.some((key) => given.has(key)));
  const paths = lacking.map(({ keys }) => keys[0]);
  return {
    files,
    initial: paths.filter((key) => initial.has(key)),
    missing: paths.filter((key) => !initial.has(key)),
  };
}

const listingOf = (checkpoint: Checkpoint): Listing => checkpoint.whole();

function laidOutFile(path: string, { tensors }: Checkpoint, reading: Reading): FileReading {
  const keys = reading.moves.flatMap(({ move, keys: sources }) =>
    sources.map(
      (key, index): KeyReading => ({
        key,
        into: move.targets.map((target) => target.keys[0]),
        ...(sources.length > 1 ? { part: [index + 1, sources.length] as const } : {}),
        turned: move.turn !== undefined,
      }),
    ),
  );
  const known = new Set([
    ...keys.map(({ key }) => key),
    ...reading.aliases.map(([alias]) => alias),
    ...reading.unknown,
  ]);
  return {
    path,
    layout: fullName(reading.layout),
    overlay: reading.layout.overlay,
    keys,
    aliases: reading.aliases,
    unused: [...tensors.keys()].filter((key) => !known.has(key)),
    unknown: reading.unknown,
  };
}

function ownFile(path: string, { tensors }: Checkpoint, model: Model): FileReading {
  const own = new Set([...model.parameters.values()].flatMap(({ keys }) => keys));
  const absent = new Set(model.absent.flatMap(({ keys }) => keys));
  const keys = [...tensors.keys()];
  return {
    path,
    layout: OWN,
    overlay: false,
    keys: keys.filter((key) => own.has(key)).map((key) => ({ key, into: [key], turned: false })),
    aliases: [],
    unused: keys.filter((key) => absent.has(key)),
    unknown: keys.filter((key) => !own.has(key) && !absent.has(key)),
  };
}
