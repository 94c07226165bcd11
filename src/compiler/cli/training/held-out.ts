/** Held-out examples put to what was just trained (`--evaluate N`), for the run's report. */
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Report } from '../../../runtime/data/index.ts';
import { backendName } from '../backends.ts';
import type { TrainCommandOptions } from '../commands/train.ts';
import { openForRun } from '../session.ts';
import { tokenizerOf } from '../tokenizer.ts';
import type { WeightProvider } from '../weights/provider.ts';
import { Config } from './config.ts';
import { setOf } from './data.ts';
import { evaluateSession } from './evaluate.ts';
import type { ReadyStage } from './prepare.ts';
import { stageSays, wordingOf } from './wording.ts';

const MAX_NEW_TOKENS = 24;

/** Greedy answers to held-out examples of the stage's own tasks. @throws as `evaluateSession` and `openForRun` */
export async function heldOutReport(
  file: string,
  trained: ReadyStage,
  weights: WeightProvider,
  options: TrainCommandOptions & { readonly evaluate: number; readonly data: string },
): Promise<Report> {
  const { model, stage } = trained;
  const data = setOf(stage, options.data);
  const usual = new Config(model).text('tokens.tokenizer') ?? 'tokenizer.json';
  const tokenizer = await tokenizerOf(options.tokenizer, join(dirname(file), usual));
  const { session, folder } = await openForRun(trained, weights, {
    backend: backendName(options.backend),
    opset: options.opset === '23' ? 23 : 17,
    entries: ['encode_image', 'embed_tokens', 'decode'],
  });
  try {
    const { report } = await evaluateSession(session, tokenizer, {
      data,
      wording: wordingOf(model, stage.options, data, stageSays(stage.name)),
      count: options.evaluate,
      seed: options.seed,
      maxNewTokens: MAX_NEW_TOKENS,
    });
    return report;
  } finally {
    await session.dispose();
    if (folder) await rm(folder, { recursive: true, force: true });
  }
}

/** By task, beside the best constant answer. */
export function scoreRows(report: Report): string[][] {
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
  return [
    ['task', 'examples', 'exact', 'best constant answer', 'VQA accuracy'],
    ...Object.entries(report.tasks).map(([task, { count, exact, baseline, vqa }]) => [
      task,
      String(count),
      percent(exact),
      percent(baseline.exact),
      percent(vqa),
    ]),
    ['all', String(report.count), percent(report.exact), percent(report.baselineExact), ''],
  ];
}
