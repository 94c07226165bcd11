/** Examples that are trained on each kind of data, from the command line: losses fall, and each step is a function of the seed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import type { TrainingOptions } from '../../src/compiler/workbench/training/options.ts';
import { folderWith } from '../support/folder.ts';
import { arraysFolder, DOCS, emojiFolder, example } from './data-kinds.ts';
import { DEFAULTS, MICRO, recorder } from './support.ts';
import { looksOf } from './validation-cases.ts';

async function lossOf(file: string, options: Partial<TrainingOptions>): Promise<number> {
  const output = recorder();
  await trainCommand(output, [file], { ...DEFAULTS, init: 1, ...options });
  const { stages } = output.results[0] as { stages: readonly { readonly loss: number }[] };
  return stages.at(-1)!.loss;
}

test('a GPT learns the documentation, byte by byte', async () => {
  const bits = async (steps: number): Promise<number> =>
    (await lossOf(example('gpt'), { config: 'bytes', data: DOCS, steps, batchSize: 8 })) / Math.LN2;
  expect(await bits(1)).toBeGreaterThan(7.5);
  expect(await bits(60)).toBeLessThan(5.3);
});

test('a ViT learns to tell emoji by their folders', async () => {
  const data = emojiFolder();
  const options = { config: 'tiny', data, batchSize: 18 };
  expect(await lossOf(example('vit'), { ...options, steps: 1 })).toBeCloseTo(Math.log(5), 3); // the head begins as zeros
  expect(await lossOf(example('vit'), { ...options, steps: 60, lr: 3e-3 })).toBeLessThan(0.7);
});

test('a ResNet learns to tell emoji by their folders, and is judged by its running statistics', async () => {
  const data = emojiFolder();
  const out = join(folderWith(), 'run');
  const options = { config: 'tiny', data, batchSize: 9, lr: 0.05, out };
  expect(await lossOf(example('resnet'), { ...options, steps: 60, val: data, valEvery: 60 })).toBeLessThan(0.3);
  const [look] = looksOf(out);
  expect(look!.rows).toBe(18);
  expect(look!.validation.accuracy).toBeGreaterThan(0.9);
});

test('an MLP learns from arrays', async () => {
  const options = { config: 'small', data: arraysFolder(), batchSize: 16, lr: 2e-2 };
  expect(await lossOf(example('mlp'), { ...options, steps: 1 })).toBeGreaterThan(0.8);
  expect(await lossOf(example('mlp'), { ...options, steps: 100 })).toBeLessThan(0.4);
});

test('a model of no recipe is trained by a module of data', async () => {
  const folder = folderWith({ 'micro.mdl': MICRO });
  const data = join(folder, 'data.mjs');
  writeFileSync(
    data,
    `export default ({ batchSize, seed }) => ({
      name: 'mine',
      async batch(step) {
        const x = Float32Array.from({ length: batchSize * 8 }, (_, i) => Math.sin(seed + step + i * i));
        const labels = BigInt64Array.from({ length: batchSize }, (_, i) => BigInt(i % 5));
        const feeds = {
          x: { dtype: 'f32', shape: [batchSize, 8], data: x },
          labels: { dtype: 'i64', shape: [batchSize], data: labels },
        };
        return { feeds, tokens: batchSize, rows: batchSize };
      },
    });`,
  );
  const run = (seed: number) => lossOf(join(folder, 'micro.mdl'), { stage: 'two', data, steps: 3, batchSize: 4, seed });
  expect(await run(1)).toBe(await run(1));
  expect(await run(2)).not.toBe(await run(1));
});

test('a tokenizer is refused where no text is read with it: C0208', async () => {
  const options = { config: 'bytes', data: DOCS, steps: 1, batchSize: 2, tokenizer: 'tokenizer.json' };
  await expect(lossOf(example('gpt'), options)).rejects.toMatchObject({
    code: 'C0208',
    message: expect.stringContaining('--tokenizer has no meaning without data that is read with a tokenizer file'),
  });
});
