/** What of training is the same in Node and in a page. */

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
export type { StagedModel } from './training/open-stage.ts';
export { overlayWeights } from './training/overlay.ts';
export type { StageData, StagesRequest } from './training/stages-of.ts';
export { seededWeights, type WeightProvider } from './weights/provider.ts';
