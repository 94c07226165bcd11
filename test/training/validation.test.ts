/** Models that are judged while they train: by which rows, what is kept, when a stage ends, and that a resumed run decides alike. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import { loadModel, openWeights } from '../../src/compiler/workbench/model.ts';
import { SILENT } from '../../src/compiler/workbench/notes.ts';
import { toldOf } from '../../src/compiler/workbench/recipe.ts';
import { openForRun } from '../../src/compiler/workbench/session.ts';
import { openBatches } from '../../src/compiler/workbench/training/data.ts';
import { tensorsRecipe } from '../../src/recipes/tensors/recipe.ts';
import { folderWith } from '../support/folder.ts';
import { arraysFolder, DOCS, example } from './data-kinds.ts';
import { DEFAULTS, recorder } from './support.ts';
import { comparable, looksOf, recordsOf, trained } from './validation-cases.ts';

const data = arraysFolder();
const fresh = (): string => join(folderWith(), 'run');

test('looks every so many steps and at the end, at all held-out rows: the loss is that of one batch of them', async () => {
  const out = fresh();
  const { results } = await trained(out, { data, valSplit: 0.25, valEvery: 20, steps: 50 });
  const looks = looksOf(out);
  expect(looks.map(({ step, rows }) => [step, rows])).toEqual([20, 40, 50].map((step) => [step, 30]));

  // the same rows as one batch, on the float64 interpreter, by the weights that the run left
  const { model, compilation } = loadModel(example('mlp'), { config: 'small' }, recorder());
  const told = toldOf(model);
  const asked = {
    data,
    split: 'held-out',
    heldOut: 0.25,
    model: told,
    batchSize: 30,
    seed: 0,
    badRows: 'fail',
  } as const;
  const stage = { who: 'the test', clauses: {} };
  const source = await tensorsRecipe.dataset({ ...asked, stage, tokenizer: () => Promise.reject(), note: () => {} });
  const weights = await openWeights(model, { weights: join(out, 'model.safetensors') }, recorder());
  const engine = { backend: 'reference', opset: 17, entries: ['loss'] } as const;
  const session = await openForRun({ model, compilation }, weights!, engine);
  const { loss, accuracy } = await session.run('loss', (await source.batch(0)).feeds, {});
  const last = looks.at(-1)!.validation;
  expect(last.loss).toBeCloseTo(Number((loss as { data: ArrayLike<number> }).data[0]), 5);
  expect(last.accuracy).toBeCloseTo(Number((accuracy as { data: ArrayLike<number> }).data[0]), 6);
  expect(results[0]).toMatchObject({ stages: [{ validation: last }] });
  await session.dispose();
  await weights!.close();

  const report = readFileSync(join(out, 'report.html'), 'utf8');
  for (const title of ['loss', 'accuracy']) expect(report).toContain(`<h2>${title}</h2>`);
  expect(report).toContain('</span>validation</div>');
});

test('--val judges by all rows of another path, and so does --evaluate at the end', async () => {
  const out = fresh();
  const { results } = await trained(out, { data, val: data, valEvery: 5, steps: 5, evaluate: 1000 });
  const looks = looksOf(out);
  expect(looks).toMatchObject([{ step: 5, rows: 120 }]);
  const { report } = results[0] as { report: { rows: number; loss: number } };
  expect(report.rows).toBe(120);
  expect(report.loss).toBeCloseTo(looks[0]!.validation.loss!, 5);
});

test('text has perplexity and bits per byte, in training and on the validation rows', async () => {
  const out = fresh();
  const options = {
    ...DEFAULTS,
    config: 'bytes',
    init: 1,
    data: DOCS,
    val: join(DOCS, 'data.md'),
    steps: 2,
    batchSize: 4,
    out,
  };
  await trainCommand(recorder(), [example('gpt')], options);
  const [step] = recordsOf(out) as { loss: number; metrics: Record<string, number> }[];
  expect(step!.metrics).toEqual({ perplexity: Math.exp(step!.loss), bits_per_byte: step!.loss / Math.LN2 });
  const { loss, perplexity, bits_per_byte } = looksOf(out)[0]!.validation;
  expect([perplexity, bits_per_byte]).toEqual([Math.exp(loss!), loss! / Math.LN2]);
});

test('a stage ends after so many looks without a better value', async () => {
  const out = fresh();
  await trained(out, { data, valSplit: 0.25, valEvery: 2, patience: 3, lr: 0, steps: 40 });
  expect(looksOf(out).map(({ step, best }) => [step, best])).toEqual([
    [2, true],
    [4, false],
    [6, false],
    [8, false],
  ]);
  expect(recordsOf(out).at(-1)).toMatchObject({ event: 'early_stop', step: 8 });
  // gone on with, it is over as it was
  await trained(out, { data, valSplit: 0.25, valEvery: 2, patience: 3, lr: 0, steps: 40, resume: true });
  expect(looksOf(out).at(-1)).toMatchObject({ step: 8 });
});

test('--keep-best ends a stage with its best state', async () => {
  const out = fresh();
  const options = { data, valSplit: 0.25, valEvery: 1, steps: 12, lr: 0.5, keepBest: 'accuracy:max' };
  await trained(out, options);
  const looks = looksOf(out);
  const best = looks.findLast((look) => look.best)!;
  expect(best.validation.accuracy).toBe(Math.max(...looks.map(({ validation }) => validation.accuracy!)));
  expect(best.step).toBeLessThan(12);
  const [name] = readdirSync(join(out, 'best'));
  expect(name).toBe(`train_all-${String(best.step).padStart(8, '0')}.safetensors`);
  const again = fresh();
  await trained(again, { ...options, steps: best.step });
  expect(readFileSync(join(out, 'model.safetensors'))).toEqual(readFileSync(join(again, 'model.safetensors')));
});

test('a run that was killed goes on with the same looks, the same best state and the same end', async () => {
  const options = {
    data,
    valSplit: 0.25,
    valEvery: 3,
    steps: 30,
    lr: 0.3,
    keepBest: true,
    patience: 6,
    checkpointEvery: 5,
    keep: 100,
  } as const;
  const whole = fresh();
  await trained(whole, options);
  const killed = fresh();
  // as kill -9 leaves it: a log that is ahead of the newest checkpoint, and best states of later steps
  cpSync(whole, killed, { recursive: true });
  for (const name of ['model.safetensors', 'trained.safetensors', 'report.html']) rmSync(join(killed, name));
  for (const name of readdirSync(join(killed, 'checkpoints')))
    if (name > '00000-00000010-z') rmSync(join(killed, 'checkpoints', name));
  await trained(killed, { ...options, resume: true });
  expect(comparable(killed)).toEqual(comparable(whole));
  for (const name of ['model.safetensors', 'trained.safetensors'])
    expect(readFileSync(join(killed, name))).toEqual(readFileSync(join(whole, name)));
  expect(readdirSync(join(killed, 'best'))).toEqual(readdirSync(join(whole, 'best')));
  const other = trained(killed, { ...options, valEvery: 4, resume: true });
  await expect(other).rejects.toMatchObject({ code: 'R0803', message: expect.stringContaining('validation') });
});

test.each([
  ['a measure that is not there', 'f1:max', 'R1194', 'gives loss, accuracy'],
  ['a measure without a direction', 'accuracy', 'C0421', 'give accuracy:max for the largest'],
])('%s is refused: %s', async (_, keepBest, code, message) => {
  const run = trained(fresh(), { data, valSplit: 0.25, valEvery: 1, steps: 1, keepBest });
  await expect(run).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
});

test('data of which nothing is held out is refused: R1145', async () => {
  const options = { ...DEFAULTS, config: 'bytes', init: 1, data: join(DOCS, 'data.md'), steps: 1, valEvery: 1 };
  await expect(trainCommand(recorder(), [example('gpt')], options)).rejects.toMatchObject({
    code: 'R1145',
    message: expect.stringMatching(/gives no rows for held-out \(it has \d+ rows, of which 0 are held out\)/),
  });
});

test('judging without data is refused: C0208', async () => {
  await expect(trained(fresh(), { batch: 'b.safetensors', valEvery: 1 })).rejects.toMatchObject({ code: 'C0208' });
});

test('a best state that is gone is an error by name: R1195', async () => {
  const out = fresh();
  const options = { data, valSplit: 0.25, valEvery: 2, steps: 4, lr: 0.02, keepBest: true } as const;
  await trained(out, options);
  rmSync(join(out, 'best'), { recursive: true });
  await expect(trained(out, { ...options, resume: true })).rejects.toMatchObject({
    code: 'R1195',
    message: expect.stringContaining('best/train_all-'),
  });
});

test('a module that gives batches takes no division: R1148', async () => {
  const folder = folderWith();
  const file = join(folder, 'data.mjs');
  writeFileSync(file, 'export default { name: "mine", batch: async () => ({}) }');
  const run = trained(fresh(), { data: file, valSplit: 0.1, steps: 1 });
  await expect(run).rejects.toMatchObject({
    code: 'R1148',
    message: expect.stringContaining('exports rows and row(index)'),
  });
});

test('a recipe whose data says itself what is held out takes no other division: C0422', async () => {
  const file = 'models/tinygpt-v.mdl';
  const { model } = loadModel(file, { config: 'nano' }, SILENT);
  const opened = openBatches(file, model, model.stages[0]!, { data: 'emoji', valSplit: 0.1, seed: 0 }, SILENT);
  const message = expect.stringContaining('data of the recipe vision-language');
  await expect(opened).rejects.toMatchObject({ code: 'C0422', message });
});
