/** Which row of the data is at fault for what a step was refused. */
import { RuntimeError } from '../errors.ts';
import { firstOutside } from '../feeds.ts';
import type { Runner } from '../session.ts';
import { firstNonFinite } from '../weights/dtypes.ts';
import type { Batch, DataSource } from './data-source.ts';

/** The batches of a source, of which the last is looked at when a step is refused. */
export class WatchedData implements DataSource {
  readonly name: string;
  private readonly source: DataSource;
  private last: { readonly batch: Batch; readonly step: number } | undefined;

  constructor(source: DataSource) {
    this.source = source;
    this.name = source.name;
  }

  async batch(step: number): Promise<Batch> {
    const batch = await this.source.batch(step);
    this.last = { batch, step };
    return batch;
  }

  /** An integer outside of its table (R0222) with the row that holds it; any other error as it is. */
  withRow(error: unknown, { manifest }: Runner): unknown {
    const { last, source } = this;
    if (!last || !source.rowName || !(error instanceof RuntimeError) || error.code !== 'R0222') return error;
    for (const { name: input, range } of manifest.entries.gradient!.inputs) {
      const feed = last.batch.feeds[input];
      if (!range || !feed || typeof range.high !== 'number') continue;
      const found = firstOutside({ ...range, high: range.high }, feed);
      if (found)
        return new RuntimeError('R0222', `${error.message}: ${source.rowName(last.step, found.place[0]!)}`, {
          cause: error,
        });
    }
    return error;
  }

  /** `the input x, which holds NaN in row 3 of moe.npz`: the first float that is not finite. */
  nonFinite(): string | undefined {
    const { batch, step } = this.last!;
    for (const [input, feed] of Object.entries(batch.feeds)) {
      const at = feed.data instanceof Float32Array ? firstNonFinite(feed.data) : -1;
      if (at < 0) continue;
      const row = Math.floor(at / (feed.data.length / (feed.shape[0] ?? 1)));
      const where = this.source.rowName?.(step, row) ?? `row ${row} of the batch`;
      return `the input ${input}, which holds ${feed.data[at]} in ${where}`;
    }
    return undefined;
  }
}
