/** A run of training as the command line has it: stages that are ready, a folder that keeps what it leaves, a report. */
import { join } from 'node:path';
import type { Evaluation } from '../../../recipes/recipe.ts';
import { writeSafetensors } from '../../../runtime/index.ts';
import {
  isStep,
  isValidation,
  type LogRecord,
  learningRate,
  type OpenedStage,
  type RunSettings,
  type StageSummary,
  scheduleLength,
  type TrainableStage,
  type TrainingCheckpoint,
  trainStages,
  type ValidationRecord,
} from '../../../runtime/train/index.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import type { Schedule } from '../../../shared/training.ts';
import type { Model } from '../../elaborate/model.ts';
import { scheduleOf } from '../../training/plan.ts';
import { backendName } from '../backends.ts';
import { cliError } from '../errors.ts';
import { OWN_KEYS } from '../layouts/asked.ts';
import type { Notes } from '../notes.ts';
import { NODE } from '../session.ts';
import type { WeightProvider } from '../weights/provider.ts';
import { openBase } from './base.ts';
import { carriedMetadata } from './carried.ts';
import { heldOutReport } from './held-out.ts';
import { judgeOptions, measuresOf } from './judge.ts';
import { RunLog } from './log.ts';
import { openStage, type StagedModel } from './open-stage.ts';
import type { TrainingOptions } from './options.ts';
import { overlayWeights } from './overlay.ts';
import { saveAdapter } from './peft.ts';
import type { ReadyStage } from './prepare.ts';
import { fitted } from './resized.ts';
import { latestOf, type RunFolder } from './run-folder.ts';
import { forStage, forStageAsync } from './stages.ts';
import { writeModel } from './write-model.ts';

export interface Run {
  readonly file: string;
  /** as the file and the options say, without a stage */
  readonly plain: Model;
  readonly ready: readonly ReadyStage[];
  readonly settings: RunSettings;
  readonly folder: RunFolder | undefined;
  readonly options: TrainingOptions;
  readonly signal: AbortSignal;
  /** a stage begins: its steps in all, and those that are done */
  readonly onBegin: (stage: string, steps: number, done: number) => void;
  readonly onRecord: (record: LogRecord) => void;
  /** is given each stage's model with the weights before its first step, and again after its last */
  readonly onWeights?: (stage: ReadyStage, weights: WeightProvider, when: 'before' | 'after') => Promise<void>;
}

export interface RunResult {
  readonly summary: readonly StageSummary[];
  readonly evaluation: Evaluation | undefined;
  /** where records were written */
  readonly logFile: string | undefined;
}

/** @throws CliError C0202, C0314, DiagnosticError, RuntimeError R08xx, and what weights and data throw */
export async function runTraining(run: Run, output: Notes): Promise<RunResult> {
  const { plain, ready, folder, options, signal, settings } = run;
  const resume = options.resume ? await latestOf(folder!, settings, output) : undefined;
  if (resume) checkLength(ready, resume, options);
  const logFile = options.log ?? (options.out === undefined ? undefined : join(options.out, 'log.jsonl'));
  const log = logFile === undefined ? undefined : new RunLog(logFile, resume?.logBytes ?? 0);
  const bases = new Bases(options, output);
  try {
    const { trained, stages: summary } = await trainStages(
      ready.map((stage) => trainable(stage, bases, run)),
      {
        signal,
        ...(options.steps === undefined ? {} : { steps: options.steps }),
        judge: judgeOptions(options, options.out),
        ...(folder
          ? {
              keeper: {
                every: options.checkpointEvery,
                save: async (checkpoint) => {
                  await folder.checkpoints.save({ ...checkpoint, settings, logBytes: log?.bytes ?? 0 });
                },
              },
            }
          : {}),
        ...(resume ? { resume } : {}),
        onBegin: (name, steps, done) => {
          noteLength(ready, name, options, output);
          run.onBegin(name, steps, done);
        },
        onRecord: (record) => {
          log?.write(record);
          tell(record, output);
          run.onRecord(record);
        },
        onEnd: async ({ stage, steps, of, loss, best }, trained) => {
          if (best !== undefined) output.note(`${stage}: goes on with its best state, of step ${best}`);
          output.note(`${stage}: ${steps} of ${of} steps, loss ${loss === null ? '–' : loss.toFixed(4)}`);
          const { last } = bases;
          if (last && !signal.aborted) await run.onWeights?.(last.stage, overlayWeights(last.base, trained), 'after');
        },
      },
    );
    const { last } = bases;
    const asTrained = last ? carriedMetadata(plain, { ...last.stage, data: last.stage.data.name }) : {};
    const metadata = { ...OWN_KEYS, ...asTrained };
    if (options.save !== undefined) await writeSafetensors(options.save, trained, metadata);
    if (options.saveAdapter !== undefined && last) await saveAdapter(options.saveAdapter, last.stage.model, trained);
    const evaluation = last && !signal.aborted ? await finish(run, last, trained, metadata) : undefined;
    return { summary, evaluation, logFile };
  } finally {
    log?.close();
    await bases.close();
  }
}

