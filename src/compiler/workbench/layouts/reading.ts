/** A layout against the keys of a file: what it would read, what is missing, what it does not know. */
import type { StoredTensor, WeightsFile } from '../../../runtime/weights/file.ts';
import type { Layout, Move } from '../../elaborate/layout.ts';

export interface PlannedMove {
  readonly move: Move;
  /** its tensors, by the file's keys */
  readonly keys: readonly string[];
}

export interface Reading {
  readonly layout: Layout;
  readonly moves: readonly PlannedMove[];
  /** keys that it needs and the file lacks */
  readonly missing: readonly string[];
  /** keys of the file that it does not know */
  readonly unknown: readonly string[];
  /** keys beside those whose tensor they share, all by the file's names */
  readonly aliases: readonly (readonly [alias: string, of: string])[];
  /** how many of the file's keys it reads */
  readonly hits: number;
}

/** What a layout sees of a file. */
export type Listing = Pick<WeightsFile, 'metadata'> & { readonly tensors: ReadonlyMap<string, StoredTensor> };

export const fits = ({ missing, unknown, hits }: Reading): boolean =>
  hits > 0 && missing.length === 0 && unknown.length === 0;

/** The better of the layout's keys as they stand and, where it has a level, below that. */
export function readingOf(layout: Layout, file: Listing): Reading {
  const plain = readUnder(layout, file, '');
  if (layout.under === undefined) return plain;
  const below = readUnder(layout, file, `${layout.under}.`);
  return below.hits >= plain.hits ? below : plain;
}

/** @param prefix of the keys in the file */
function readUnder(layout: Layout, { tensors, metadata }: Listing, prefix: string): Reading {
  // safetensors files of `save_model` name a tensor once, and say in the metadata which other keys share it
  const found = (key: string): string | undefined => {
    const full = prefix + key;
    if (tensors.has(full)) return full;
    const shared = metadata.get(full);
    return shared !== undefined && tensors.has(shared) ? shared : undefined;
  };
  const moves: PlannedMove[] = [];
  const missing: string[] = [];
  const used = new Set<string>();
  for (const move of layout.moves) {
    const lists = move.sources.map((keys) => keys.map(found));
    const whole = lists.find((keys): keys is string[] => keys.every((key) => key !== undefined));
    if (whole) {
      moves.push({ move, keys: whole });
      for (const key of whole) used.add(key);
      continue;
    }
    const some = lists.findIndex((keys) => keys.some((key) => key !== undefined));
    if (move.optional && some < 0) continue;
    const at = Math.max(0, some);
    missing.push(...move.sources[at]!.filter((_, index) => lists[at]![index] === undefined));
    for (const key of lists[at]!) if (key !== undefined) used.add(key);
  }
  const hits = used.size;
  const aliases: [string, string][] = [];
  for (const [alias, of] of layout.aliases) {
    const [one, other] = [prefix + alias, found(of)];
    // a model whose parameters are not tied reads both
    if (!tensors.has(one) || used.has(one) || other === undefined) continue;
    used.add(one);
    aliases.push([one, other]);
  }
  const isUnused = (key: string): boolean =>
    layout.unused.some(
      (pattern) => pattern.covers(key) || (key.startsWith(prefix) && pattern.covers(key.slice(prefix.length))),
    );
  const unknown = [...tensors.keys()].filter((key) => !used.has(key) && !isUnused(key));
  return { layout, moves, missing, unknown, aliases, hits };
}
