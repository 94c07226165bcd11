/** A model judged while it trains: the scalars of its loss over rows that it is not trained on. */
import type { HostTensor } from '../../shared/tensor.ts';
import { PORTS, type TrainingPlan } from '../../shared/training.ts';
import type { AnyTensor } from '../device-tensor.ts';
import { type Runner, runKeeping } from '../session.ts';
import type { DataSource } from './data-source.ts';
import type { LiveState } from './state.ts';

/** Batches of data that has no end. */
export const ENDLESS_BATCHES = 8;

export interface ValidateOptions {
  readonly plan: TrainingPlan;
  /** has the entry validate */
  readonly runner: Runner;
  /** held-out rows: one pass over them, or `ENDLESS_BATCHES` batches where they have no end */
  readonly data: DataSource;
}

export interface Validation {
  /** by the names of the plan's `validation` */
  readonly scalars: Readonly<Record<string, number>>;
  readonly rows: number;
}

/**
 * Each scalar over all rows: a mean by what the mean of a batch is over (labels that count, elements), a sum, or else a mean by
 * rows. The state stays as it is.
 */
export async function validate(state: LiveState, { plan, runner, data }: ValidateOptions): Promise<Validation> {
  const scalars = plan.validation ?? [];
  const sums = scalars.map(() => ({ value: 0, weight: 0 }));
  const held = heldFeeds(state, runner);
  let rows = 0;
  for (let step = 0; data.rows === undefined ? step < ENDLESS_BATCHES : rows < data.rows; step++) {
    const batch = await data.batch(step);
    const results = await runKeeping(runner, 'validate', { ...batch.feeds, ...held }, { borrow: true });
    const first = (name: string): number => Number((results[name] as HostTensor).data[0]);
    for (const [i, { name, combine }] of scalars.entries()) {
      const weight = combine === 'weighted' ? first(PORTS.metricWeight(name)) : combine === 'sum' ? 1 : batch.rows;
      if (weight === 0) continue; // a mean over nothing is NaN, and no part of the whole
      sums[i]!.value += weight * first(PORTS.metric(name));
      sums[i]!.weight += weight;
    }
    rows += batch.rows;
  }
  const totals = scalars.map(({ name, combine }, i): [string, number] => {
    const { value, weight } = sums[i]!;
    return [name, combine === 'sum' ? value : value / weight];
  });
  return { scalars: Object.fromEntries(totals), rows };
}

/** What of the state the graph takes; an inference may leave parameters of training aside. */
function heldFeeds({ parameters }: LiveState, { manifest }: Runner): Record<string, AnyTensor> {
  const taken = new Set(manifest.entries.validate?.inputs.map(({ name }) => name));
  const feeds: Record<string, AnyTensor> = {};
  for (const [name, tensor] of parameters)
    for (const port of [PORTS.parameter(name), PORTS.buffer(name)]) if (taken.has(port)) feeds[port] = tensor;
  return feeds;
}
