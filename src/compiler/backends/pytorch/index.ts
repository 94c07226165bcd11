export { modelFile } from './file.ts';
export { LOWERINGS, lowered } from './lowerings/index.ts';
export { TorchProblem } from './problem.ts';
export { type StageOptimizer, stageFile } from './stage-file.ts';
export { TRAINING_FILES } from './training.generated.ts';
