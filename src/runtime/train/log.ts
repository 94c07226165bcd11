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
  /** the gradient overflowed under the loss scale and nothing was updated */
  readonly skipped?: true;
  readonly layers: Readonly<Record<string, LayerStatistics>>;
}

export interface EventRecord {
  readonly stage: string;
  readonly step: number;
  readonly event: 'vanishing' | 'resumed' | 'stopped' | 'non_finite';
  readonly detail: string;
}

export type LogRecord = StepRecord | EventRecord;

/** NaN and infinities, which JSON lacks, become text. */
export function logLine(record: LogRecord): string {
  const text = JSON.stringify(record, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
  return `${text}\n`;
}
