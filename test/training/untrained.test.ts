/** Tensors that nothing loads and no stage trains: said before the first step, so that a model is not compared with itself. */
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import ablateCommand from '../../src/compiler/cli/commands/ablate.ts';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import { DEFAULTS, MICRO, microBatch, microFolder, recorder } from './support.ts';

/** A flag that adds a layer which starts as nothing (zeros) and which only stage `three` trains. */
const SOURCE = `${MICRO.replace('flag lora = true', 'flag lora = true\nflag extra = false')
  .replace(
    'head = Linear(d, classes)',
    'head = Linear(d, classes)\n  more = Linear(d, classes, init = zeros()) when extra',
  )
  .replace('cross_entropy(head(h), labels)', 'cross_entropy(head(h) + more(h) when extra else head(h), labels)')}
stage three {
  train head, more
  schedule constant(lr = 1e-2)
}
`;
const { folder, file, batch } = microFolder(microBatch(), SOURCE);
const weights = join(folder, 'base', 'model.safetensors');
const exitCode = process.exitCode;
afterEach(() => {
  process.exitCode = exitCode;
});
beforeAll(async () => {
  await trainCommand(recorder(), [file], {
    ...DEFAULTS,
    init: 1,
    stage: 'two',
    steps: 1,
    batch,
    out: join(folder, 'base'),
  });
});

const EXTRA = { set: ['extra=true'], weights, allowMissing: ['more'], batch, steps: 1 };
const told = async (stages: string): Promise<string[]> => {
  const output = recorder();
  await trainCommand(output, [file], { ...DEFAULTS, ...EXTRA, stages });
  return output.notes.filter((note) => note.startsWith('warning'));
};

test('train names the tensors, and is silent where a stage trains them', async () => {
  expect(await told('two')).toEqual([
    'warning: two uses 2 tensors (more.weight, more.bias) as initialised: ' +
      'the stage does not train them, and they were neither loaded nor trained before',
  ]);
  expect(await told('three,two')).toEqual([]);
});

test('weights from a seed: what is frozen was never trained', async () => {
  const output = recorder();
  await trainCommand(output, [file], { ...DEFAULTS, init: 1, stage: 'one', steps: 1, batch });
  expect(output.notes[0]).toBe(
    'warning: one uses 10 tensors (first.weight, first.bias, layers.0.norm.weight, …) as initialised: ' +
      'the stage does not train them, and they were neither loaded nor trained before',
  );
});

test('an adapter that no stage trains cannot be saved, which shows at once', async () => {
  const output = recorder();
  const options = { ...DEFAULTS, init: 1, stage: 'one', steps: 1, batch, saveAdapter: join(folder, 'adapter') };
  await expect(trainCommand(output, [file], options)).rejects.toThrow('no stage trains an adapter');
  expect(output.notes.filter((note) => /\d+ of \d+ steps/.test(note))).toEqual([]);
});

const ablate = async (more: object) => {
  const output = recorder();
  const options = { seed: 0, backend: 'onnx', opset: '17', seeds: 1, steps: 1, last: 1, batch, ...more };
  await ablateCommand(output, [file], {
    stages: 'two',
    flags: 'extra',
    out: join(folder, 'out', String(Math.random())),
    ...options,
  });
  return { warnings: output.notes.filter((note) => note.startsWith('warning')), result: output.results[0] };
};

test('ablate says that a flag adds what nothing trains', async () => {
  const { warnings, result } = await ablate({ weights, allowMissing: ['more'] });
  expect(warnings).toEqual([
    'warning: with extra: 2 tensors (more.weight, more.bias) stay as initialised: no stage trains them and nothing was ' +
      'loaded for them; a comparison with and without them is of the initialisers',
  ]);
  expect(result).toMatchObject({ warnings: [warnings[0]!.slice('warning: '.length)], failed: [] });
  expect((await ablate({ init: 1 })).warnings).toEqual(warnings);
  expect((await ablate({ init: 1, stages: 'three' })).warnings).toEqual([]);
});

test('ablate tries every variant’s weights before it trains one, and names the keys', async () => {
  const failing = ablate({ weights });
  await expect(failing).rejects.toMatchObject({
    code: 'C0312',
    message: expect.stringContaining('the variant with extra cannot start from these weights: '),
    notes: expect.arrayContaining([expect.stringContaining('missing    more.weight [5, 8]')]),
  });
});

test('ablate exits with 1 when a variant failed', async () => {
  const broken = microFolder(microBatch(), SOURCE.replace('Linear(d, classes, init', 'Linear(d + 1, classes, init'));
  const output = recorder();
  await ablateCommand(output, [broken.file], {
    ...{ seed: 0, backend: 'onnx', opset: '17', seeds: 1, steps: 1, last: 1, batch, init: 0 },
    ...{ stages: 'two', flags: 'extra', out: join(folder, 'broken') },
  });
  expect(process.exitCode).toBe(1);
  expect(output.notes.find((note) => note.startsWith('failed: '))).toMatch(/^failed: with-extra, seed 0, two: E\d{4}/);
  expect(output.results[0]).toMatchObject({ failed: [{ variant: 'with-extra', seed: 0, stage: 'two' }] });
});
