/**
 * Stages of a model, one after the other, each starting from what the one before left: the loop over stages, with
 * validation, the best state, checkpoints, and going on from one. Where stages come from is the compiler's: `stagesOf`.
 */
import type { HostTensor } from '../../shared/tensor.ts';
import { changedTensors, type TrainingPlan } from '../../shared/training.ts';
import { runtimeError } from '../errors.ts';
import type { Runner } from '../session.ts';
import { WatchedData } from './batch-rows.ts';
import type { TrainingCheckpoint } from './checkpoint.ts';
import type { DataSource } from './data-source.ts';
import { Judge, type JudgeOptions, type Measures } from './judge.ts';
import { isStep, isValidation, type LogRecord, type StepRecord } from './log.ts';
import { scheduleLength } from './schedule.ts';
import { hostState, initialState, type LiveState, type TrainState } from './state.ts';
import { type TrainOptions, train } from './trainer.ts';

/** A stage that can be opened and trained. */
export interface TrainableStage {
  readonly name: string;
  readonly data: DataSource;
  /** rows to judge it by; needs a plan with scalars to judge by (`validates`) */
  readonly heldOut?: DataSource;
  /** of its dropout; an integer from 0 to 2^53 − 1 */
  readonly seed: number;
  /** what follows from the scalars of its loss; nothing when absent */
  readonly measures?: Measures;
  /** What makes it this stage, as text by name: model, data, weights. Nothing to tell it by when absent */
  identity?(): Promise<Readonly<Record<string, string>>>;
  /** Compiles it. @param trained what earlier stages trained, by checkpoint key */
  open(trained: ReadonlyMap<string, HostTensor>): Promise<OpenedStage>;
}

export interface OpenedStage {
  readonly plan: TrainingPlan;
  /** has the entries gradient, update and, where the plan says so, accumulate and validate */
  readonly runner: Runner;
  /** What the stage starts from, earlier stages' tensors included. @param key of a checkpoint */
  read(key: string): Promise<HostTensor>;
  /** earlier stages' tensors at this stage's sizes, where it has others */
  readonly resized?: ReadonlyMap<string, HostTensor>;
  readonly diagnose?: TrainOptions['diagnose'];
  close(): Promise<void>;
}

/** Where a run is kept. */
export interface RunKeeper {
  /** steps between two checkpoints, at least 1; the end of a stage, a stop and a best state are kept too */
  readonly every: number;
  save(checkpoint: Omit<TrainingCheckpoint, 'settings' | 'logBytes'>): Promise<void>;
}

export interface TrainStagesOptions {
  /** of each stage, instead of its schedule's length */
  readonly steps?: number;
  /** stops after the step that is under way */
  readonly signal?: AbortSignal;
  /** for stages with held-out rows */
  readonly judge?: JudgeOptions;
  readonly keeper?: RunKeeper;
  /** where to go on: stages before its own are skipped. They must be those of the run that wrote it */
  readonly resume?: Pick<TrainingCheckpoint, 'state' | 'earlier' | 'judged'>;
  /** a stage is compiled and begins: its steps in all, and those that are done already */
  readonly onBegin?: (stage: string, steps: number, done: number) => void;
  /** called in order; awaited before the next step begins */
  readonly onRecord?: (record: LogRecord) => void | Promise<void>;
  /** @param trained all so far, by checkpoint key */
  readonly onEnd?: (summary: StageSummary, trained: ReadonlyMap<string, HostTensor>) => void | Promise<void>;
}

export interface StageSummary {
  readonly stage: string;
  /** done */
  readonly steps: number;
  /** that it has in all */
  readonly of: number;
  /** of the last step; null when there was none */
  readonly loss: number | null;
  /** of the last look, or of the best one where the best state is kept */
  readonly validation?: Readonly<Record<string, number>>;
  /** the step whose state the run goes on with, where the best one is kept */
  readonly best?: number;
}

export interface TrainedStages {
  /** all that was trained, by checkpoint key */
  readonly trained: ReadonlyMap<string, HostTensor>;
  readonly stages: readonly StageSummary[];
  /** the signal came before the last step */
  readonly interrupted: boolean;
}

/**
 * Trains stages in order.
 * @throws RuntimeError R0801 when a loss, a gradient or an update is not finite; R0222 with the row, where the data knows it; R0802 for a batch without labels; R1194 for
 * a metric that there is not; R1196 for a checkpoint of none of the stages; what opening a stage and its data throw
 */
