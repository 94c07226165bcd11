export { modelFile } from './file.ts';
export { LOWERINGS, lowered } from './lowerings/index.ts';
export { TorchProblem } from './problem.ts';
