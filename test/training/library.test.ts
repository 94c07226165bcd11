/** Training from code: what `stagesOf` and `trainStages` do is what `mdl train` does, and a page can do it too. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import { stagesOf as stagesInPage } from '../../src/compiler/workbench/library.browser.ts';
import {
  isStep,
  isValidation,
  keepIn,
  type LogRecord,
  memoryBest,
  modelFile,
  recipeData,
  resumeFrom,
  seededWeights,
  stagesOf,
  type TrainingCheckpoint,
  trainStages,
} from '../../src/compiler/workbench/library.ts';
import { folderWith } from '../support/folder.ts';
import { readTensors } from '../support/reference.ts';
import { arraysFolder, example } from './data-kinds.ts';
import { DEFAULTS, recorder } from './support.ts';

const data = arraysFolder();
const file = example('mlp');

const request = {
  ...modelFile(file),
  settings: { config: 'small' },
  weights: (model: Parameters<typeof seededWeights>[0]) => seededWeights(model, 1),
  data: recipeData(file, { data, batchSize: 16, seed: 3 }),
  backend: 'onnx',
  seed: 3,
  lr: 2e-2,
} as const;

const lossesIn = (records: readonly LogRecord[]): number[] => records.filter(isStep).map(({ loss }) => loss);

test('gives the bits of the command line', async () => {
  const save = join(data, 'saved.out');
  const options = { config: 'small', init: 1, data, batchSize: 16, seed: 3, lr: 2e-2, steps: 6, save };
  await trainCommand(recorder(), [file], { ...DEFAULTS, ...options });
  const { trained, stages, interrupted } = await trainStages(await stagesOf(request), { steps: 6 });
  expect(stages).toMatchObject([{ stage: 'train_all', steps: 6, of: 6 }]);
  expect(interrupted).toBe(false);
  const saved = readTensors(save);
  expect([...trained.keys()].sort()).toEqual([...saved.keys()].sort());
  for (const [key, { data: values }] of trained) expect(values).toEqual(saved.get(key)!.data);
});

test('goes on from a checkpoint as a run that was left alone, and is stopped by a signal', async () => {
  const whole: LogRecord[] = [];
  await trainStages(await stagesOf(request), { steps: 6, onRecord: (record) => void whole.push(record) });
  const kept: Omit<TrainingCheckpoint, 'settings' | 'logBytes'>[] = [];
  const stop = new AbortController();
  const first = await trainStages(await stagesOf(request), {
    steps: 6,
    signal: stop.signal,
    keeper: { every: 100, save: async (checkpoint) => void kept.push(checkpoint) },
    onRecord: (record) => void (isStep(record) && record.step === 3 && stop.abort()),
  });
  expect(first).toMatchObject({ interrupted: true, stages: [{ steps: 3, of: 6 }] });
  expect(kept.map(({ state }) => state.step)).toEqual([3]);
  const rest: LogRecord[] = [];
  await trainStages(await stagesOf(request), {
    steps: 6,
    resume: kept[0]!,
    onRecord: (record) => void rest.push(record),
  });
  expect(rest[0]).toMatchObject({ event: 'resumed', step: 3 });
  expect(lossesIn(rest)).toEqual(lossesIn(whole).slice(3));
  const other = { ...kept[0]!, state: { ...kept[0]!.state, stage: 'another' } };
  await expect(trainStages(await stagesOf(request), { resume: other })).rejects.toMatchObject({
    code: 'R1196',
    message: expect.stringMatching(/of the stage another, and the run has train_all: resume with the stages/),
  });
});

test('keeps a run in a folder and goes on with it, and with no other: R0803', async () => {
  const folder = folderWith();
  const stages = await stagesOf(request);
  const whole = await trainStages(await stagesOf(request), { steps: 4 });
  await trainStages(stages, { steps: 2, keeper: await keepIn(folder, stages) });
  const again = await stagesOf(request);
  const { trained } = await trainStages(again, { steps: 4, resume: await resumeFrom(folder, again) });
  expect(trained).toEqual(whole.trained);
  const others = {
    'weights of train_all': { weights: (model: Parameters<typeof request.weights>[0]) => seededWeights(model, 2) },
    'data of train_all': { seed: 0, data: recipeData(file, { data, batchSize: 3 }) },
    seed: { seed: 1 },
    'learning rate': { lr: 0.5 },
  };
  for (const [what, other] of Object.entries(others))
    await expect(resumeFrom(folder, await stagesOf({ ...request, ...other }))).rejects.toMatchObject({
      code: 'R0803',
      message: expect.stringContaining(what),
    });
});

test('judges by held-out rows and goes on with the best state', async () => {
  const looks: LogRecord[] = [];
  const judged = { ...request, heldOut: recipeData(file, { data, valSplit: 0.25, split: 'held-out' }), lr: 3 };
  const { stages } = await trainStages(await stagesOf(judged), {
    steps: 6,
    judge: { metric: { name: 'accuracy', best: 'max' }, every: 2, best: memoryBest() },
    onRecord: (record) => void (isValidation(record) && looks.push(record)),
  });
  const found = looks.filter(isValidation);
  expect(found.map(({ step }) => step)).toEqual([2, 4, 6]);
  const best = found.filter((look) => look.best).at(-1)!;
  expect(stages[0]).toMatchObject({ best: best.step, validation: best.validation });
  await expect(
    trainStages(await stagesOf(judged), { steps: 1, judge: { metric: { name: 'f1', best: 'max' } } }),
  ).rejects.toMatchObject({ code: 'R1194' });
});

test('what is no stage of the model is refused with those that it has: R1197', async () => {
  await expect(stagesOf({ ...request, stages: ['two'] })).rejects.toMatchObject({
    code: 'R1197',
    message: 'MLPClassifier has no stage two; it has train_all',
  });
});

// the interpreter needs nothing of a page; test/browser runs WebAssembly and WebGPU
test("a page's entry trains the same model from texts and batches of its own", async () => {
  const text = readFileSync(file, 'utf8');
  const rows = { images: Float32Array.from({ length: 32 }, (_, i) => Math.sin(i)), labels: BigInt64Array.of(0n, 2n) };
  const stages = await stagesInPage({
    path: 'model.mdl',
    sources: { read: (path) => (path === 'model.mdl' ? text : undefined) },
    settings: { config: 'small' },
    weights: (model) => seededWeights(model, 1),
    data: {
      name: 'two rows',
      batch: async () => ({
        feeds: {
          images: { dtype: 'f32', shape: [2, 16], data: rows.images },
          labels: { dtype: 'i64', shape: [2], data: rows.labels },
        },
        tokens: 2,
        rows: 2,
      }),
    },
    backend: 'reference',
    lr: 1e-2,
  });
  const records: LogRecord[] = [];
  await trainStages(stages, { steps: 5, onRecord: (record) => void records.push(record) });
  const losses = lossesIn(records);
  expect(losses.at(-1)).toBeLessThan(losses[0]!);
});
