/** A model as one of its stages sees it: under the stage's flags, and at its sizes. */
import type { Model } from '../../elaborate/model.ts';
import type { Stage } from '../../elaborate/stages.ts';
import type { StagedModel } from './open-stage.ts';
import { checkSizes, sizeClauses } from './resized.ts';

export interface LoadedStage extends StagedModel {
  /** the same model at the config's own sizes, where the stage gives another: what weights from a seed are made for */
  readonly own: Model | undefined;
}

/**
 * @param load the model with settings of the stage (`name=value`) before those that the user gives
 * @param sized is told the stage's sizes before the model is loaded at them
 * @throws StageError for sizes that stored weights cannot have
 */
export function underStage(
  { name, flags }: Stage,
  load: (set: readonly string[]) => StagedModel,
  sized: (said: string, work: () => StagedModel) => StagedModel = (_, work) => work(),
): LoadedStage {
  const turned = [...flags].map(([flag, on]) => `${flag}=${on}`);
  const own = load(turned);
  const sizes = sizeClauses(own.model, own.stage);
  if (sizes.length === 0) return { ...own, own: undefined };
  const said = sizes.map((size) => size.said).join(', ');
  const staged = sized(`the stage ${name} at its ${said}:`, () => load([...turned, ...sizes.map(({ set }) => set)]));
  checkSizes(own.model, staged.model, said);
  return { ...staged, own: own.model };
}
