/**
 * `mdl train`: stages of a model, one after the other, each starting from what the one before left.
 *
 *   --batch FILE   one batch at every step, weights to --save: what outside checks drive
 *   --data NAME    a data set; with --out FOLDER a run that keeps a log, checkpoints and a report, and can be resumed
 */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSafetensors } from '../../../runtime/index.ts';
import {
  type CheckpointFolder,
  checkpointFolder,
  checkSettings,
  hostState,
  type StepRecord,
  type TrainingCheckpoint,
} from '../../../runtime/train/index.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { backendName } from '../backends.ts';
import { cliError, reasonOf } from '../errors.ts';
import { loadModel, type SettingsOptions, type WeightsOptions } from '../model.ts';
import type { Output } from '../output.ts';
import { writeReport } from '../report.ts';
import { openBase } from '../training/base.ts';
import { openBatches } from '../training/data.ts';
import { fitted, sizeMetadata } from '../training/image-size.ts';
import { INTERRUPTED, onInterrupt } from '../training/interrupt.ts';
import { RunLog } from '../training/log.ts';
import { overlayWeights } from '../training/overlay.ts';
import { saveAdapter } from '../training/peft.ts';
import { runStage } from '../training/run-stage.ts';
import { runSettings } from '../training/settings.ts';
import { loadStage, stageList, stageOrOnly } from '../training/stages.ts';
import { promptMetadata } from '../training/trained-prompt.ts';
import { untrainedKeys, untrainedWarning } from '../training/untrained.ts';
import { writeModel } from '../training/write-model.ts';
import type { WeightProvider } from '../weights/provider.ts';

export interface TrainCommandOptions extends SettingsOptions, WeightsOptions {
  readonly stage?: string;
  readonly stages?: string;
  readonly batch?: string;
  readonly data?: string;
  readonly batchSize?: number;
  readonly skipBadImages?: boolean;
  readonly tokenizer?: string;
  readonly lr?: number;
  readonly steps?: number;
  readonly recompute?: boolean;
  /** added to the stage's own `seed` */
  readonly seed: number;
  readonly save?: string;
  readonly saveAdapter?: string;
  readonly log?: string;
  readonly out?: string;
  readonly resume?: boolean;
  readonly checkpointEvery: number;
  readonly keep: number;
  readonly backend: string;
  readonly opset: string;
}

export default async function run(
  output: Output,
  [file]: readonly string[],
  options: TrainCommandOptions,
): Promise<void> {
  const plain = loadModel(file!, options, output);
  if (options.stages !== undefined && options.stage !== undefined)
    throw cliError('C0103', { option: '--stage', text: options.stage, expected: 'one of --stage and --stages' });
  const stages =
    options.stages === undefined ? [stageOrOnly(plain.model, options.stage)] : stageList(plain.model, options.stages);
  if (options.weights === undefined && options.init === undefined)
    throw cliError('C0106', { weights: 'no weights were given' });
  if (options.resume && options.out === undefined) throw cliError('C0208', { option: '--resume', without: '--out' });

  const untrained = await checkStages(file!, stages, options, output);
  const settings = runSettings(plain.model, stages, options);
  const folder =
    options.out === undefined
      ? undefined
      : await openFolder(
          options,
          stages.map(({ name }) => name),
        );
  const resumed = options.resume ? await latest(folder!, settings) : undefined;
  const logFile = options.log ?? (options.out === undefined ? undefined : join(options.out, 'log.jsonl'));
  const log = logFile === undefined ? undefined : new RunLog(logFile, resumed?.logBytes ?? 0);
  const interrupt = onInterrupt(output);

  const carried = new Map<string, HostTensor>(resumed?.earlier);
  const summary: { stage: string; steps: number; loss: number | null }[] = [];
  let last: Model | undefined;
  let lastStage: Stage | undefined;
  let lastWeights: WeightProvider | undefined;
  try {
    const first = resumed
      ? Math.max(
          stages.findIndex(({ name }) => name === resumed.state.stage),
          0,
        )
      : 0;
    for (const [index, declared] of stages.entries()) {
      if (index < first || interrupt.signal.aborted) continue;
      const loaded = loadStage(file!, options, declared, output);
      const { stage, model } = loaded;
      const base = await openBase(loaded, options, output);
      for (const [key, tensor] of fitted(model, carried)) carried.set(key, tensor);
      const weights = overlayWeights(base, new Map(carried));
      await lastWeights?.close();
      [last, lastStage, lastWeights] = [model, stage, base];
      const seed = options.seed + (typeof stage.options.seed === 'number' ? stage.options.seed : 0);
      const data = await openBatches(file!, model, stage, { ...options, seed }, output);
      const from = resumed && index === first ? resumed.state : undefined;
      if (from) log?.write({ stage: stage.name, step: from.step, event: 'resumed', detail: `from step ${from.step}` });
      let loss: number | null = null;
      const { state, steps } = await runStage(
        loaded,
        {
          stage,
          weights,
          data,
          backend: backendName(options.backend),
          opset: options.opset === '23' ? 23 : 17,
          ...(options.lr === undefined ? {} : { lr: options.lr }),
          ...(options.recompute ? { recompute: true } : {}),
          ...(options.steps === undefined ? {} : { steps: options.steps }),
          seed,
          ...(from ? { resumed: from } : {}),
          signal: interrupt.signal,
          onRecord: (record) => {
            log?.write(record);
            if (isStep(record)) loss = record.loss;
            else if (record.event === 'vanishing') output.note(`warning: ${record.detail} (step ${record.step})`);
          },
          onState: async (after, final) => {
            if (!folder || !(final || after.step % options.checkpointEvery === 0)) return;
            const earlier = new Map([...carried].filter(([key]) => !after.parameters.has(key)));
            await folder.save({ state: await hostState(after), earlier, settings, logBytes: log?.bytes ?? 0 });
          },
        },
        output,
      );
      for (const [key, tensor] of state.parameters) carried.set(key, tensor);
      summary.push({ stage: stage.name, steps: state.step, loss });
      output.note(
        `${stage.name}: ${state.step} of ${steps} steps, loss ${loss === null ? '–' : (loss as number).toFixed(4)}`,
      );
    }
    const metadata =
      last && lastStage ? { ...sizeMetadata(plain.model, last), ...promptMetadata(plain.model, lastStage) } : {};
    if (options.save !== undefined) await writeSafetensors(options.save, carried, metadata);
    if (options.saveAdapter !== undefined && last) await saveAdapter(options.saveAdapter, last, carried);
    if (options.out !== undefined && last && lastWeights && !interrupt.signal.aborted) {
      await writeModel(join(options.out, 'model.safetensors'), last, overlayWeights(lastWeights, carried), metadata);
      await writeSafetensors(join(options.out, 'trained.safetensors'), carried, metadata);
    }
  } finally {
    interrupt.dispose();
    log?.close();
    await lastWeights?.close();
  }
  if (options.out !== undefined && logFile !== undefined)
    await writeReport(logFile, join(options.out, 'report.html'), plain.model.name);
  if (interrupt.signal.aborted) {
    process.exitCode = INTERRUPTED;
    output.note(options.out === undefined ? 'stopped' : `stopped; go on with --resume --out ${options.out}`);
  }
  const lines = summary.map(
    ({ stage, steps, loss }) =>
      `${stage.padEnd(12)} ${String(steps).padStart(7)} steps   loss ${loss === null ? '–' : loss.toFixed(4)}`,
  );
  output.result(lines.join('\n') || 'nothing left to do', {
    stages: summary,
    untrained,
    out: options.out ?? null,
    interrupted: interrupt.signal.aborted,
  });
}

