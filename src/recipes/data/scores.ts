/** Rows put to the loss entry of a model: the means of its scalars, and what a recipe makes of each batch. */
import { runtimeError } from '../../runtime/errors.ts';
import type { Session } from '../../runtime/session.ts';
import type { Batch, DataSource } from '../../runtime/train/data-source.ts';
import { entryFor, portFor } from '../../shared/roles.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import type { Evaluation } from '../recipe.ts';

export interface ScoreOptions {
  /** rows at most; all of a pass when absent */
  readonly count: number | undefined;
  /** what a batch's means are over; its rows when absent */
  readonly weightOf?: (batch: Batch) => number;
  /** an output beside the scalars, where the entry gives it */
  readonly output?: string | undefined;
  /** is called with each batch, and with that output */
  readonly onBatch?: (batch: Batch, output: HostTensor | undefined) => void;
  /** after each batch: rows so far */
  readonly onRows?: ((done: number) => void) | undefined;
}

export interface Scores {
  readonly scalars: Readonly<Record<string, number>>;
  readonly rows: number;
}

/**
 * Means by name. The loss is called `loss`, whatever the model calls it.
 * @throws RuntimeError R1193 for an entry loss that gives no scalar; as `Session.run` and what batches throw
 */
export async function scoresOf(session: Session, data: DataSource, options: ScoreOptions): Promise<Scores> {
  const { model } = session.manifest;
  const loss = entryFor(model.roles, 'loss');
  const minimised = portFor(model.ports, 'loss', 'loss');
  const { outputs } = session.entry(loss);
  const names = outputs.filter(({ dtype, shape }) => shape.length === 0 && dtype !== 'bool').map(({ name }) => name);
  if (names.length === 0)
    throw runtimeError('no_scalars', { model: model.name, found: outputs.map(({ name }) => name) });
  const more = outputs.some(({ name }) => name === options.output) ? [options.output!] : [];
  const limit = Math.min(options.count ?? Number.POSITIVE_INFINITY, data.rows ?? Number.POSITIVE_INFINITY);
  const sums = names.map(() => 0);
  let [rows, total] = [0, 0];
  for (let step = 0; rows < limit; step++) {
    const batch = await data.batch(step);
    const results = await session.run(loss, batch.feeds, { fetch: [...names, ...more] });
    const weight = options.weightOf?.(batch) ?? batch.rows;
    for (const [i, name] of names.entries())
      if (weight > 0) sums[i]! += weight * Number((results[name] as HostTensor).data[0]);
    total += weight;
    rows += batch.rows;
    options.onBatch?.(batch, more.length > 0 ? (results[more[0]!] as HostTensor) : undefined);
    options.onRows?.(rows);
  }
  const means = names.map((name, i) => [name === minimised ? 'loss' : name, sums[i]! / total]);
  return { scalars: Object.fromEntries(means), rows };
}

/** Numbers by name as an evaluation. @param title what was judged: `photos, held out` */
export function evaluationOf(
  title: string,
  rows: number,
  values: Readonly<Record<string, number>>,
  more: Partial<Pick<Evaluation, 'lines' | 'rows'>> & { readonly report?: object } = {},
): Evaluation {
  const width = Math.max(...Object.keys(values).map((name) => name.length));
  const text = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(4));
  const entries = Object.entries(values);
  return {
    count: rows,
    title,
    lines: [...entries.map(([name, value]) => `  ${name.padEnd(width)}  ${text(value)}`), ...(more.lines ?? [])],
    rows: [['measure', 'value'], ...entries.map(([name, value]) => [name, text(value)]), ...(more.rows ?? [])],
    report: { rows, ...values, ...more.report },
    answers: [],
  };
}

/** Which rows are judged: those that are held out, or all where none are. */
export function heldOutOf(
  asked: number | undefined,
  setting: number,
): { readonly heldOut: number; readonly what: string } {
  const heldOut = asked ?? (setting > 0 ? setting : 1);
  return { heldOut, what: heldOut === 1 ? 'all rows' : 'held out' };
}
