/** Training in Node: the loop, its state, and checkpoints on disk. The loop itself runs in a page too. */

export {
  type AblatedStages,
  type AblateStagesOptions,
  type AblationVariant,
  ablateStages,
  type CellKeeper,
} from './ablate.ts';
export { bestFolder } from './best.node.ts';
export { type Cell, type CellRecord, cellName, goesOn, type Look, type Outcome } from './cell.ts';
export {
  checkSettings,
  decodeTraining,
  encodeTraining,
  type Judged,
  type RunSettings,
  type TrainingCheckpoint,
} from './checkpoint.ts';
export { type CheckpointFolder, checkpointFolder, readTraining } from './checkpoints.node.ts';
export type { Batch, DataSource } from './data-source.ts';
export {
  type BestStates,
  Judge,
  type JudgeOptions,
  type Measures,
  type Metric,
  memoryBest,
  VALIDATE_EVERY,
} from './judge.ts';
export {
  type EventRecord,
  isEvent,
  isStep,
  isValidation,
  type LogRecord,
  logLine,
  type StepRecord,
  type ValidationRecord,
} from './log.ts';
export { initialLossScale, type LossScale, nextLossScale } from './loss-scale.ts';
export { learningRate, scheduleLength } from './schedule.ts';
export {
  type OpenedStage,
  type RunKeeper,
  type StageSummary,
  type TrainableStage,
  type TrainedStages,
  type TrainStagesOptions,
  trainStages,
} from './stages.ts';
export { hostState, initialState, type LiveState, liveState, releaseState, type TrainState } from './state.ts';
export {
  type GradientStatistics,
  type LayerStatistics,
  readStatistics,
  type VanishingOptions,
  watchVanishing,
} from './statistics.ts';
export { type TrainOptions, train, trainStep } from './trainer.ts';
export { ENDLESS_BATCHES, type ValidateOptions, type Validation, validate } from './validate.ts';
