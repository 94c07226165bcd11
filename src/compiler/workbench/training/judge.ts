/**
 * A stage judged while it trains (`--val`, `--val-every`, `--keep-best`, `--patience`): when it is looked at, which state was
 * the best, and when to stop. What it goes by is in each checkpoint, so that a resumed run decides as one that was left alone.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SafetensorsFile } from '../../../runtime/safetensors.ts';
import type { Runner } from '../../../runtime/session.ts';
import {
  type DataSource,
  hostState,
  type Judged,
  type LiveState,
  type ValidationRecord,
  validate,
} from '../../../runtime/train/index.ts';
import { fileSource } from '../../../runtime/weights/source.node.ts';
import { writeSafetensors } from '../../../runtime/weights/write.node.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import type { TrainingPlan } from '../../../shared/training.ts';
import { cliError, reasonOf } from '../errors.ts';
import { OWN_KEYS } from '../layouts/asked.ts';

/** Steps between two looks when nothing is said. */
export const VALIDATE_EVERY = 100;

/** What the command line says of validation. */
export interface JudgeOptions {
  readonly val?: string;
  readonly valSplit?: number;
  readonly valEvery?: number;
  /** a measure, with `:min` or `:max` where it is no loss; true: the loss */
  readonly keepBest?: string | true;
  /** looks in a row without a better value, after which a stage ends */
  readonly patience?: number;
}

export const judges = ({ val, valSplit, valEvery, keepBest, patience }: JudgeOptions): boolean =>
  [val, valSplit, valEvery, keepBest, patience].some((option) => option !== undefined);

/** The measure that states are compared by. */
export interface Metric {
  readonly name: string;
  readonly best: 'min' | 'max';
}

const SMALL_IS_BEST: readonly string[] = ['loss', 'perplexity', 'bits_per_byte'];

/** @throws CliError C0421 */
export function metricOf(keepBest: string | true | undefined): Metric {
  const text = typeof keepBest === 'string' ? keepBest : 'loss';
  const [, name, best] = /^(.*?)(?::(min|max))?$/.exec(text)!;
  if (best === 'min' || best === 'max') return { name: name!, best };
  if (!SMALL_IS_BEST.includes(name!)) throw cliError('metric_direction', { name: name! });
  return { name: name!, best: 'min' };
}

export type Measures = (scalars: Readonly<Record<string, number>>) => Readonly<Record<string, number>>;

export interface JudgeSetup {
  readonly stage: string;
  readonly data: DataSource;
  readonly options: JudgeOptions;
  /** what follows from the scalars */
  readonly measures: Measures;
  /** where a run goes on */
  readonly judged: Judged | undefined;
  /** of the run; best states are kept in it */
  readonly out: string | undefined;
}

export class Judge {
  private readonly setup: JudgeSetup;
  private readonly metric: Metric;
  private readonly every: number;
  judged: Judged;

  /** @throws CliError C0421 */
  constructor(setup: JudgeSetup) {
    this.setup = setup;
    this.metric = metricOf(setup.options.keepBest);
    this.every = setup.options.valEvery ?? VALIDATE_EVERY;
    this.judged = setup.judged ?? { best: null, step: 0, since: 0 };
  }

  due(step: number, steps: number): boolean {
    return step % this.every === 0 || step === steps;
  }

  /** Whether the stage has waited long enough. */
  get waited(): boolean {
    const { patience } = this.setup.options;
    return patience !== undefined && this.judged.since >= patience;
  }

  /** Runs the validation rows, and keeps the state where it is the best. @throws CliError C0420, RuntimeError R0122 */
  async look(state: LiveState, runner: Runner, plan: TrainingPlan): Promise<ValidationRecord> {
    const began = performance.now();
    const { scalars, rows } = await validate(state, { plan, runner, data: this.setup.data });
    const validation = { ...scalars, ...this.setup.measures(scalars) };
    const value = validation[this.metric.name];
    const { stage } = this.setup;
    if (value === undefined)
      throw cliError('metric_unknown', { name: this.metric.name, stage, known: Object.keys(validation) });
    const best = this.better(value);
    if (best && this.setup.options.keepBest !== undefined) await this.keep(state);
    this.judged = best ? { best: value, step: state.step, since: 0 } : { ...this.judged, since: this.judged.since + 1 };
    const seconds = Number(((performance.now() - began) / 1000).toPrecision(6));
    return { stage, step: state.step, validation, rows, seconds, best };
  }

  /** What was trained when the stage was at its best; undefined where that is not kept. @throws CliError C0423 */
  async bestState(): Promise<ReadonlyMap<string, HostTensor> | undefined> {
    const { out, options } = this.setup;
    if (out === undefined || options.keepBest === undefined || this.judged.best === null) return undefined;
    const file = this.fileOf(out, this.judged.step);
    try {
      const opened = await SafetensorsFile.open(await fileSource(file));
      const tensors = new Map<string, HostTensor>();
      for (const key of opened.tensors.keys()) tensors.set(key, await opened.read(key));
      await opened.close();
      return tensors;
    } catch (error) {
      throw cliError('best_not_read', { file, reason: reasonOf(error) }, [], error);
    }
  }

  /** Removes best states that no checkpoint goes by any more. Call it once the newest is written. */
  async tidy(): Promise<void> {
    const { out, stage } = this.setup;
    if (out === undefined || !existsSync(join(out, 'best'))) return;
    for (const name of await readdir(join(out, 'best'))) {
      const file = join(out, 'best', name);
      if (name.startsWith(`${stage}-`) && file !== this.fileOf(out, this.judged.step)) await rm(file, { force: true });
    }
  }

  private better(value: number): boolean {
    const { best } = this.judged;
    if (Number.isNaN(value)) return false;
    if (best === null) return true;
    return this.metric.best === 'min' ? value < best : value > best;
  }

  private async keep(state: LiveState): Promise<void> {
    const { out } = this.setup;
    if (out === undefined) return;
    await mkdir(join(out, 'best'), { recursive: true });
    const { parameters, step } = await hostState(state);
    await writeSafetensors(this.fileOf(out, step), parameters, OWN_KEYS);
  }

  private fileOf(out: string, step: number): string {
    return join(out, 'best', `${this.setup.stage}-${String(step).padStart(8, '0')}.safetensors`);
  }
}
