/** Examples on each kind of data: WebGPU trains them as ONNX Runtime does. */
import { expect, test } from 'vitest';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import type { TrainingOptions } from '../../src/compiler/workbench/training/options.ts';
import { unavailable } from '../support/adapter.ts';
import { arraysFolder, DOCS, emojiFolder, example } from './data-kinds.ts';
import { DEFAULTS, recorder } from './support.ts';

async function lossOf(file: string, options: Partial<TrainingOptions>): Promise<number> {
  const output = recorder();
  await trainCommand(output, [file], { ...DEFAULTS, init: 1, steps: 4, ...options });
  return (output.results[0] as { stages: readonly { readonly loss: number }[] }).stages[0]!.loss;
}

test.skipIf(unavailable).each([
  ['gpt', { config: 'bytes', batchSize: 2 }, () => DOCS],
  ['vit', { config: 'tiny', batchSize: 3 }, emojiFolder],
  ['resnet', { config: 'tiny', batchSize: 3 }, emojiFolder],
  ['mlp', { config: 'small', batchSize: 4 }, arraysFolder],
] as const)('%s', { timeout: 900_000 }, async (name, options, dataOf) => {
  const data = dataOf();
  const onnx = await lossOf(example(name), { ...options, data });
  const webgpu = await lossOf(example(name), { ...options, data, backend: 'webgpu' });
  expect(Math.abs(webgpu - onnx)).toBeLessThan(1e-4 * onnx);
});