/**
 * What shows before anything is trained: a size that the model cannot have, weights that do not fit, an adapter that no
 * stage trains. Warns of tensors that stay as initialised, and returns their keys.
 */
async function checkStages(
  file: string,
  stages: readonly Stage[],
  options: TrainCommandOptions,
  output: Output,
): Promise<string[]> {
  const [trained, told] = [new Set<string>(), new Set<string>()];
  const silent = { ...output, note: () => {}, warn: () => {} };
  let trainsAdapter = false;
  for (const declared of stages) {
    const loaded = loadStage(file, options, declared, silent);
    const { model, stage } = loaded;
    const base = await openBase(loaded, options, silent);
    await base.close();
    const keys = untrainedKeys(model, stage, base, trained).filter((key) => !told.has(key));
    if (keys.length > 0) output.note(untrainedWarning(stage.name, keys));
    for (const key of keys) told.add(key);
    for (const { keys: own, adapter } of stage.trained) {
      trained.add(own[0]);
      trainsAdapter ||= adapter !== undefined;
    }
  }
  if (options.saveAdapter !== undefined && !trainsAdapter)
    throw cliError('C0204', {
      folder: options.saveAdapter,
      reason: 'no stage trains an adapter, so none can be saved',
    });
  return [...told];
}

const isStep = (record: object): record is StepRecord => 'loss' in record;

/** @throws CliError C0206 when a run is there and --resume is not given */
async function openFolder(
  { out, resume, keep }: TrainCommandOptions,
  stages: readonly string[],
): Promise<CheckpointFolder> {
  const folder = out!;
  if (!resume && holdsRun(folder)) throw cliError('C0206', { folder });
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw cliError('C0105', { file: folder, reason: reasonOf(error) }, [], error);
  });
  return checkpointFolder(join(folder, 'checkpoints'), stages, Math.max(keep, 1));
}

/** Whether there is anything to lose: a run that was stopped before its first checkpoint is begun anew. */
function holdsRun(folder: string): boolean {
  const names = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
  if (names(join(folder, 'checkpoints')).some((name) => name.endsWith('.safetensors'))) return true;
  return names(folder).some((name) => name !== 'checkpoints' && name !== 'log.jsonl');
}

/** @throws RuntimeError R0803, R0804, R0805 */
async function latest(folder: CheckpointFolder, settings: TrainingCheckpoint['settings']): Promise<TrainingCheckpoint> {
  const { file, checkpoint } = await folder.latest();
  checkSettings(file, checkpoint.settings, settings);
  return checkpoint;
}
