/**
 * Which scratch buffer holds which value: values that are never alive at the same step share one.
 *
 * A value is alive from the step that writes it to the last step that reads it. A step never writes the buffer it reads
 * (WebGPU refuses one buffer as read and write of a dispatch). Sizes may depend on dynamic dims, so a buffer is as
 * large as the largest of its values at run time; a value goes where it fits best when every symbol is `NOMINAL`.
 */
import { type Dim, equalDims, evaluateDim, isSymbolic, printDim, symbolsOf } from '../../../../shared/dim.ts';

const NOMINAL = 64;

export interface Lifetime<K> {
  readonly key: K;
  /** words */
  readonly elements: Dim;
  readonly first: number;
  readonly last: number;
}

export interface Slots<K> {
  /** slot of each key */
  readonly slotOf: ReadonlyMap<K, number>;
  /** per slot: the sizes of its values, each once */
  readonly sizes: readonly (readonly Dim[])[];
}

export function assignSlots<K>(lifetimes: readonly Lifetime<K>[]): Slots<K> {
  const slotOf = new Map<K, number>();
  const slots: { readonly sizes: Dim[]; nominal: number; free: number }[] = [];
  for (const { key, elements, first, last } of [...lifetimes].sort((a, b) => a.first - b.first)) {
    const size = nominal(elements);
    const open = slots.filter(({ free }) => free < first);
    const fits = open.filter((slot) => slot.nominal >= size);
    const best = fits.length > 0 ? least(fits, ({ nominal }) => nominal) : least(open, ({ nominal }) => -nominal);
    const slot = best ?? { sizes: [], nominal: 0, free: -1 };
    if (!best) slots.push(slot);
    if (!slot.sizes.some((other) => equalDims(other, elements))) slot.sizes.push(elements);
    slot.nominal = Math.max(slot.nominal, size);
    slot.free = last;
    slotOf.set(key, slots.indexOf(slot));
  }
  return { slotOf, sizes: slots.map(({ sizes }) => largestOf(sizes)) };
}

/** Static sizes below the largest static one never decide. */
function largestOf(sizes: readonly Dim[]): Dim[] {
  const fixed = sizes.filter((size) => typeof size === 'number');
  const open = sizes.filter(isSymbolic);
  return [...(fixed.length > 0 ? [Math.max(...fixed)] : []), ...open];
}

function nominal(dim: Dim): number {
  return evaluateDim(dim, new Map(symbolsOf(dim).map((name) => [name, NOMINAL])));
}

function least<T>(items: readonly T[], by: (item: T) => number): T | undefined {
  return items.reduce<T | undefined>(
    (best, item) => (best === undefined || by(item) < by(best) ? item : best),
    undefined,
  );
}

export const sizeText = (dim: Dim): number | string => (typeof dim === 'number' ? dim : printDim(dim));
