/**
 * Training in Node: stages of a model with gradients that the compiler makes. The page's twin is library.browser.ts.
 *
 *     const data = recipeData('model.mdl', { data: 'texts' });
 *     const stages = await stagesOf({ ...modelFile('model.mdl'), weights: (model) => seededWeights(model, 1), data, backend: 'onnx' });
 *     const { trained } = await trainStages(stages, { onRecord: (record) => console.log(record) });
 */
import {
  checkpointFolder,
  checkSettings,
  type RunKeeper,
  type RunSettings,
  type TrainableStage,
  type TrainingCheckpoint,
} from '../../runtime/train/index.ts';
import { type FlagVariant, type VariantsRequest, flagVariants as variantsOn } from './ablation/flag-variants.ts';
import { locate } from './host.ts';
import { SILENT } from './notes.ts';
import { NODE } from './session.ts';
import { type DataRequest, openBatches, openHeldOut } from './training/data.ts';
import { stageIdentity } from './training/identity.ts';
import { measuresOf } from './training/judge.ts';
import { type StageData, type StagesRequest, stagesOf as stagesOn } from './training/stages-of.ts';

export {
  bestFolder,
  type CheckpointFolder,
  checkpointFolder,
  type RunSettings,
  type TrainingCheckpoint,
} from '../../runtime/train/index.ts';
export { writeSafetensors } from '../../runtime/weights/write.node.ts';
export * from './library.common.ts';
export { writeModel } from './training/write-model.ts';
export { NODE };

/**
 * The stages of a model as `trainStages` takes them. The model is compiled under each stage's flags now; graphs are made
 * when a stage begins.
 * @param request `host` is Node when it is not given, and `measures` are the recipe's
 * @throws DiagnosticError for what is wrong with the model; RuntimeError R1197 for a stage that it has not; StageError for
 * sizes that cannot change; what `data` throws
 */
export const stagesOf = (request: Omit<StagesRequest, 'host'> & Partial<Pick<StagesRequest, 'host'>>) =>
  stagesOn({ host: NODE, measures: measuresOf, identity: stageIdentity, ...request });

/**
 * The model as it is set and with each flag turned, as `ablateStages` takes them.
 * @param request `host` is Node when it is not given
 * @throws DiagnosticError for what is wrong with the model as it is set; CliError C0301 for a flag that it has not
 */
export const flagVariants = (
  request: Omit<VariantsRequest, 'host'> & Partial<Pick<VariantsRequest, 'host'>>,
): readonly FlagVariant[] => variantsOn({ host: NODE, measures: measuresOf, ...request });

/** A .mdl file, or a folder of transformers, as `stagesOf` takes it. @throws CliError C0104, C0465, C0466 */
export function modelFile(file: string): Pick<StagesRequest, 'path' | 'sources'> {
  const { path, host } = locate(file);
  return { path, sources: host };
}

/** What of a data set the recipe of a model is told; `split: 'held-out'` gives the rows to judge by. */
export interface RecipeDataRequest extends Omit<DataRequest, 'batch' | 'seed'> {
  readonly data: string;
  readonly split?: 'train' | 'held-out';
  readonly seed?: number;
  /** one line: what was skipped and why */
  readonly note?: (line: string) => void;
}

/**
 * A data set as the model's recipe reads it: a path, a name that the recipe knows, or a module.
 * @param file of the model; its tokenizer lies beside it
 * @throws when a stage is prepared: CliError C0422, C0424, RuntimeError R09xx, R112x, R114x
 */
export function recipeData(file: string, { split = 'train', note, ...request }: RecipeDataRequest): StageData {
  const open = split === 'train' ? openBatches : openHeldOut;
  const notes = note ? { ...SILENT, note } : SILENT;
  return ({ model, stage }) => open(file, model, stage, { seed: 0, ...request }, notes);
}

/**
 * Checkpoints of a run in a folder, as `trainStages` takes them, with what makes the run this run: hashes of each stage's model, loss,
 * definition, data and weights.
 * @param stages of the run, in order
 * @param keep how many checkpoints stay
 * @throws what reading the data's first batch and the weights throws
 */
export async function keepIn(
  folder: string,
  stages: readonly TrainableStage[],
  { every = 100, keep = 3 }: { readonly every?: number; readonly keep?: number } = {},
): Promise<RunKeeper> {
  const checkpoints = await checkpointFolder(folder, namesOf(stages), keep);
  const settings = await identityOf(stages);
  return {
    every,
    save: async (checkpoint) => {
      await checkpoints.save({ ...checkpoint, settings, logBytes: 0 });
    },
  };
}

/**
 * The newest whole checkpoint that `keepIn` wrote of the same stages, for the option `resume` of `trainStages`.
 * @param note is told of checkpoints that are damaged and were set aside
 * @throws RuntimeError R0803 for one of another model, other data or weights, R0804 where none is whole, R0805 where there is none
 */
export async function resumeFrom(
  folder: string,
  stages: readonly TrainableStage[],
  note: (line: string) => void = () => {},
): Promise<TrainingCheckpoint> {
  const checkpoints = await checkpointFolder(folder, namesOf(stages), 1);
  const { file, checkpoint, damaged } = await checkpoints.latest();
  for (const { file: name, reason } of damaged) note(`the checkpoint ${name} is damaged (${reason}) and was set aside`);
  checkSettings(file, checkpoint.settings, await identityOf(stages));
  return checkpoint;
}

const namesOf = (stages: readonly TrainableStage[]): readonly string[] => stages.map(({ name }) => name);

async function identityOf(stages: readonly TrainableStage[]): Promise<RunSettings> {
  const settings: Record<string, string> = { stages: namesOf(stages).join() };
  for (const stage of stages) Object.assign(settings, await stage.identity?.());
  return settings;
}
