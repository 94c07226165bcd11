/** Held-out examples put to what was just trained (`--evaluate N`), for the run's report. */
import type { Evaluation } from '../../../recipes/recipe.ts';
import { entriesOf } from '../answering.ts';
import { backendName } from '../backends.ts';
import { chatTemplateFor, recipeFor, recipeStage, tokenizerFor } from '../recipe.ts';
import { openForRun } from '../session.ts';
import type { WeightProvider } from '../weights/provider.ts';
import type { TrainingOptions } from './options.ts';
import type { ReadyStage } from './prepare.ts';
import { batchSizeOf } from './stages.ts';

const MAX_NEW_TOKENS = 24;

/** Greedy answers to held-out examples of the stage's own tasks. @throws as the recipe's `evaluate` and `openForRun` */
export async function heldOutReport(
  file: string,
  trained: ReadyStage,
  weights: WeightProvider,
  options: TrainingOptions & { readonly evaluate: number; readonly data: string },
): Promise<Evaluation> {
  const { recipe, model } = recipeFor(trained.model);
  const stage = recipeStage(recipe, trained.stage);
  const heldOut = options.val === undefined ? options.valSplit : 1;
  const session = await openForRun(trained, weights, {
    backend: backendName(options.backend),
    opset: options.opset === '23' ? 23 : 17,
    entries: entriesOf(recipe, 'evaluate', trained.model, trained.model.entries),
  });
  try {
    return await recipe.evaluate(session, {
      data: options.val ?? recipe.dataOf?.(options.data, stage) ?? options.data,
      model,
      stage,
      count: options.evaluate,
      batchSize: batchSizeOf(trained.stage, options.batchSize),
      badRows: options.onBadRow ?? 'fail',
      ...(heldOut === undefined ? {} : { heldOut }),
      chatTemplate: chatTemplateFor(file, model, options.tokenizer),
      seed: options.seed,
      maxNewTokens: MAX_NEW_TOKENS,
      tokenizer: async () => recipe.tokenizerOf?.(model.settings) ?? tokenizerFor(file, model, options.tokenizer)(),
      note: () => {},
    });
  } finally {
    await session.dispose();
  }
}
