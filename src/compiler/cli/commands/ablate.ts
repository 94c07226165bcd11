/**
 * `mdl ablate`: the full model and the model with each of some flags turned, trained through the same stages from the
 * same weights on the same batches, compared in one report. Cells that are finished are kept, so it can be resumed.
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { recipeOf } from '../../../recipes/index.ts';
import type { Published } from '../../../recipes/recipe.ts';
import type { CellRecord } from '../../../runtime/train/index.ts';
import { VALIDATE_EVERY } from '../../../runtime/train/index.ts';
import type { Model } from '../../elaborate/model.ts';
import { openAblation } from '../../workbench/ablation/folder.ts';
import { modelText } from '../../workbench/ablation/model-text.ts';
import { preflight } from '../../workbench/ablation/preflight.ts';
import {
  differenceTable,
  lossTable,
  metricTable,
  type Report,
  renderHtml,
  renderMarkdown,
  reportJson,
} from '../../workbench/ablation/report.ts';
import { runAblation } from '../../workbench/ablation/run.ts';
import { summarise } from '../../workbench/ablation/summary.ts';
import { variantsOf } from '../../workbench/ablation/variants.ts';
import { cliError } from '../../workbench/errors.ts';
import { loadModel, weightsText } from '../../workbench/model.ts';
import { commandLine } from '../../workbench/page.ts';
import { judges, metricOf } from '../../workbench/training/judge.ts';
import { lockFolder } from '../../workbench/training/lock.ts';
import type { TrainingOptions } from '../../workbench/training/options.ts';
import { makeRunFolder } from '../../workbench/training/run-folder.ts';
import { runSettings } from '../../workbench/training/settings.ts';
import { stageList } from '../../workbench/training/stages.ts';
import { alignTable, watchAll, watchTable } from '../ablation/table.ts';
import { type Output, withoutRepeats } from '../output.ts';
import { onInterrupt } from '../training/interrupt.ts';

/** Exit code when a variant could not be compiled or run; the report says why. */
const FAILED = 1;

export interface AblateCommandOptions extends Omit<TrainingOptions, 'checkpointEvery' | 'keep'> {
  readonly flags: string;
  /** how many: seed, seed + 1, … */
  readonly seeds: number;
  /** all of the model by default */
  readonly stages?: string;
  /** steps at the end of a stage whose losses are averaged */
  readonly last: number;
  readonly out: string;
  /** a measure of held-out rows, with `:min` or `:max` where it is no loss */
  readonly metric?: string;
  /** each seed starts from weights of its own */
  readonly varyInit?: boolean;
}

