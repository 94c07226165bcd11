/** The records of an ablation by variant and stage: final losses over seeds, and what went wrong how often. */
import type { CellRecord } from '../../../runtime/train/cell.ts';
import type { Metric } from '../../../runtime/train/judge.ts';
import type { Variant } from './variants.ts';

export interface Spread {
  readonly mean: number;
  /** sample standard deviation, n − 1; null for one value */
  readonly spread: number | null;
  readonly count: number;
}

export interface CellSummary {
  readonly variant: string;
  readonly stage: string;
  /** mean loss of the last steps, over the seeds that trained to the end; null when none did */
  readonly loss: Spread | null;
  /** the same minus the full model's with the same seed, which saw the same batches; null for the full model itself */
  readonly difference: Spread | null;
  /** the measures of the last look at held-out rows, by name; null where no seed has one */
  readonly validation: Readonly<Record<string, Spread>> | null;
  /** that of them which variants are compared by; null where none is asked for */
  readonly metric: Spread | null;
  /** the same minus the full model's with the same seed */
  readonly metric_difference: Spread | null;
  /** how many seeds trained, and of those how many were told that a layer's gradient vanishes */
  readonly trained: number;
  readonly vanished: number;
  readonly non_finite: number;
  readonly failed: number;
  readonly nothing: number;
  /** an earlier stage did not end */
  readonly not_reached: number;
  /** not run yet */
  readonly pending: number;
}

export interface Layout {
  /** the full model first */
  readonly variants: readonly Variant[];
  readonly seeds: readonly number[];
  readonly stages: readonly string[];
  /** steps at the end of a stage whose losses are averaged */
  readonly last: number;
  /** of held-out rows: what variants are compared by in place of the training loss */
  readonly metric?: Metric;
}

/** Mean of the last `last` losses, without steps that have none; undefined when there is no such step. */
export function finalLoss({ loss }: Pick<CellRecord, 'loss'>, last: number): number | undefined {
  const tail = loss.slice(-last).filter(Number.isFinite);
  return tail.length === 0 ? undefined : mean(tail);
}

export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const middle = mean(values);
  const squares = values.reduce((sum, x) => sum + (x - middle) ** 2, 0);
  return {
    mean: middle,
    spread: values.length === 1 ? null : Math.sqrt(squares / (values.length - 1)),
    count: values.length,
  };
}

/** Of a record of a stage that was trained. */
type Measure = (record: CellRecord | undefined) => number | undefined;

/** One summary for each variant and stage, variants first. */
export function summarise(records: readonly CellRecord[], layout: Layout): CellSummary[] {
  const { variants, seeds, stages, last, metric } = layout;
  const find = (variant: string, seed: number, stage: string): CellRecord | undefined =>
    records.find((record) => record.variant === variant && record.seed === seed && record.stage === stage);
  const trainedOf = (variant: string, seed: number, stage: string): CellRecord | undefined => {
    const record = find(variant, seed, stage);
    return record?.outcome === 'trained' ? record : undefined;
  };
  const full = variants[0]!;
  return variants.flatMap((variant) =>
    stages.map((stage, index): CellSummary => {
      const own = seeds.flatMap((seed) => find(variant.id, seed, stage) ?? []);
      const count = (outcome: CellRecord['outcome']): number =>
        own.filter((record) => record.outcome === outcome).length;
      const stopped = seeds.filter((seed) =>
        stages.slice(0, index).some((earlier) => {
          const record = find(variant.id, seed, earlier);
          return record?.outcome === 'non_finite' || record?.outcome === 'failed';
        }),
      ).length;
      const over = (of: Measure): Spread | null =>
        spreadOf(seeds.flatMap((seed) => of(trainedOf(variant.id, seed, stage)) ?? []));
      const against = (of: Measure): Spread | null => {
        const pairs = seeds.map(
          (seed) => [of(trainedOf(variant.id, seed, stage)), of(trainedOf(full.id, seed, stage))] as const,
        );
        const both = pairs.filter((pair): pair is readonly [number, number] =>
          pair.every((value) => value !== undefined),
        );
        return variant === full ? null : spreadOf(both.map(([mine, reference]) => mine - reference));
      };
      const loss: Measure = (record) => record && finalLoss(record, last);
      const byName =
        (name: string): Measure =>
        (record) =>
          record?.looks?.at(-1)?.validation[name];
      const names = new Set(own.flatMap(({ looks }) => Object.keys(looks?.at(-1)?.validation ?? {})));
      const validation = [...names].flatMap((name) => {
        const spread = over(byName(name));
        return spread ? [[name, spread] as const] : [];
      });
      return {
        variant: variant.id,
        stage,
        loss: over(loss),
        difference: against(loss),
        validation: validation.length > 0 ? Object.fromEntries(validation) : null,
        metric: metric ? over(byName(metric.name)) : null,
        metric_difference: metric ? against(byName(metric.name)) : null,
        trained: count('trained'),
        vanished: own.filter(({ events }) => events.some(({ event }) => event === 'vanishing')).length,
        non_finite: count('non_finite'),
        failed: count('failed'),
        nothing: count('nothing'),
        not_reached: stopped,
        pending: seeds.length - own.length - stopped,
      };
    }),
  );
}

/** `2.345 ± 0.012, vanish 1/3`; `–` where there is nothing to train or to reach, `…` where nothing has run yet. */
export function cellText(cell: CellSummary, value: Spread | null = cell.loss): string {
  const seeds = cell.trained + cell.non_finite + cell.failed + cell.nothing + cell.not_reached + cell.pending;
  const share = (count: number, word: string): string[] =>
    count === 0 ? [] : [seeds === 1 ? word : `${word} ${count}/${seeds}`];
  const parts = [
    ...(value ? [spreadText(value, 3)] : []),
    ...share(cell.vanished, 'vanish'),
    ...share(cell.non_finite, 'NaN'),
    ...share(cell.failed, 'failed'),
  ];
  if (parts.length === 0) return cell.pending > 0 ? '…' : '–';
  return [...parts, ...(cell.pending > 0 ? [`${cell.pending}/${seeds} to run`] : [])].join(', ');
}

/** `+0.123 ± 0.004`, `–` where there is no pair. */
export function differenceText(difference: Spread | null): string {
  return difference === null ? '–' : `${difference.mean >= 0 ? '+' : '−'}${spreadText(difference, 3, true)}`;
}

function spreadText({ mean: middle, spread }: Spread, digits: number, magnitude = false): string {
  const shown = (magnitude ? Math.abs(middle) : middle).toFixed(digits);
  return spread === null ? shown : `${shown} ± ${spread.toFixed(digits)}`;
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

/** The mean over seeds, step by step, over those that have the step. */
export function meanCurve(curves: readonly (readonly number[])[]): (readonly [number, number])[] {
  const steps = Math.max(0, ...curves.map(({ length }) => length));
  return Array.from({ length: steps }, (_, step) => {
    const values = curves.flatMap((curve) => (Number.isFinite(curve[step]) ? [curve[step]!] : []));
    return [step + 1, values.length === 0 ? Number.NaN : mean(values)] as const;
  });
}
