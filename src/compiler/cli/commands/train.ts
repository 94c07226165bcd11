/**
 * `mdl train`: stages of a model, one after the other, each starting from what the one before left.
 *
 *   --batch FILE   one batch at every step, weights to --save: what outside checks drive
 *   --data NAME    a data set; with --out FOLDER a run that keeps a log, checkpoints and a report, and can be resumed
 */
import { join } from 'node:path';
import { recipeOf } from '../../../recipes/index.ts';
import type { Evaluation } from '../../../recipes/recipe.ts';
import { writeSafetensors } from '../../../runtime/index.ts';
import {
  hostState,
  isStep,
  isValidation,
  type Judged,
  type RunSettings,
  type StepRecord,
  scheduleLength,
  type TrainState,
  type ValidationRecord,
} from '../../../runtime/train/index.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import type { Model } from '../../elaborate/model.ts';
import { scheduleOf } from '../../training/plan.ts';
import { VERSION } from '../../version.ts';
import { backendName } from '../../workbench/backends.ts';
import { cliError } from '../../workbench/errors.ts';
import { OWN_KEYS } from '../../workbench/layouts/asked.ts';
import { loadModel, weightsText } from '../../workbench/model.ts';
import { commandLine, type Facts } from '../../workbench/page.ts';
import { writeReport } from '../../workbench/report.ts';
import { openBase } from '../../workbench/training/base.ts';
import { carriedMetadata } from '../../workbench/training/carried.ts';
import { heldOutReport } from '../../workbench/training/held-out.ts';
import { Judge, judges, type Measures, metricOf } from '../../workbench/training/judge.ts';
import { RunLog } from '../../workbench/training/log.ts';
import type { TrainingOptions } from '../../workbench/training/options.ts';
import { overlayWeights } from '../../workbench/training/overlay.ts';
import { saveAdapter } from '../../workbench/training/peft.ts';
import { type Prepared, prepareStages, type ReadyStage } from '../../workbench/training/prepare.ts';
import { fitted } from '../../workbench/training/resized.ts';
import { latestOf, openRunFolder, type RunFolder } from '../../workbench/training/run-folder.ts';
import { runStage } from '../../workbench/training/run-stage.ts';
import { runSettings } from '../../workbench/training/settings.ts';
import { forStage, stageList, stageOrOnly } from '../../workbench/training/stages.ts';
import { writeModel } from '../../workbench/training/write-model.ts';
import type { WeightProvider } from '../../workbench/weights/provider.ts';
import type { Output } from '../output.ts';
import { onInterrupt } from '../training/interrupt.ts';
import { trainingProgress } from '../training/progress.ts';

export default async function run(output: Output, [file]: readonly string[], options: TrainingOptions): Promise<void> {
  const plain = loadModel(file!, options, output);
  if (options.stages !== undefined && options.stage !== undefined)
    throw cliError('option_value', { option: '--stage', text: options.stage, expected: 'one of --stage and --stages' });
  const stages =
    options.stages === undefined ? [stageOrOnly(plain.model, options.stage)] : stageList(plain.model, options.stages);
  if (options.weights === undefined && options.init === undefined)
    throw cliError('weights_needed', { weights: 'no weights were given' });
  if (options.evaluate !== undefined && options.data === undefined)
    throw cliError('option_without', { option: '--evaluate', without: '--data' });
  if (options.keepBest !== undefined) metricOf(options.keepBest);
  if (judges(options) && options.data === undefined)
    throw cliError('option_without', { option: 'judging by validation rows', without: '--data' });
  if (options.keepBest !== undefined && options.out === undefined)
    throw cliError('option_without', { option: '--keep-best', without: '--out' });
  if (options.resume && options.out === undefined)
    throw cliError('option_without', { option: '--resume', without: '--out' });

  const { stages: ready, untrained } = await prepareStages(file!, stages, options, output);
  const settings = options.out === undefined ? {} : await runSettings(plain.model, ready, options);
  const { out, resume = false, keep } = options;
  const names = stages.map(({ name }) => name);
  const folder = out === undefined ? undefined : await openRunFolder({ out, resume, keep, stages: names }, output);
  try {
    await trainAll(output, file!, plain.model, options, { ready, untrained, settings, folder });
  } finally {
    folder?.release();
  }
}

