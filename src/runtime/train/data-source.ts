/**
 * What the trainer reads batches from. A batch is a pure function of the source's own seed and of the step, so that a
 * resumed run needs no iterator state and two runs can be given the same batches.
 */
import type { HostTensor } from '../../shared/tensor.ts';

export interface Batch {
  /** the loss entry's inputs by name */
  readonly feeds: Readonly<Record<string, HostTensor>>;
  /** labels that count */
  readonly tokens: number;
  readonly rows: number;
}

export interface DataSource {
  /** for logs and for telling one run from another */
  readonly name: string;
  /**
   * Rows of one pass over the data, where it has an end. Those that are held out are given in order, and the last batch of
   * a pass may have fewer rows than the others.
   */
  readonly rows?: number;
  /** @param step micro-batches so far, from 0 */
  batch(step: number): Promise<Batch>;
  /** What a row of a batch is, for messages: `row 3 of moe.npz`. @param row of the batch, from 0 */
  rowName?(step: number, row: number): string;
  /** the bytes of the files that batches are made from, where there are any: to tell one content from another */
  contents?(): Iterable<Uint8Array>;
  /** ends what it holds, such as threads; absent where it holds nothing */
  close?(): Promise<void>;
}
