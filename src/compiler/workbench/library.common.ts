/** What of training is the same in Node and in a page. */
import {
  type AblatedStages,
  type AblateStagesOptions as AblateOptions,
  type AblationVariant,
  ablateStages as ablate,
} from '../../runtime/train/ablate.ts';
import { findingOf } from './ablation/finding.ts';

export type {
  AblatedStages,
  AblationVariant,
  CellKeeper,
} from '../../runtime/train/ablate.ts';
export type { Cell, CellRecord, Look, Outcome } from '../../runtime/train/cell.ts';
export type { Batch, DataSource } from '../../runtime/train/data-source.ts';
export {
  type BestStates,
  type JudgeOptions,
  type Measures,
  type Metric,
  memoryBest,
} from '../../runtime/train/judge.ts';
export {
  type EventRecord,
  isEvent,
  isStep,
  isValidation,
  type LogRecord,
  logLine,
  type StepRecord,
  type ValidationRecord,
} from '../../runtime/train/log.ts';
export {
  type OpenedStage,
  type RunKeeper,
  type StageSummary,
  type TrainableStage,
  type TrainedStages,
  type TrainStagesOptions,
  trainStages,
} from '../../runtime/train/stages.ts';
export type { SourceHost } from '../check/program.ts';
export { DiagnosticError } from '../diagnostics/diagnostic.ts';
export type { Host, WeightReader } from '../targets/target.ts';
export { StageError } from '../training/stage-error.ts';
export type { FlagVariant, VariantsRequest } from './ablation/flag-variants.ts';
export type { CellSummary, Spread } from './ablation/summary.ts';
export { type Layout as AblationLayout, summarise as summariseAblation } from './ablation/summary.ts';
export type { StagedModel } from './training/open-stage.ts';
export { overlayWeights } from './training/overlay.ts';
export type { StageData, StagesRequest } from './training/stages-of.ts';
export { seededWeights, type WeightProvider } from './weights/provider.ts';

/** `findingOf` is of `flagVariants` when it is not given: what does not compile or run, and not files and data, which all variants have. */
export type AblateStagesOptions = Omit<AblateOptions, 'findingOf'> & Partial<Pick<AblateOptions, 'findingOf'>>;

/**
 * Trains variants of a model through the same stages with the same seeds, and keeps what each did.
 * @param variants the first is what the others are compared with
 * @throws what is no finding about a variant, and what the keeper throws
 */
export const ablateStages = (
  variants: readonly AblationVariant[],
  options: AblateStagesOptions,
): Promise<AblatedStages> => ablate(variants, { findingOf, ...options });