interface Run extends Pick<Prepared, 'untrained'> {
  readonly ready: readonly ReadyStage[];
  readonly settings: RunSettings;
  readonly folder: RunFolder | undefined;
}

async function trainAll(
  output: Output,
  file: string,
  plain: Model,
  options: TrainingOptions,
  { ready, untrained, settings, folder }: Run,
): Promise<void> {
  const resumed = options.resume ? await latestOf(folder!, settings, output) : undefined;
  const first = Math.max(
    ready.findIndex(({ stage }) => stage.name === resumed?.state.stage),
    0,
  );
  if (resumed) checkLength(ready[first]!, resumed.state, options);
  const logFile = options.log ?? (options.out === undefined ? undefined : join(options.out, 'log.jsonl'));
  const log = logFile === undefined ? undefined : new RunLog(logFile, resumed?.logBytes ?? 0);
  const interrupt = onInterrupt(output);
  const shown = !output.quiet && !output.json && process.stderr.isTTY === true;

  const carried = new Map<string, HostTensor>(resumed?.earlier);
  const summary: StageSummary[] = [];
  let last: ReadyStage | undefined;
  let evaluation: Evaluation | undefined;
  let lastWeights: WeightProvider | undefined;
  try {
    for (const [index, loaded] of ready.entries()) {
      if (index < first || interrupt.signal.aborted) continue;
      const { stage, model, data, seed } = loaded;
      const base = await openBase(loaded, options, output);
      for (const [key, tensor] of fitted(model, carried)) carried.set(key, tensor);
      const weights = overlayWeights(base, new Map(carried));
      await lastWeights?.close();
      [last, lastWeights] = [loaded, base];
      const from = resumed && index === first ? resumed.state : undefined;
      if (from) log?.write({ stage: stage.name, step: from.step, event: 'resumed', detail: `from step ${from.step}` });
      let loss: number | null = null;
      const measures = measuresOf(model);
      const judge = judgeOf(loaded, options, measures, from ? resumed?.judged : undefined);
      let validation: Readonly<Record<string, number>> | undefined;
      const { state, steps } = await runStage(loaded, {
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
        progress: (...at) => trainingProgress(...at, shown),
        ...(judge ? { judge } : {}),
        onRecord: (record) => {
          log?.write(isStep(record) ? withMeasures(record, measures) : record);
          if (isStep(record)) loss = record.loss;
          else if (isValidation(record)) {
            if (record.best || options.keepBest === undefined) ({ validation } = record);
            output.note(validationText(record));
          } else if (record.event === 'vanishing') output.note(`warning: ${record.detail} (step ${record.step})`);
          else if (record.event === 'early_stop') output.note(`${stage.name}: ends early, ${record.detail}`);
        },
        onState: async (after, final) => {
          const isBest = judge !== undefined && judge.judged.step === after.step;
          if (!folder || !(final || isBest || after.step % options.checkpointEvery === 0)) return;
          const earlier = new Map([...carried].filter(([key]) => !after.parameters.has(key)));
          const logBytes = log?.bytes ?? 0;
          const judged = judge ? { judged: judge.judged } : {};
          await folder.checkpoints.save({ state: await hostState(after), earlier, settings, logBytes, ...judged });
          await judge?.tidy();
        },
      });
      const best = interrupt.signal.aborted ? undefined : await judge?.bestState();
      if (best) output.note(`${stage.name}: goes on with its best state, of step ${judge!.judged.step}`);
      for (const [key, tensor] of best ?? state.parameters) carried.set(key, tensor);
      summary.push({ stage: stage.name, steps: state.step, loss, ...(validation ? { validation } : {}) });
      output.note(
        `${stage.name}: ${state.step} of ${steps} steps, loss ${loss === null ? '–' : (loss as number).toFixed(4)}`,
      );
    }
    const asTrained = last ? carriedMetadata(plain, { ...last, data: last.data.name }) : {};
    const metadata = { ...OWN_KEYS, ...asTrained };
    if (options.save !== undefined) await writeSafetensors(options.save, carried, metadata);
    if (options.saveAdapter !== undefined && last) await saveAdapter(options.saveAdapter, last.model, carried);
    if (options.out !== undefined && last && lastWeights && !interrupt.signal.aborted) {
      const weights = overlayWeights(lastWeights, carried);
      await writeModel(join(options.out, 'model.safetensors'), last.model, weights, metadata);
      await writeSafetensors(join(options.out, 'trained.safetensors'), carried, metadata);
      const { evaluate, data } = options;
      if (evaluate !== undefined && data !== undefined)
        evaluation = await heldOutReport(file, last, weights, { ...options, evaluate, data });
    }
  } finally {
    interrupt.dispose();
    log?.close();
    await lastWeights?.close();
  }
  if (options.out !== undefined && logFile !== undefined)
    await writeReport(logFile, join(options.out, 'report.html'), plain.name, {
      facts: factsOf(plain, options),
      ...(evaluation ? { scores: evaluation.rows } : {}),
    });
  if (interrupt.signal.aborted) {
    process.exitCode = interrupt.exitCode;
    output.note(options.out === undefined ? 'stopped' : `stopped; go on with --resume --out ${options.out}`);
  }
  const lines = summary.map(({ stage, steps, loss, validation = {} }) => {
    const judged = Object.entries(validation).map(([name, value]) => `   validation ${name} ${value.toFixed(4)}`);
    return `${stage.padEnd(12)} ${String(steps).padStart(7)} steps   loss ${loss === null ? '–' : loss.toFixed(4)}${judged.join('')}`;
  });
  output.result(lines.join('\n') || 'nothing left to do', {
    stages: summary,
    untrained,
    ...(evaluation ? { report: evaluation.report } : {}),
    out: options.out ?? null,
    interrupted: interrupt.signal.aborted,
  });
}