export async function trainStages(
  stages: readonly TrainableStage[],
  options: TrainStagesOptions = {},
): Promise<TrainedStages> {
  const { resume, signal } = options;
  const names = stages.map(({ name }) => name);
  const first = resume ? names.indexOf(resume.state.stage) : 0;
  if (first < 0) throw runtimeError('resume_stage', { stage: resume!.state.stage, known: names });
  const trained = new Map<string, HostTensor>(resume?.earlier);
  const summaries: StageSummary[] = [];
  for (const [index, stage] of stages.entries()) {
    if (index < first || signal?.aborted) continue;
    const opened = await stage.open(trained);
    try {
      for (const [key, tensor] of opened.resized ?? []) trained.set(key, tensor);
      const from = index === first ? resume : undefined;
      const { parameters, summary } = await trainOne(stage, opened, trained, from, options);
      for (const [key, tensor] of parameters) trained.set(key, tensor);
      summaries.push(summary);
      await options.onEnd?.(summary, trained);
    } finally {
      await opened.close();
    }
  }
  return { trained, stages: summaries, interrupted: signal?.aborted ?? false };
}

async function trainOne(
  stage: TrainableStage,
  { plan, runner, read, diagnose }: OpenedStage,
  trained: ReadonlyMap<string, HostTensor>,
  from: TrainStagesOptions['resume'],
  options: TrainStagesOptions,
): Promise<{ readonly parameters: ReadonlyMap<string, HostTensor>; readonly summary: StageSummary }> {
  const { name, heldOut, measures = () => ({}) } = stage;
  const { keeper, signal, judge: judging = {} } = options;
  const steps = options.steps ?? scheduleLength(plan.schedule);
  const judge = heldOut && new Judge(name, heldOut, measures, judging, from?.judged);
  let loss: number | null = null;
  let validation: Readonly<Record<string, number>> | undefined;
  const onRecord = async (record: LogRecord): Promise<void> => {
    if (isStep(record)) ({ loss } = record);
    else if (isValidation(record) && (record.best || judging.best === undefined)) ({ validation } = record);
    await options.onRecord?.(isStep(record) ? withMeasures(record, measures) : record);
  };
  const keep = async (state: LiveState, last: boolean): Promise<void> => {
    const isBest = judge !== undefined && judge.judged.step === state.step;
    if (!keeper || !(last || isBest || state.step % keeper.every === 0)) return;
    const earlier = new Map([...trained].filter(([key]) => !state.parameters.has(key)));
    await keeper.save({ state: await hostState(state), earlier, ...(judge ? { judged: judge.judged } : {}) });
    await judge?.tidy();
  };
  const early = new AbortController();
  const look = async (state: LiveState): Promise<void> => {
    if (!judge?.due(state.step, steps)) return;
    await onRecord(await judge.look(state, runner, plan));
    if (!judge.waited || early.signal.aborted) return;
    const { step, since } = judge.judged;
    const detail = `no better value since step ${step}, in ${since} looks at the validation rows`;
    await onRecord({ stage: name, step: state.step, event: 'early_stop', detail });
    early.abort();
  };

  const start = from?.state ?? (await firstState(plan, read));
  if (from) await onRecord({ stage: name, step: start.step, event: 'resumed', detail: `from step ${start.step}` });
  options.onBegin?.(name, steps, start.step);
  if (judge?.waited) early.abort();
  const data = new WatchedData(stage.data);
  const state = await train(start, {
    plan,
    runner,
    data,
    steps,
    seed: stage.seed,
    signal: signal ? AbortSignal.any([signal, early.signal]) : early.signal,
    onRecord,
    onState: async (after) => {
      await look(after);
      if (after.step < steps) await keep(after, false);
    },
    diagnose: async (feeds) => data.nonFinite() ?? diagnose?.(feeds),
  }).catch((error: unknown) => {
    throw data.withRow(error, runner);
  });
  await keep(state, true);
  const best = signal?.aborted ? undefined : await judge?.bestState();
  return {
    parameters: best ?? state.parameters,
    summary: {
      stage: name,
      steps: state.step,
      of: steps,
      loss,
      ...(validation ? { validation } : {}),
      ...(best ? { best: judge!.judged.step } : {}),
    },
  };
}

async function firstState(plan: TrainingPlan, read: OpenedStage['read']): Promise<TrainState> {
  const parameters = new Map<string, HostTensor>();
  for (const { key } of changedTensors(plan)) parameters.set(key, await read(key));
  return initialState(plan, parameters);
}

/** With what the measures make of the loss, where they make something. */
function withMeasures(record: StepRecord, measures: Measures): StepRecord {
  const metrics = { ...record.metrics, ...measures({ loss: record.loss, ...record.metrics }) };
  return Object.keys(metrics).length > 0 ? { ...record, metrics } : record;
}