/** The weights that stages start from, before what was trained; those of the last one stay open until `close`. */
class Bases {
  private readonly options: TrainingOptions;
  private readonly output: Notes;
  last: { readonly stage: ReadyStage; readonly base: WeightProvider } | undefined;

  constructor(options: TrainingOptions, output: Notes) {
    this.options = options;
    this.output = output;
  }

  async open(stage: ReadyStage): Promise<WeightProvider> {
    const base = await openBase(stage, this.options, this.output);
    await this.close();
    this.last = { stage, base };
    return base;
  }

  async close(): Promise<void> {
    await this.last?.base.close();
  }
}

function trainable(ready: ReadyStage, bases: Bases, { options, onWeights }: Run): TrainableStage {
  const { stage, model, data, heldOut, seed } = ready;
  return {
    name: stage.name,
    data,
    ...(heldOut ? { heldOut } : {}),
    seed,
    measures: measuresOf(model),
    async open(trained) {
      const base = await bases.open(ready);
      const resized = fitted(model, trained);
      const weights = overlayWeights(base, resized);
      await onWeights?.(ready, weights, 'before');
      const opened = await openForTraining(ready, weights, { ...options, validates: heldOut !== undefined });
      return { ...opened, resized };
    },
  };
}

/** A stage opened as options say, in Node. @throws CliError C0202 for what StageErrors say, and as `openStage` */
export function openForTraining(
  staged: StagedModel,
  weights: WeightProvider,
  options: Pick<TrainingOptions, 'backend' | 'opset' | 'lr' | 'recompute' | 'lossChunk'> & {
    readonly validates: boolean;
  },
): Promise<OpenedStage> {
  const { backend, opset, lr, recompute = false, lossChunk, validates } = options;
  return forStageAsync(staged.stage.name, () =>
    openStage(staged, {
      host: NODE,
      weights,
      backend: backendName(backend),
      opset: opset === '23' ? 23 : 17,
      ...(lr === undefined ? {} : { lr }),
      recompute,
      ...(lossChunk === undefined ? {} : { lossChunk }),
      validates,
    }),
  );
}

/** What a run leaves when it has come to its end: all weights, what was trained, and answers to held-out examples. */
async function finish(
  { file, options }: Run,
  { stage, base }: NonNullable<Bases['last']>,
  trained: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>>,
): Promise<Evaluation | undefined> {
  const { out, evaluate, data } = options;
  if (out === undefined) return undefined;
  const weights = overlayWeights(base, trained);
  await writeModel(join(out, 'model.safetensors'), stage.model, weights, metadata);
  await writeSafetensors(join(out, 'trained.safetensors'), trained, metadata);
  if (evaluate === undefined || data === undefined) return undefined;
  return heldOutReport(file, stage, weights, { ...options, evaluate, data });
}

function tell(record: LogRecord, output: Notes): void {
  if (isStep(record)) return;
  if (isValidation(record)) output.note(validationText(record));
  else if (record.event === 'vanishing') output.note(`warning: ${record.detail} (step ${record.step})`);
  else if (record.event === 'early_stop') output.note(`${record.stage}: ends early, ${record.detail}`);
}

/** `train_all, step 100: validation loss 2.1034, perplexity 8.1941` */
function validationText({ stage, step, validation, best }: ValidationRecord): string {
  const values = Object.entries(validation).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  return `${stage}, step ${step}: validation ${values.join(', ')}${best ? ' (best)' : ''}`;
}

/** @throws CliError C0314 when the checkpoint is past the steps that are asked for */
function checkLength(
  ready: readonly ReadyStage[],
  { state: { stage: name, step } }: TrainingCheckpoint,
  options: TrainingOptions,
): void {
  const schedule = scheduleIn(ready, name, options);
  if (!schedule) return;
  const length = options.steps ?? scheduleLength(schedule);
  if (step > length) throw cliError('steps_reached', { stage: name, step, steps: length });
}

/** Says where `--steps` leads past the end of a schedule whose rate changes. */
function noteLength(ready: readonly ReadyStage[], name: string, options: TrainingOptions, output: Notes): void {
  const schedule = scheduleIn(ready, name, options);
  if (!schedule || schedule.kind === 'constant' || options.steps === undefined) return;
  const length = scheduleLength(schedule);
  if (options.steps <= length) return;
  output.note(
    `${name}: --steps is ${options.steps} and its schedule has ${length}, so the learning rate stays at ${Number(learningRate(schedule, length).toPrecision(6))} after them`,
  );
}

/** @throws CliError C0202 where the stage has none and there is no `--lr` */
function scheduleIn(ready: readonly ReadyStage[], name: string, { lr }: TrainingOptions): Schedule | undefined {
  const found = ready.find(({ stage }) => stage.name === name);
  return found && forStage(name, () => scheduleOf(found.stage, lr === undefined ? {} : { lr }));
}
