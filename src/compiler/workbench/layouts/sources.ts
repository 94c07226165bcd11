/** What `--weights` gives, once or several times, as one checkpoint with the model's keys. */
import { Checkpoint, openCheckpoint } from '../../../runtime/index.ts';
import type { WeightsFile } from '../../../runtime/weights/file.ts';
import type { Model } from '../../elaborate/model.ts';
import { cliError } from '../errors.ts';
import { differenceOf, numbersOf } from '../weights/numbers.ts';
import { layoutNamed, OWN, splitLayout } from './asked.ts';
import { chooseLayout } from './choose.ts';
import { laidOut } from './laid-out.ts';
import type { Reading } from './reading.ts';

export interface Sources {
  readonly checkpoint: Checkpoint;
  /** keys that layouts say are as initialised where no source has them, with the layout that says so */
  readonly initial: ReadonlyMap<string, string>;
  /** what was read by which layout, in words */
  readonly notes: readonly string[];
}

/**
 * Opens the sources, each by its own layout.
 * @throws RuntimeError as openCheckpoint, R0115 for a key in two sources of which the later does not overlay; CliError C0460–C0464
 */
export async function openSources(model: Model, weights: string | readonly string[]): Promise<Sources> {
  const asked = [weights].flat().map(splitLayout);
  for (const { layout } of asked) if (layout !== undefined && layout !== OWN) layoutNamed(model, layout);
  if (model.layouts.length === 0) {
    const checkpoint = await openCheckpoint(asked.map(({ path }) => path));
    return { checkpoint, initial: new Map(), notes: [] };
  }
  const opened: WeightsFile[] = [];
  const initial = new Map<string, string>();
  const notes: string[] = [];
  const aliases = aliasesOf(model);
  try {
    for (const { path, layout: name } of asked) {
      const file = (await openCheckpoint(path)).whole();
      opened.push(file);
      const reading = chooseLayout(model, file.name, file, name);
      if (!reading) continue;
      await checkAliases(file, reading);
      const { layout } = reading;
      opened[opened.length - 1] = laidOut(file, reading);
      for (const key of layout.initial) if (!initial.has(key)) initial.set(key, layout.name);
      notes.push(`${file.name}: layout ${layout.name} of ${layout.module}, ${reading.hits} tensors`);
      if (layout.overlay) overlay(opened, aliases);
    }
    return { checkpoint: await Checkpoint.of(opened.map(({ name }) => name).join(' + '), opened), initial, notes };
  } catch (error) {
    for (const file of opened) await file.close();
    throw error;
  }
}

/** All keys of a parameter, by each of them. */
function aliasesOf(model: Model): ReadonlyMap<string, readonly string[]> {
  return new Map([...model.parameters.values()].flatMap(({ keys }) => keys.map((key) => [key, keys] as const)));
}

/** Takes from the earlier files what the last one has. */
function overlay(files: WeightsFile[], aliases: ReadonlyMap<string, readonly string[]>): void {
  const replaced = new Set([...files.at(-1)!.tensors.keys()].flatMap((key) => aliases.get(key) ?? [key]));
  for (let i = 0; i < files.length - 1; i++) {
    const file = files[i]!;
    const tensors = new Map([...file.tensors].filter(([key]) => !replaced.has(key)));
    const { name, format, metadata } = file;
    const streamFrom: WeightsFile['streamFrom'] = (key, byte, chunk) => file.streamFrom(key, byte, chunk);
    files[i] = { name, format, metadata, tensors, streamFrom, close: () => file.close() };
  }
}

/** Keys that share a tensor hold the same bytes. @throws CliError C0463 */
async function checkAliases(file: WeightsFile, { aliases }: Reading): Promise<void> {
  for (const [alias, of] of aliases) {
    const [one, other] = [file.tensors.get(alias)!, file.tensors.get(of)!];
    const read = { tensors: file.tensors, stream: (key: string, bytes?: number) => file.streamFrom(key, 0, bytes) };
    const fits = one.dtype === other.dtype && one.shape.join() === other.shape.join();
    const same = fits && (await differenceOf(numbersOf(read, alias), numbersOf(read, of))).elements === 0;
    if (!same) throw cliError('alias_differs', { file: file.name, alias, of });
  }
}
