/** Lines of a run's log: JSONL, one record per step, and a record for what is worth telling besides. */
import type { LayerStatistics } from './statistics.ts';

export interface StepRecord {
  readonly stage: string;
  /** from 1 */
  readonly step: number;
  /** mean over the micro-batches */
  readonly loss: number;
  readonly lr: number;
  /** before clipping */
  readonly grad_norm: number;
  /** labels that counted */
  readonly tokens: number;
  readonly tokens_per_second: number;
  readonly seconds: { readonly feed: number; readonly step: number; readonly update: number };
  readonly loss_scale: number;
  /** other scalars of the loss entry, means over the micro-batches by their rows, and what the recipe makes of them */
  readonly metrics?: Readonly<Record<string, number>>;
  /** the gradient overflowed under the loss scale and nothing was updated */
  readonly skipped?: true;
  readonly layers: Readonly<Record<string, LayerStatistics>>;
}

/** What rows that are not trained on say of the model after a step. */
export interface ValidationRecord {
  readonly stage: string;
  readonly step: number;
  /** scalars of the loss entry over all rows, and what the recipe makes of them */
  readonly validation: Readonly<Record<string, number>>;
  readonly rows: number;
  readonly seconds: number;
  /** the best of the stage so far, by the metric that it is judged by */
  readonly best: boolean;
}

export interface EventRecord {
  readonly stage: string;
  readonly step: number;
  readonly event: 'vanishing' | 'resumed' | 'stopped' | 'non_finite' | 'early_stop';
  readonly detail: string;
}

export type LogRecord = StepRecord | ValidationRecord | EventRecord;

/** Whether a record of the log is of a step. */
export const isStep = (record: LogRecord): record is StepRecord => 'loss' in record;
/** Whether it is of a look at the held-out rows. */
export const isValidation = (record: LogRecord): record is ValidationRecord => 'validation' in record;
/** Whether it is of something that happened: a stage ended early, a gradient vanishes. */
export const isEvent = (record: LogRecord): record is EventRecord => 'event' in record;

/** NaN and infinities, which JSON lacks, become text. */
export function logLine(record: LogRecord): string {
  const text = JSON.stringify(record, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
  return `${text}\n`;
}
