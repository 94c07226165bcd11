/** Which layout a file has: told by its keys, never by its name. */

import type { Layout } from '../../elaborate/layout.ts';
import type { Model } from '../../elaborate/model.ts';
import { cliError } from '../errors.ts';
import { fits, type Listing, type Reading, readingOf } from './reading.ts';

/** Keys named in a message. */
const MOST_NAMED = 4;

/**
 * How the file is read; undefined where its keys are the model's own (or what is wrong with them is best said of those).
 * @throws CliError C0460 when a layout fits in part and none fits, C0461 when several fit and read something else
 */
export function chooseLayout(model: Model, name: string, file: Listing): Reading | undefined {
  if (model.layouts.length === 0) return undefined;
  const readings = model.layouts.map((layout) => readingOf(layout, file));
  const fitting = readings.filter(fits);
  if (fitting.length > 1) {
    const distinct = new Map(fitting.map((reading) => [meaningOf(reading), reading]));
    if (distinct.size > 1) throw ambiguous(name, [...distinct.values()]);
  }
  if (fitting[0]) return isOwn(fitting[0], file) ? undefined : fitting[0];
  const own = new Set([...model.parameters.values(), ...model.absent].flatMap(({ keys }) => keys));
  const ownHits = [...file.tensors.keys()].filter((key) => own.has(key)).length;
  const best = Math.max(...readings.map(({ hits }) => hits));
  if (ownHits >= best) return undefined;
  throw partial(
    name,
    readings.filter(({ hits }) => hits > 0).sort((a, b) => b.hits - a.hits),
    ownHits,
  );
}

/** Whether it reads nothing but the model's own keys, as a file without a layout is read. */
function isOwn({ layout, moves, aliases, hits }: Reading, { tensors }: Listing): boolean {
  const plain = moves.every(
    ({ move, keys }) => move.targets[0]!.keys.includes(keys[0]!) && !move.turn && keys.length === 1,
  );
  return plain && !layout.overlay && layout.initial.size === 0 && aliases.length === 0 && hits === tensors.size;
}

/** Two readings with the same meaning put the same tensors at the same places. */
function meaningOf({ moves, layout }: Reading): string {
  return JSON.stringify([
    layout.overlay,
    moves.map(({ move, keys }) => [keys, move.targets.map(({ path }) => path), move.turn ?? null]).sort(),
  ]);
}

const nameOf = ({ name, module }: Layout): string => `${name} (${module})`;

function named(keys: readonly string[]): string {
  return `${keys.slice(0, MOST_NAMED).join(', ')}${keys.length > MOST_NAMED ? `, … (${keys.length})` : ''}`;
}

function ambiguous(file: string, readings: readonly Reading[]) {
  const layouts = readings.map(({ layout }) => nameOf(layout)).join(' and ');
  const [first] = readings;
  const notes = [
    `both read all of its keys, ${named(first!.moves.flatMap(({ keys }) => keys))}`,
    'a layout that lists a key as needed, or leaves one unknown, tells them apart',
  ];
  return cliError('layouts_ambiguous', { file, layouts }, notes);
}

function partial(file: string, readings: readonly Reading[], ownHits: number) {
  const notes = readings.slice(0, 3).flatMap(({ layout, hits, missing, unknown, moves }) => {
    const decided = named(moves.flatMap(({ keys }) => keys));
    return [
      `${nameOf(layout)} reads ${hits} of its keys${decided === '' ? '' : `: ${decided}`}`,
      ...(missing.length > 0 ? [`  it needs ${named(missing)} too, which the file lacks`] : []),
      ...(unknown.length > 0 ? [`  it does not know ${named(unknown)}, which the file has`] : []),
    ];
  });
  if (ownHits > 0) notes.push(`${ownHits} of its keys are the model's own`);
  return cliError('layout_misfit', { file }, notes);
}
