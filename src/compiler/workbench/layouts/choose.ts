/** Which layout a file has: told by its keys, never by its name. */

import type { Layout } from '../../elaborate/layout.ts';
import type { Model } from '../../elaborate/model.ts';
import { cliError } from '../errors.ts';
import { fullName, LAYOUT_KEY, layoutNamed, OWN } from './asked.ts';
import { fits, type Listing, type Reading, readingOf } from './reading.ts';

/** Keys named in a message. */
const MOST_NAMED = 4;

/**
 * How the file is read; undefined where its keys are the model's own (or what is wrong with them is best said of those).
 * @param asked a layout by name, or `own`; else the file's metadata says it, where MDL wrote it, else its keys
 * @throws CliError C0460 when a layout fits in part and none fits, C0461 when several fit and read something else, the model's own keys
 * among them; C0464
 */
export function chooseLayout(model: Model, name: string, file: Listing, asked?: string): Reading | undefined {
  if (model.layouts.length === 0 || asked === OWN) return undefined;
  if (asked !== undefined) {
    const reading = readingOf(layoutNamed(model, asked), file);
    if (!fits(reading)) throw partial(name, [reading], 0);
    return isOwn(reading, file) ? undefined : reading;
  }
  const readings = model.layouts.map((layout) => readingOf(layout, file));
  const own = ownKeys(model);
  const ownHits = [...file.tensors.keys()].filter((key) => own.has(key)).length;
  const fitting = asWritten(readings.filter(fits), file, ownHits === file.tensors.size);
  const meanings = new Map(fitting.map((reading) => [meaningOf(reading), nameOf(reading.layout)]));
  const known = fitting.some(({ layout }) => fullName(layout) === file.metadata.get(LAYOUT_KEY));
  const turned = fitting.filter((reading) => !isPlain(reading));
  // read as it stands, the file would be the model's weights as well
  if (turned.length > 0 && ownHits === file.tensors.size && !known && hasOwnShapes(turned, file))
    meanings.set(OWN, "the model's own keys");
  if (meanings.size > 1) throw ambiguous(name, meanings, fitting);
  if (fitting[0]) return isOwn(fitting[0], file) ? undefined : fitting[0];
  const best = Math.max(...readings.map(({ hits }) => hits));
  if (ownHits === file.tensors.size || ownHits >= best) return undefined;
  throw partial(
    name,
    readings.filter(({ hits }) => hits > 0).sort((a, b) => b.hits - a.hits),
    ownHits,
  );
}

function ownKeys(model: Model): ReadonlySet<string> {
  return new Set([...model.parameters.values(), ...model.absent].flatMap(({ keys }) => keys));
}

/** Of the readings those by which MDL wrote the file, where its metadata says so and this model has it. */
function asWritten(fitting: readonly Reading[], { metadata }: Listing, ownAlone: boolean): readonly Reading[] {
  const written = metadata.get(LAYOUT_KEY);
  if (written === OWN && ownAlone) return fitting.filter(isPlain);
  const named = fitting.filter(({ layout }) => fullName(layout) === written);
  return named.length > 0 ? named : fitting;
}

/** Whether it puts each tensor under its own key as it is. */
function isPlain({ moves }: Reading): boolean {
  return moves.every(({ move, keys }) => move.targets[0]!.keys.includes(keys[0]!) && !move.turn && keys.length === 1);
}

/** Whether what the layouts turn has the shape of the parameter of its key: of another shape it is not the model's. */
function hasOwnShapes(readings: readonly Reading[], { tensors }: Listing): boolean {
  return readings.every(({ moves }) =>
    moves.every(
      ({ move: { targets, turn }, keys }) =>
        !turn || keys.length > 1 || tensors.get(keys[0]!)!.shape.join() === targets[0]!.shape.join(),
    ),
  );
}

/** Whether it reads nothing but the model's own keys, as a file without a layout is read. */
function isOwn(reading: Reading, { tensors }: Listing): boolean {
  const { layout, aliases, hits } = reading;
  return (
    isPlain(reading) && !layout.overlay && layout.initial.size === 0 && aliases.length === 0 && hits === tensors.size
  );
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

function ambiguous(file: string, meanings: ReadonlyMap<string, string>, readings: readonly Reading[]) {
  const [first] = readings;
  const asked = [...readings.map(({ layout }) => layout.name), ...(meanings.has(OWN) ? [OWN] : [])];
  const notes = [
    `each reads all of its keys, ${named(first!.moves.flatMap(({ keys }) => keys))}`,
    `say which: --weights ${asked.map((name) => `${file}@${name}`).join(' or ')}`,
    'a layout that lists a key as needed, or leaves one unknown, tells them apart',
  ];
  return cliError('layouts_ambiguous', { file, layouts: [...meanings.values()].join(' and ') }, notes);
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