export default async function run(
  output: Output,
  [file]: readonly string[],
  given: AblateCommandOptions,
): Promise<void> {
  const looked = given.metric === undefined ? {} : { valEvery: given.valEvery ?? VALIDATE_EVERY };
  const options: TrainingOptions = { ...given, ...looked, checkpointEvery: 1, keep: 1 };
  const metric = judges(options) ? metricOf(given.metric, '--metric') : undefined;
  const { model } = loadModel(file!, options, output);
  const variants = variantsOf(model.settings.flags, given.flags);
  const stages = given.stages === undefined ? model.stages : stageList(model, given.stages);
  if (stages.length === 0) throw cliError('stage_needed', { known: [] });
  const seeds = Array.from({ length: given.seeds }, (_, index) => given.seed + index);
  if (given.weights === undefined && given.init === undefined)
    throw cliError('weights_needed', { weights: 'no weights were given' });
  // what is wrong with the weights or the data shows before anything is trained
  const { warnings, stages: prepared } = await preflight(file!, variants, stages, options, {
    ...withoutRepeats(output),
    warn: () => {},
  });
  for (const warning of warnings) output.note(`warning: ${warning}`);

  const settings = {
    ...(await runSettings(model, prepared, options)),
    backend: options.backend,
    opset: options.opset,
    variants: variants.map(({ label }) => label).join(', '),
    seeds: seeds.join(', '),
    steps: String(given.steps ?? "the stages'"),
    'model text': modelText(model),
    ...(metric ? { metric: `${metric.name}:${metric.best}` } : {}),
    ...(given.varyInit ? { 'initial weights': 'of each seed' } : {}),
  };
  await makeRunFolder(given.out);
  const release = lockFolder(given.out, output);
  const published = publishedOf(model);
  const reportOf = (records: readonly CellRecord[]): Report => ({
    model: model.name,
    config: model.settings.configName,
    weights: given.weights === undefined ? randomText(given) : weightsText(given.weights),
    ...(given.varyInit ? { varyInit: true } : {}),
    ...(metric ? { metric } : {}),
    data: given.data ?? given.batch ?? '',
    settings,
    variants,
    seeds,
    stages: stages.map(({ name }) => name),
    last: given.last,
    machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${process.platform} ${process.arch}, Node ${process.versions.node}`,
    date: new Date().toISOString(),
    command: commandLine(),
    warnings,
    ...(published ? { published } : {}),
    records,
  });
  const interrupt = onInterrupt(output);
  let report: Report;
  try {
    const folder = await openAblation(given.out, given.resume === true, settings);
    const write = async (records: readonly CellRecord[]): Promise<Report> => {
      const report = reportOf(records);
      await folder.write('report.html', renderHtml(report));
      await folder.write('report.md', renderMarkdown(report));
      await folder.write('report.json', `${JSON.stringify(reportJson(report))}\n`);
      return report;
    };
    const watch = watchAll(watchTable(reportOf([]), output), {
      step: () => {},
      // so that a run that is killed leaves a report of what it had
      finished: async (_, records, kept) => {
        if (!kept) await write(records);
      },
    });
    report = await write(
      await runAblation(
        {
          file: file!,
          text: modelText(model),
          variants,
          seeds,
          stages,
          options,
          varyInit: given.varyInit === true,
          ...(metric ? { metric } : {}),
        },
        folder,
        interrupt.signal,
        watch,
      ),
    );
  } finally {
    interrupt.dispose();
    release();
  }
  if (interrupt.signal.aborted) {
    process.exitCode = interrupt.exitCode;
    output.note(`stopped; go on with --resume --out ${given.out}`);
  }
  const failed = report.records.filter(({ outcome }) => outcome === 'failed');
  for (const { variant, seed, stage, detail } of failed)
    output.note(`failed: ${variant}, seed ${seed}, ${stage}: ${detail}`);
  if (failed.length > 0 && !interrupt.signal.aborted) process.exitCode = FAILED;
  output.result(`${summaryText(report)}\nreport: ${join(given.out, 'report.html')}`, {
    out: given.out,
    interrupted: interrupt.signal.aborted,
    variants: variants.map(({ id, flag }) => ({ id, flag: flag ?? null })),
    seeds,
    stages: report.stages,
    ...(metric ? { metric } : {}),
    summary: summarise(report.records, report),
    failed: failed.map(({ variant, seed, stage, detail }) => ({ variant, seed, stage, detail })),
    warnings,
  });
}

/** The means of each variant, and, since runs with one seed saw the same batches, what sets it apart in pairs of them. */
export function summaryText(report: Report): string {
  const { metric, variants } = report;
  const means = alignTable(metric ? metricTable(report) : lossTable(report));
  if (variants.length < 2) return means.join('\n');
  const pairs = alignTable(differenceTable(report, metric ? 'metric_difference' : 'difference'));
  return [...means, 'difference from full, in pairs of runs with one seed:', ...pairs].join('\n');
}

/** `random, seeds 1, 2, 3` */
function randomText({ init = 0, varyInit, seeds }: AblateCommandOptions): string {
  if (!varyInit) return `random, seed ${init}`;
  return `random, seeds ${Array.from({ length: seeds }, (_, index) => init + index).join(', ')}`;
}

/** What a paper says of this model, as its recipe knows it. */
function publishedOf({ name, recipe }: Model): Published | undefined {
  const { published } = recipe ? recipeOf(recipe.declaration.name) : {};
  return published?.model === name ? published : undefined;
}
