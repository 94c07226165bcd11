/**
 * A stage judged while it trains: when it is looked at, which state was the best, and when to stop. What it goes by is in
 * each checkpoint, so that a resumed run decides as one that was left alone.
 */
import type { HostTensor } from '../../shared/tensor.ts';
import type { TrainingPlan } from '../../shared/training.ts';
import { runtimeError } from '../errors.ts';
import type { Runner } from '../session.ts';
import type { Judged } from './checkpoint.ts';
import type { DataSource } from './data-source.ts';
import type { ValidationRecord } from './log.ts';
import { hostState, type LiveState } from './state.ts';
import { validate } from './validate.ts';

/** Steps between two looks when nothing is said. */
export const VALIDATE_EVERY = 100;

/** The measure that states are compared by. */
export interface Metric {
  /** a scalar output of the loss entry, or what the measures make of them */
  readonly name: string;
  readonly best: 'min' | 'max';
}

/** What follows from the scalars of the loss, by name: `perplexity` from `loss`. */
export type Measures = (scalars: Readonly<Record<string, number>>) => Readonly<Record<string, number>>;

/** Keeps what was trained when a stage was at its best: `memoryBest`, or a folder's. */
export interface BestStates {
  write(stage: string, step: number, trained: ReadonlyMap<string, HostTensor>): Promise<void>;
  /** @throws RuntimeError R1195 when it is not there */
  read(stage: string, step: number): Promise<ReadonlyMap<string, HostTensor>>;
  /** Removes those of the stage but the one of this step. */
  tidy(stage: string, step: number): Promise<void>;
}

export interface JudgeOptions {
  /** the loss, the smaller the better, when absent */
  readonly metric?: Metric;
  /** steps between two looks, at least 1; `VALIDATE_EVERY` when absent. The last step is looked at too */
  readonly every?: number;
  /** looks in a row without a better value, after which a stage ends */
  readonly patience?: number;
  /** with it a stage goes on with its best state once it has ended */
  readonly best?: BestStates;
}

export class Judge {
  private readonly stage: string;
  private readonly data: DataSource;
  private readonly measures: Measures;
  private readonly options: JudgeOptions;
  private readonly metric: Metric;
  judged: Judged;

  /** @param judged where a run goes on */
  constructor(stage: string, data: DataSource, measures: Measures, options: JudgeOptions, judged?: Judged) {
    this.stage = stage;
    this.data = data;
    this.measures = measures;
    this.options = options;
    this.metric = options.metric ?? { name: 'loss', best: 'min' };
    this.judged = judged ?? { best: null, step: 0, since: 0 };
  }

  due(step: number, steps: number): boolean {
    return step % (this.options.every ?? VALIDATE_EVERY) === 0 || step === steps;
  }

  /** Whether the stage has waited long enough. */
  get waited(): boolean {
    const { patience } = this.options;
    return patience !== undefined && this.judged.since >= patience;
  }

  /** Runs the validation rows, and keeps the state where it is the best. @throws RuntimeError R1194, and as `BestStates.write` */
  async look(state: LiveState, runner: Runner, plan: TrainingPlan): Promise<ValidationRecord> {
    const began = performance.now();
    const { scalars, rows } = await validate(state, { plan, runner, data: this.data });
    const validation = { ...scalars, ...this.measures(scalars) };
    const { name } = this.metric;
    const value = validation[name];
    const { stage } = this;
    if (value === undefined) throw runtimeError('metric_unknown', { name, stage, known: Object.keys(validation) });
    const best = this.better(value);
    if (best) await this.options.best?.write(stage, state.step, (await hostState(state)).parameters);
    this.judged = best ? { best: value, step: state.step, since: 0 } : { ...this.judged, since: this.judged.since + 1 };
    const seconds = Number(((performance.now() - began) / 1000).toPrecision(6));
    return { stage, step: state.step, validation, rows, seconds, best };
  }

  /** What was trained when the stage was at its best; undefined where that is not kept. @throws RuntimeError R1195 */
  async bestState(): Promise<ReadonlyMap<string, HostTensor> | undefined> {
    const { step, best } = this.judged;
    return best === null ? undefined : this.options.best?.read(this.stage, step);
  }

  /** Removes best states that no checkpoint goes by any more. Call it once the newest is written. */
  async tidy(): Promise<void> {
    await this.options.best?.tidy(this.stage, this.judged.step);
  }

  private better(value: number): boolean {
    const { best } = this.judged;
    if (Number.isNaN(value)) return false;
    if (best === null) return true;
    return this.metric.best === 'min' ? value < best : value > best;
  }
}

/** The best state of each stage, in memory. */
export function memoryBest(): BestStates {
  const kept = new Map<string, { readonly step: number; readonly trained: ReadonlyMap<string, HostTensor> }>();
  return {
    async write(stage, step, trained) {
      const copies = [...trained].map(([key, tensor]) => [key, { ...tensor, data: tensor.data.slice() }] as const);
      kept.set(stage, { step, trained: new Map(copies as (readonly [string, HostTensor])[]) });
    },
    async read(stage, step) {
      const found = kept.get(stage);
      if (found?.step === step) return found.trained;
      throw runtimeError('best_not_read', { file: `${stage}, step ${step}`, reason: 'another run kept it' });
    },
    tidy: async () => {},
  };
}
