/** One stage of a run, from its model to its trained tensors. */

import {
  type DataSource,
  initialState,
  isStep,
  type LiveState,
  type LogRecord,
  type StepRecord,
  scheduleLength,
  type TrainState,
  train,
} from '../../../runtime/train/index.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { changedTensors } from '../../../shared/training.ts';
import { DiagnosticError } from '../../diagnostics/diagnostic.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { graphsOf } from '../../graphs.ts';
import { TARGETS } from '../../targets/index.ts';
import type { BackendName } from '../backends.ts';
import type { Loaded } from '../model.ts';
import { openGraphs } from '../session.ts';
import type { WeightProvider } from '../weights/provider.ts';
import { locateNonFinite } from './diagnose.ts';
import type { Judge } from './judge.ts';
import { forStage } from './stages.ts';

/** Shows how a stage gets on. */
export interface StageProgress {
  step(record: StepRecord): void;
  stop(): void;
}

export interface StageRun {
  readonly stage: Stage;
  /** what the stage starts from: the base weights with what earlier stages trained over them */
  readonly weights: WeightProvider;
  readonly data: DataSource;
  readonly backend: BackendName;
  readonly opset: 17 | 23;
  /** a constant learning rate instead of the schedule */
  readonly lr?: number;
  readonly recompute?: boolean;
  /** instead of the schedule's length */
  readonly steps?: number;
  readonly seed: number;
  /** where to go on, instead of at the beginning */
  readonly resumed?: TrainState;
  readonly signal: AbortSignal;
  /** looks at the state now and then, and may end the stage early */
  readonly judge?: Judge;
  /** called once the stage is compiled, with its steps in all and those that are done */
  readonly progress?: (stage: string, steps: number, done: number) => StageProgress;
  readonly onRecord: (record: LogRecord) => void;
  /** after each step, and with `last` once at the end of the stage or when it was stopped */
  readonly onState: (state: LiveState, last: boolean) => Promise<void>;
}

export interface StageResult {
  readonly state: TrainState;
  /** steps that the stage has in all */
  readonly steps: number;
}

/** @throws CliError C0202, DiagnosticError, RuntimeError R08xx */
export async function runStage({ model, compilation }: Loaded, run: StageRun): Promise<StageResult> {
  const { stage, weights, backend, opset } = run;
  const training = {
    ...TARGETS[backend].training,
    ...(run.lr === undefined ? {} : { lr: run.lr }),
    ...(run.recompute ? { recompute: true } : {}),
    ...(run.judge ? { validates: true } : {}),
  };
  const built = forStage(stage.name, () => graphsOf(model, { entries: [], stage, training }));
  if (!built || compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
  const plan = built.training!;
  const steps = run.steps ?? scheduleLength(plan.schedule);
  const session = await openGraphs(built, weights, { backend, opset });
  let progress: StageProgress | undefined;
  try {
    const start = run.resumed ?? (await firstState());
    progress = run.progress?.(stage.name, steps, start.step);
    const { guarded } = built.entries.find(({ name }) => name === 'gradient')!;
    const early = new AbortController();
    if (run.judge?.waited) early.abort();
    const state = await train(start, {
      plan,
      runner: session,
      data: run.data,
      steps,
      seed: run.seed,
      signal: AbortSignal.any([run.signal, early.signal]),
      onRecord: (record) => {
        run.onRecord(record);
        if (isStep(record)) progress?.step(record);
      },
      onState: async (after) => {
        if (run.judge?.due(after.step, steps)) await look(run.judge, after, early);
        if (after.step < steps) await run.onState(after, false);
      },
      diagnose: (feeds) => locateNonFinite(model, guarded.graph, feeds, { plan, weights, backend, opset }),
    });
    await run.onState(state, true);
    return { state, steps };
  } finally {
    progress?.stop();
    await session.dispose();
  }

  async function look(judge: Judge, after: LiveState, early: AbortController): Promise<void> {
    run.onRecord(await judge.look(after, session, plan));
    if (!judge.waited || early.signal.aborted) return;
    const { judged } = judge;
    const detail = `no better value since step ${judged.step}, in ${judged.since} looks at the validation rows`;
    run.onRecord({ stage: stage.name, step: after.step, event: 'early_stop', detail });
    early.abort();
  }

  async function firstState(): Promise<TrainState> {
    const parameters = new Map<string, HostTensor>();
    for (const { key } of changedTensors(plan)) parameters.set(key, await weights.read(key));
    return initialState(plan, parameters);
  }
}
