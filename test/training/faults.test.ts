/** What goes wrong while training, and what people are told: NaN, labels, stages, options. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import runCommand from '../../src/compiler/cli/commands/run.ts';
import trainCommand from '../../src/compiler/cli/commands/train.ts';

import { unavailable } from '../support/adapter.ts';
import { readTensors } from '../support/reference.ts';
import { DEFAULTS, MICRO, microBatch, microFolder, recorder } from './support.ts';

const { folder, file, batch } = microFolder();
const options = { ...DEFAULTS, init: 1, batch, steps: 3 };

describe('a value that is not finite', () => {
  const source = MICRO.replace('cross_entropy(head(h), labels)', 'cross_entropy(head(sqrt(h - 5.0)), labels)');

  test.each(['onnx', 'reference', ...(unavailable ? [] : ['webgpu'])])(
    'is traced to its operation and line on %s',
    async (backend) => {
      const broken = microFolder(microBatch(), source);
      const line = source.split('\n').findIndex((text) => text.includes('sqrt')) + 1;
      const log = join(broken.folder, 'log.jsonl');
      const run = trainCommand(recorder(), [broken.file], {
        ...options,
        stage: 'one',
        batch: broken.batch,
        backend,
        log,
      });
      await expect(run).rejects.toThrow(`the loss is not finite at step 1 of one, first in sqrt (micro.mdl:${line}:`);
      expect(readFileSync(log, 'utf8')).toContain('"event":"non_finite"');
    },
  );

  test('made by an update stops the run before it is saved', async () => {
    const wild = microFolder(microBatch(), MICRO.replace('optimize adamw(betas = (0.9, 0.99))', 'optimize sgd()'));
    const save = join(wild.folder, 'saved.safetensors');
    const run = trainCommand(recorder(), [wild.file], {
      ...options,
      stage: 'two',
      batch: wild.batch,
      lr: 1e38,
      steps: 50,
      save,
    });
    await expect(run).rejects.toThrow(/is not finite at step \d+ of two/);
    expect(existsSync(save)).toBe(false);
  });
});

describe('errors', () => {
  test('labels that are all ignored', async () => {
    const empty = microFolder({
      ...microBatch(),
      labels: { dtype: 'i64', shape: [6], data: new BigInt64Array(6).fill(-100n) },
    });
    await expect(
      trainCommand(recorder(), [empty.file], { ...options, stage: 'one', batch: empty.batch }),
    ).rejects.toThrow('the batch of step 1 of one has no label that counts');
  });
  test('a stage that trains nothing under its flags', async () => {
    await expect(trainCommand(recorder(), [file], { ...options, stage: 'nothing' })).rejects.toThrow(
      'the stage nothing cannot be trained: it trains nothing under these settings',
    );
  });
  test.each([
    [{ stage: 'tow' }, 'the model has no stage tow, did you mean two; it has one, two, nothing'],
    [{ stages: '1-2' }, 'the model has no stage stage1'],
    [{}, 'the model has 3 stages, one, two, nothing, and none was named: give --stage NAME'],
    [{ stages: '4-1' }, 'a range such as 1-4 was expected'],
    [{ stage: 'one', data: 'emoji' }, 'training got both --data and --batch'],
    [{ stage: 'one', batch: join(folder, 'none.safetensors') }, 'none.safetensors cannot be read'],
    [{ stage: 'one', saveAdapter: join(folder, 'adapter') }, 'no stage trains an adapter, so none can be saved'],
  ])('%o', async (changed, message) => {
    await expect(trainCommand(recorder(), [file], { ...options, ...changed })).rejects.toThrow(message);
  });
  test('neither data nor batch, and no weights', async () => {
    const { batch: _, ...without } = { ...options, stage: 'one' };
    await expect(trainCommand(recorder(), [file], without)).rejects.toThrow('training got neither');
    const { init: __, ...unweighted } = { ...options, stage: 'one' };
    await expect(trainCommand(recorder(), [file], unweighted)).rejects.toThrow('--weights FILE or --init SEED');
  });
  test('a stage without a schedule and without --lr', async () => {
    const plain = microFolder(microBatch(), MICRO.replace('  schedule constant(lr = 1e-2, iters = 40)\n', ''));
    const two = { ...options, stage: 'two', batch: plain.batch };
    await expect(trainCommand(recorder(), [plain.file], two)).rejects.toThrow(
      'the stage two cannot be trained: it has no `schedule`, so give a learning rate with --lr',
    );
    await trainCommand(recorder(), [plain.file], { ...two, lr: 1e-3 });
  });
});

describe('mdl run --grads', () => {
  const [outputs, grads] = [join(folder, 'out.safetensors'), join(folder, 'grads.safetensors')];
  const run = { entry: 'loss', inputs: batch, outputs, tap: [], init: 1, backend: 'onnx', opset: '17' };

  test.each([
    ['one', 2],
    ['two', 12],
    ['all', 14],
  ])('writes what %s trains', async (stage, count) => {
    await runCommand(recorder(), [file], { ...run, grads, stage });
    const found = readTensors(grads);
    expect(found.size).toBe(count);
    expect(found.get('head.weight')!.shape).toEqual([5, 8]);
    expect(readTensors(outputs).has('loss')).toBe(true);
  });
  test('needs a stage', async () => {
    await expect(runCommand(recorder(), [file], { ...run, grads })).rejects.toThrow(
      'the model has 3 stages, one, two, nothing, and none was named: give --stage NAME',
    );
    await expect(runCommand(recorder(), [file], { ...run, stage: 'one' })).rejects.toThrow(
      '--stage has no meaning without --grads',
    );
  });
});

test('a run goes on from the weights it is given, and --save has what was trained', async () => {
  const [save, log] = [join(folder, 'saved.safetensors'), join(folder, 'log.jsonl')];
  const output = recorder();
  await trainCommand(output, [file], { ...options, stage: 'two', steps: 10, save, log });
  expect([...readTensors(save).keys()].filter((key) => key.includes('lora'))).toHaveLength(2);
  const losses = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((text) => (JSON.parse(text) as { loss: number }).loss);
  expect(losses).toHaveLength(10);
  expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  expect(output.results).toEqual([
    {
      stages: [{ stage: 'two', steps: 10, loss: losses.at(-1) }],
      out: null,
      interrupted: false,
      untrained: ['first.weight', 'first.bias'], // made by --init, and frozen in this stage
    },
  ]);
});
