/**
 * Which row a batch has at a place: rows are split once, the same way for every seed, so that what was held out in
 * training is held out when the model is judged; those of training are shuffled anew in each epoch. Nothing is stored.
 */

import { runtimeError } from '../../runtime/errors.ts';
import type { Split } from '../recipe.ts';
import { permutation } from './permutation.ts';

export interface OrderOptions {
  /** for messages and to tell the shuffles of data sets apart */
  readonly name: string;
  readonly split: Split;
  /** part of the rows that is held out, 0 … 1 */
  readonly heldOut: number;
  readonly seed: number;
}

export interface Order {
  /** rows of the split */
  readonly size: number;
  /** The row at a place, from 0; places past the last row begin another epoch. */
  at(place: number): number;
  /** Places of the batch of a step: as many as it has rows, and of held-out rows only those that are left of a pass. */
  places(step: number, batchSize: number): readonly number[];
}

/** @throws RuntimeError R1145 when the split has no row */
export function orderOf(rows: number, { name, split, heldOut, seed }: OrderOptions): Order {
  const kept = Math.round(rows * heldOut);
  const size = split === 'train' ? rows - kept : kept;
  if (size < 1) {
    const reason = `it has ${rows} ${rows === 1 ? 'row' : 'rows'}, of which ${kept} are held out`;
    throw runtimeError('data_nothing', { name, split, reason });
  }
  // the first `kept` rows of this order are held out
  const divided = kept === 0 ? (row: number) => row : permutation(rows, 0, 'held-out');
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  if (split === 'held-out')
    return {
      size,
      at: (place) => divided(place % size),
      places(step, batchSize) {
        const from = (step % Math.ceil(size / batchSize)) * batchSize;
        return range(from, Math.min(size, from + batchSize));
      },
    };
  let shuffled = { epoch: -1, at: divided };
  return {
    size,
    places: (step, batchSize) => range(step * batchSize, (step + 1) * batchSize),
    at(place) {
      const epoch = Math.floor(place / size);
      if (shuffled.epoch !== epoch) shuffled = { epoch, at: permutation(size, seed, `rows/${epoch}`) };
      return divided(kept + shuffled.at(place % size));
    },
  };
}
