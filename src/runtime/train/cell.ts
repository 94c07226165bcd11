/** A cell of an ablation: one stage of one variant with one seed; and what is kept of it when it is finished. */
import { type EventRecord, isEvent, isStep, isValidation, type LogRecord, type ValidationRecord } from './log.ts';

export interface Cell {
  /** id of the variant */
  readonly variant: string;
  /** of the data and of dropout */
  readonly seed: number;
  readonly stage: string;
}

/**
 * trained     the stage ran to its last step
 * nothing     the stage has nothing to train in this variant; the next one goes on from the same weights
 * non_finite  the loss or a gradient became NaN or infinite; later stages of this variant and seed are not reached
 * failed      it could not be compiled or run, which `detail` explains; later stages are not reached
 */
export type Outcome = 'trained' | 'nothing' | 'non_finite' | 'failed';

export interface CellRecord extends Cell {
  readonly version: 1;
  readonly outcome: Outcome;
  /** what went wrong, of non_finite and failed */
  readonly detail: string | null;
  /** by step; the three lists are of one length. NaN where a step has none (skipped under a loss scale) */
  readonly loss: readonly number[];
  /** norm of the whole gradient, before clipping */
  readonly grad_norm: readonly number[];
  /** smallest gradient norm of any trained layer: what shows that something vanishes */
  readonly smallest_norm: readonly number[];
  readonly events: readonly Omit<EventRecord, 'stage'>[];
  /** at held-out rows, where there are any: in order, the last one after the last step */
  readonly looks?: readonly Look[];
  readonly seconds: number;
}

export type Look = Pick<ValidationRecord, 'step' | 'validation'>;

/** Whether stages after this one can run. */
export const goesOn = ({ outcome }: CellRecord): boolean => outcome === 'trained' || outcome === 'nothing';

export const cellName = ({ variant, seed, stage }: Cell): string => `${variant}/seed-${seed}/${stage}`;

/** Collects what a stage logs while it runs. */
export class CellLog {
  private readonly cell: Cell;
  private readonly loss: number[] = [];
  private readonly norms: number[] = [];
  private readonly smallest: number[] = [];
  private readonly events: Omit<EventRecord, 'stage'>[] = [];
  private readonly looks: Look[] = [];
  private readonly began = performance.now();

  constructor(cell: Cell) {
    this.cell = cell;
  }

  get steps(): number {
    return this.loss.length;
  }

  add(record: LogRecord): void {
    if (isEvent(record)) {
      const { step, event, detail } = record;
      this.events.push({ step, event, detail });
    }
    if (isValidation(record)) this.looks.push({ step: record.step, validation: record.validation });
    if (!isStep(record)) return;
    const usable = record.skipped !== true;
    this.loss.push(usable ? record.loss : Number.NaN);
    this.norms.push(usable ? record.grad_norm : Number.NaN);
    const layers = Object.values(record.layers).map(({ norm }) => norm);
    this.smallest.push(usable && layers.length > 0 ? Math.min(...layers) : Number.NaN);
  }

  finish(outcome: Outcome, detail: string | null = null): CellRecord {
    return {
      version: 1,
      ...this.cell,
      outcome,
      detail,
      loss: this.loss,
      grad_norm: this.norms,
      smallest_norm: this.smallest,
      events: this.events,
      ...(this.looks.length > 0 ? { looks: this.looks } : {}),
      seconds: Number(((performance.now() - this.began) / 1000).toFixed(2)),
    };
  }
}
