/** Which row of the data is at fault for what a step was refused. */
import { RuntimeError, runtimeError } from '../errors.ts';
import { firstOutside } from '../feeds.ts';
import type { Runner } from '../session.ts';
import { firstNonFinite } from '../weights/dtypes.ts';
import type { Batch, DataSource } from './data-source.ts';

export interface FromData {
  readonly data: DataSource;
  readonly batch: Batch;
  /** of the micro-batch, from 0 */
  readonly index: number;
}

/** An integer outside of its table (R0222) with the row that holds it; any other error as it is. */
export function nameRow(
  error: unknown,
  { runner, data, batch, index }: FromData & { readonly runner: Runner },
): unknown {
  if (!(error instanceof RuntimeError) || error.code !== 'R0222' || !data.rowName) return error;
  for (const { name: input, range } of runner.manifest.entries.gradient!.inputs) {
    const feed = batch.feeds[input];
    if (!range || !feed || typeof range.high !== 'number') continue;
    const bounds = { ...range, high: range.high };
    const found = firstOutside(bounds, feed);
    if (!found) continue;
    const row = data.rowName(index, found.place[0]!);
    return runtimeError('input_range', { entry: 'gradient', input, also: [], ...bounds, ...found, row });
  }
  return error;
}

/** `the input x, which holds NaN in row 3 of moe.npz`: the first float of a batch that is not finite. */
export function nonFiniteRow({ data, batch, index }: FromData): string | undefined {
  for (const [input, feed] of Object.entries(batch.feeds)) {
    const at = feed.data instanceof Float32Array ? firstNonFinite(feed.data) : -1;
    if (at < 0) continue;
    const row = Math.floor(at / (feed.data.length / (feed.shape[0] ?? 1)));
    const where = data.rowName?.(index, row) ?? `row ${row} of the batch`;
    return `the input ${input}, which holds ${feed.data[at]} in ${where}`;
  }
  return undefined;
}
