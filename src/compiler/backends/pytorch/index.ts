export { modelFile } from './file.ts';
export { INFERENCE_FILES } from './inference.generated.ts';
export { LOWERINGS, lowered } from './lowerings/index.ts';
export { TorchProblem } from './problem.ts';
export { type StageOptimizer, stageFile } from './stage-file.ts';
export { TRAINING_FILES } from './training.generated.ts';