interface StageSummary {
  readonly stage: string;
  readonly steps: number;
  readonly loss: number | null;
  /** of the last look, or of the best one where that is kept */
  readonly validation?: Readonly<Record<string, number>>;
}

/** What the model's recipe makes of the scalars of its loss. */
function measuresOf({ recipe: own }: Model): Measures {
  const recipe = own && recipeOf(own.declaration.name);
  return (scalars) => recipe?.measures?.(scalars, own!.settings) ?? {};
}

function judgeOf(
  { stage, heldOut }: ReadyStage,
  options: TrainingOptions,
  measures: Measures,
  judged: Judged | undefined,
): Judge | undefined {
  if (!heldOut) return undefined;
  return new Judge({ stage: stage.name, data: heldOut, options, measures, judged, out: options.out });
}

/** With what the recipe makes of the loss, where it makes something. */
function withMeasures(record: StepRecord, measures: Measures): StepRecord {
  const metrics = { ...record.metrics, ...measures({ loss: record.loss, ...record.metrics }) };
  return Object.keys(metrics).length > 0 ? { ...record, metrics } : record;
}

/** `train_all, step 100: validation loss 2.1034, perplexity 8.1941` */
function validationText({ stage, step, validation, best }: ValidationRecord): string {
  const values = Object.entries(validation).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  return `${stage}, step ${step}: validation ${values.join(', ')}${best ? ' (best)' : ''}`;
}

/** What a report says of the run. */
function factsOf(model: Model, options: TrainingOptions): Facts {
  const flags = [...model.settings.flags].map(([flag, on]) => `${flag} ${on ? 'on' : 'off'}`);
  return [
    ['command', commandLine()],
    ['date', new Date().toISOString()],
    ['config', model.settings.configName],
    ['flags', flags.join(', ') || 'none'],
    ['set', options.set?.join(', ') || 'nothing'],
    ['weights', options.weights === undefined ? `from seed ${options.init}` : weightsText(options.weights)],
    ['data', options.data ?? `one batch, ${options.batch}`],
    ['seed', String(options.seed)],
    ['backend', options.backend === 'onnx' ? `onnx, opset ${options.opset}` : options.backend],
    ['made with', `mdl ${VERSION}, Node ${process.versions.node}, ${process.platform} ${process.arch}`],
  ];
}

/** @throws CliError C0314 when the checkpoint is past the steps that are asked for */
function checkLength({ stage }: ReadyStage, { step }: TrainState, { steps, lr }: TrainingOptions): void {
  const rate = lr === undefined ? {} : { lr };
  const length = steps ?? forStage(stage.name, () => scheduleLength(scheduleOf(stage, rate)));
  if (step > length) throw cliError('steps_reached', { stage: stage.name, step, steps: length });
}
