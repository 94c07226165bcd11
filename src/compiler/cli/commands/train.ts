/**
 * `mdl train`: stages of a model, one after the other, each starting from what the one before left.
 *
 *   --batch FILE   one batch at every step, weights to --save: what outside checks drive
 *   --data NAME    a data set; with --out FOLDER a run that keeps a log, checkpoints and a report, and can be resumed
 */
import { join } from 'node:path';
import type { StageSummary } from '../../../runtime/train/index.ts';
import type { Model } from '../../elaborate/model.ts';
import { VERSION } from '../../version.ts';
import { cliError } from '../../workbench/errors.ts';
import { loraNote } from '../../workbench/folder/lora.ts';
import { loadModel, weightsText } from '../../workbench/model.ts';
import { commandLine, type Facts } from '../../workbench/page.ts';
import { writeReport } from '../../workbench/report.ts';
import { judges, metricOf } from '../../workbench/training/judge.ts';
import { stageMemoryText, stagesMemory } from '../../workbench/training/memory.ts';
import type { TrainingOptions } from '../../workbench/training/options.ts';
import { shapeOf } from '../../workbench/training/peft-files.ts';
import { prepareStages, type ReadyStage } from '../../workbench/training/prepare.ts';
import { type Run, runTraining } from '../../workbench/training/run.ts';
import { openRunFolder } from '../../workbench/training/run-folder.ts';
import { runSettings } from '../../workbench/training/settings.ts';
import { stageList, stageOrOnly } from '../../workbench/training/stages.ts';
import type { Output } from '../output.ts';
import { onInterrupt } from '../training/interrupt.ts';
import { trainingProgress } from '../training/progress.ts';

/** Threads hold a copy of what the data keeps in memory each. */
const MOST_WORKERS = 64;

export default function run(output: Output, [file]: readonly string[], options: TrainingOptions): Promise<void> {
  return trainFile(output, file!, options);
}

/** @param onWeights sees the weights before and after each stage */
export async function trainFile(
  output: Output,
  file: string,
  options: TrainingOptions,
  onWeights?: Run['onWeights'],
): Promise<void> {
  const { model: plain } = loadModel(file, options, output);
  const lora = options.lora === undefined ? undefined : shapeOf(plain);
  if (lora) output.note(loraNote(lora, options.lora!.includes('targets')));
  if (options.stages !== undefined && options.stage !== undefined)
    throw cliError('option_value', { option: '--stage', text: options.stage, expected: 'one of --stage and --stages' });
  const stages = options.stages === undefined ? [stageOrOnly(plain, options.stage)] : stageList(plain, options.stages);
  checkOptions(options);
  if (options.plan || options.memory !== undefined) {
    const planned = await stagesMemory(file, stages, options, options.memory, output);
    if (options.plan) return output.result(planned.map(stageMemoryText).join('\n\n'), { stages: planned });
  }

  const { stages: ready, untrained } = await prepareStages(file, stages, options, output);
  const settings = options.out === undefined ? {} : await runSettings(plain, ready, options);
  const { out, resume = false, keep } = options;
  const names = stages.map(({ name }) => name);
  const folder = out === undefined ? undefined : await openRunFolder({ out, resume, keep, stages: names }, output);
  const fed = await withWorkers(file, ready, options, output);
  const interrupt = onInterrupt(output);
  const bar = trainingProgress(!output.quiet && !output.json && process.stderr.isTTY === true);
  try {
    const { summary, evaluation, logFile } = await runTraining(
      {
        file,
        plain,
        ready: fed,
        settings,
        folder,
        options,
        signal: interrupt.signal,
        onBegin: bar.begin,
        onRecord: bar.record,
        ...(onWeights ? { onWeights } : {}),
      },
      output,
    );
    if (out !== undefined && logFile !== undefined)
      await writeReport(logFile, join(out, 'report.html'), plain.name, {
        facts: factsOf(plain, options),
        ...(evaluation ? { scores: evaluation.rows } : {}),
      });
    if (interrupt.signal.aborted) {
      process.exitCode = interrupt.exitCode;
      output.note(out === undefined ? 'stopped' : `stopped; go on with --resume --out ${out}`);
    }
    output.result(summary.map(summaryLine).join('\n') || 'nothing left to do', {
      stages: summary.map(({ stage, steps, loss, validation }) => ({
        stage,
        steps,
        loss,
        ...(validation ? { validation } : {}),
      })),
      untrained,
      ...(evaluation ? { report: evaluation.report } : {}),
      out: out ?? null,
      interrupted: interrupt.signal.aborted,
    });
  } finally {
    bar.stop();
    interrupt.dispose();
    folder?.release();
    await Promise.all(fed.map(({ data }) => data.close?.()));
  }
}

/** Stages whose batches are made in threads, where `--workers` asks for it. */
async function withWorkers(
  file: string,
  ready: readonly ReadyStage[],
  { workers = 0, ...options }: TrainingOptions,
  output: Output,
): Promise<readonly ReadyStage[]> {
  if (workers === 0) return ready;
  const { inWorkers } = await import('../../workbench/training/data-worker.ts');
  return ready.map((each) => ({
    ...each,
    data: inWorkers(each.data, workers, { file, stage: each.stage.name, options }, (line) => output.note(line)),
  }));
}

/** @throws CliError C0103, C0106, C0208, C0421 */
function checkOptions(options: TrainingOptions): void {
  const { weights, init, evaluate, data, keepBest, out, resume, workers = 0, backend } = options;
  const onDevice = backend === 'webgpu';
  for (const [option, given] of [
    ['--plan', options.plan === true],
    ['--memory', options.memory !== undefined],
  ] as const)
    if (given && !onDevice) throw cliError('option_without', { option, without: '--backend webgpu' });
  if (weights === undefined && init === undefined && !options.plan)
    throw cliError('weights_needed', { weights: 'no weights were given' });
  const needs = (option: string, given: boolean, without: string, there: boolean): void => {
    if (given && !there) throw cliError('option_without', { option, without });
  };
  needs('--evaluate', evaluate !== undefined, '--data', data !== undefined);
  if (workers > MOST_WORKERS) {
    const expected = `an integer from 0 to ${MOST_WORKERS}`;
    throw cliError('option_value', { option: '--workers', text: String(workers), expected });
  }
  if (keepBest !== undefined) metricOf(keepBest);
  needs('judging by validation rows', judges(options), '--data', data !== undefined);
  needs('--keep-best', keepBest !== undefined, '--out', out !== undefined);
  needs('--resume', resume === true, '--out', out !== undefined);
}

function summaryLine({ stage, steps, loss, validation = {} }: StageSummary): string {
  const judged = Object.entries(validation).map(([name, value]) => `   validation ${name} ${value.toFixed(4)}`);
  const text = loss === null ? '–' : loss.toFixed(4);
  return `${stage.padEnd(12)} ${String(steps).padStart(7)} steps   loss ${text}${judged.join('')}`;
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
