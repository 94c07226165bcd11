/** Rows of tokens as data for a stage: in the order of a seed, batch by batch. */
import type { DataSource } from '../../runtime/train/data-source.ts';
import { contentsOf, type DataFile } from '../data/file.ts';
import { orderOf } from '../data/order.ts';
import type { DataRequest } from '../recipe.ts';
import { textBatch } from './batches.ts';
import type { Corpus } from './corpus.ts';

export interface RowsOptions {
  readonly corpus: Corpus;
  readonly files: readonly DataFile[];
  /** what a row is cut from, for a note: `documents` */
  readonly what: string;
  /** part of the rows that training does not see, 0 to 1 */
  readonly heldOut: number;
  readonly length: number;
  readonly pad: number;
  /** inputs that a batch has */
  readonly names: readonly string[];
}

/** Says how many documents were cut. @throws RuntimeError as `orderOf` */
export function rowsOf(
  { data, split, seed, batchSize, note }: DataRequest,
  { corpus, files, what, heldOut, ...shape }: RowsOptions,
): DataSource {
  if (corpus.cut > 0) note(`${corpus.cut} ${what} of ${data} are longer than ${shape.length} tokens and were cut`);
  const order = orderOf(corpus.size, { name: data, split, heldOut, seed });
  return {
    name: data,
    rows: order.size,
    contents: () => contentsOf(files),
    batch: async (step) => {
      const chosen = order.places(step, batchSize).map((place) => corpus.row(order.at(place)));
      return textBatch(chosen, shape);
    },
  };
}
