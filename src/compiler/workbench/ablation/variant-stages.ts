/** A stage of a variant from the model's file. */
import type { OpenedStage, TrainableStage } from '../../../runtime/train/index.ts';
import type { Stage } from '../../elaborate/stages.ts';
import { scheduleOf } from '../../training/plan.ts';
import { cliError } from '../errors.ts';
import { SILENT } from '../notes.ts';
import { openBase } from '../training/base.ts';
import { openBatches, openHeldOut } from '../training/data.ts';
import { judges, measuresOf } from '../training/judge.ts';
import type { TrainingOptions } from '../training/options.ts';
import { overlayWeights } from '../training/overlay.ts';
import { fitted } from '../training/resized.ts';
import { openForTraining } from '../training/run.ts';
import type { LoadedStage } from '../training/staged.ts';
import { forStage, loadStage, seedOf } from '../training/stages.ts';
import { modelText } from './model-text.ts';

/**
 * @param text modelText of the full model, when the ablation began
 * @param declared as the full model declares it
 * @param options with the variant's flag in `set` and the cell's seed
 * @returns undefined where it trains nothing
 * @throws CliError C0304 where the file was edited since, and what loading a stage and its data throw
 */
export async function variantStage(
  file: string,
  text: string,
  declared: Stage,
  options: TrainingOptions,
): Promise<TrainableStage | undefined> {
  const loaded = loadStage(file, options, declared, SILENT);
  const { model, stage } = loaded;
  if (modelText(model) !== text) throw cliError('file_edited', { file });
  if (stage.trained.length === 0) return undefined;
  // a stage without a length says so before its data is read
  if (options.steps === undefined)
    forStage(stage.name, () => scheduleOf(stage, options.lr === undefined ? {} : { lr: options.lr }));
  const seed = seedOf(stage, options.seed);
  const data = await openBatches(file, model, stage, { ...options, seed }, SILENT);
  const { data: named } = options;
  const asked = judges(options) && named !== undefined ? { ...options, data: named, seed } : undefined;
  const heldOut = asked && (await openHeldOut(file, model, stage, asked, SILENT));
  return {
    name: stage.name,
    data,
    ...(heldOut ? { heldOut } : {}),
    seed,
    measures: measuresOf(model),
    open: (trained) => opened(loaded, trained, { ...options, validates: heldOut !== undefined }),
  };
}

async function opened(
  loaded: LoadedStage,
  trained: Parameters<TrainableStage['open']>[0],
  options: TrainingOptions & { readonly validates: boolean },
): Promise<OpenedStage> {
  const base = await openBase(loaded, options, SILENT);
  try {
    const weights = overlayWeights(base, fitted(loaded.model, trained));
    const stage = await openForTraining(loaded, weights, options);
    return { ...stage, close: () => stage.close().finally(() => base.close()) };
  } catch (error) {
    await base.close();
    throw error;
  }
}
