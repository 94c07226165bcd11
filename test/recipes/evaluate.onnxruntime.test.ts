/** `mdl evaluate` of models of each recipe, beside what a plain computation of the same rows gives. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { scoresOf } from '../../src/recipes/data/scores.ts';
import type { Session } from '../../src/runtime/session.ts';
import { folderWith, mdl, ROOT } from '../cli/support.ts';
import { arraysFolder, emojiFolder } from '../training/data-kinds.ts';
import { plainPng } from './vision-language/support.ts';

const folder = folderWith();
const [pictures, arrays] = [emojiFolder(), arraysFolder()];
const TEXT = 'Grüße an alle.\n'.repeat(40);
const example = (name: string): string => join(ROOT, 'examples', `${name}.mdl`);
beforeAll(() => writeFileSync(join(folder, 'a.txt'), TEXT));

async function evaluated(file: string, ...more: string[]): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await mdl(folder, 'evaluate', file, ...more, '--json');
  expect(stderr).not.toContain('error');
  return JSON.parse(stdout).report;
}

test('text: all rows where nothing is held out, over the tokens that are predicted', async () => {
  const asked = ['--config', 'bytes', '--init', '1', '--data', 'a.txt'];
  const four = await evaluated(example('gpt'), ...asked, '--batch-size', '4');
  const nine = await evaluated(example('gpt'), ...asked, '--batch-size', '9');
  const rows = Math.floor((new TextEncoder().encode(TEXT).length + 1) / 64);
  expect(four).toMatchObject({ rows, tokens: rows * 63, bytes: rows * 63 });
  const { loss, perplexity, bits_per_byte } = four as { loss: number; perplexity: number; bits_per_byte: number };
  expect(perplexity).toBeCloseTo(Math.exp(loss), 3);
  expect(bits_per_byte).toBeCloseTo(loss / Math.LN2, 6);
  expect(nine.loss as number).toBeCloseTo(loss, 5); // whatever the batches
  const half = await evaluated(example('gpt'), ...asked, '--val-split', '0.5', '--length', '32');
  expect(half).toMatchObject({ rows: Math.round(Math.floor((new TextEncoder().encode(TEXT).length + 1) / 32) / 2) });
});

test('bytes: an end of a document is a byte, as in training, so bits per byte are the loss in bits', async () => {
  const two = folderWith({ 'a.txt': TEXT, 'b.txt': TEXT });
  const report = await evaluated(example('gpt'), '--config', 'bytes', '--init', '1', '--data', two);
  const rows = Math.floor((2 * new TextEncoder().encode(TEXT).length + 2) / 64);
  expect(report).toMatchObject({ rows, tokens: rows * 63, bytes: rows * 63 });
  expect(report.bits_per_byte as number).toBeCloseTo((report.loss as number) / Math.LN2, 6);
});

test("rows are judged in batches of the stage's size, as they were validated while it trained", async () => {
  // each row is compared with the mean of its batch
  const text = readFileSync(example('mlp'), 'utf8')
    .replace('batch 64', 'batch 4')
    .replace('cross_entropy(logits, labels),', 'mean((logits - mean(logits, axes = [0], keepdims = true)) ** 2),');
  writeFileSync(join(folder, 'in-batch.mdl'), text);
  const asked = ['--config', 'small', '--init', '1', '--data', arrays];
  const usual = await evaluated('in-batch.mdl', ...asked);
  expect(await evaluated('in-batch.mdl', ...asked, '--batch-size', '4')).toEqual(usual);
  expect(await evaluated('in-batch.mdl', ...asked, '--stage', 'train_all')).toEqual(usual);
  expect((await evaluated('in-batch.mdl', ...asked, '--batch-size', '12')).loss).not.toBe(usual.loss);
});

test('pictures by class: a class for all is right for its own', async () => {
  // the head of examples/vit.mdl begins as zeros: the first class has the largest logit, as all have it
  const report = await evaluated(example('vit'), '--config', 'tiny', '--init', '1', '--data', pictures);
  expect(report).toMatchObject({
    rows: 18,
    accuracy: 1 / 3,
    confusion: { cat: { cat: 6 }, face: { face: 0, cat: 6 }, heart: { heart: 0, cat: 6 } },
  });
  expect(report.loss as number).toBeCloseTo(Math.log(5), 5);
});

test("a model's only stage says under which flags it is judged, and --set has the last word", async () => {
  const text = readFileSync(example('mlp'), 'utf8');
  const turned = text.replace('stage train_all {', 'stage train_all {\n  set normalise = false');
  const [file, plain] = ['turned.mdl', 'plain.mdl'];
  writeFileSync(join(folder, file), turned);
  writeFileSync(join(folder, plain), text);
  const asked = ['--config', 'small', '--init', '1', '--data', arrays];
  const off = await evaluated(plain, ...asked, '--set', 'normalise=false');
  expect(await evaluated(file, ...asked)).toEqual(off);
  expect(await evaluated(file, ...asked, '--stage', 'train_all')).toEqual(off);
  const on = await evaluated(plain, ...asked);
  expect(on).not.toEqual(off);
  expect(await evaluated(file, ...asked, '--set', 'normalise=true')).toEqual(on);
});

test('arrays: the scalars of the loss entry, over the rows that the file holds out', async () => {
  const asked = ['--config', 'small', '--init', '1', '--data', arrays];
  const report = await evaluated(example('mlp'), ...asked);
  expect(report).toMatchObject({ rows: 12, loss: expect.any(Number), accuracy: expect.any(Number) });
  expect((await evaluated(example('mlp'), ...asked, '--batch-size', '5')).loss as number).toBeCloseTo(
    report.loss as number,
    5,
  );
  expect(await evaluated(example('mlp'), ...asked, '--batch-size', '5', '--count', '5')).toMatchObject({ rows: 5 });
});

test('a compiled folder is judged too', async () => {
  const sizes = ['--config', 'small', '--init', '1'];
  expect((await mdl(folder, 'compile', example('mlp'), ...sizes, '--out', 'mlp')).code).toBe(0);
  const from = (file: string, more: readonly string[]) => evaluated(file, ...more, '--data', arrays);
  expect(await from('mlp', [])).toEqual(await from(example('mlp'), sizes));
});

test('what a recipe has no use for is refused', async () => {
  const asked = ['--config', 'small', '--init', '1', '--data', arrays];
  expect((await mdl(folder, 'evaluate', example('mlp'), ...asked, '--length', '8')).stderr).toMatch(/error\[C0424\]/);
  expect((await mdl(folder, 'evaluate', example('mlp'), ...asked, '--tokenizer', 't')).stderr).toMatch(
    /error\[C0208\]: --tokenizer/,
  );
});

test('a loss entry without a scalar is refused: R1193', async () => {
  const outputs = [{ name: 'losses', dtype: 'f32', shape: ['B'] }];
  const session = { entry: () => ({ outputs }), manifest: { model: { name: 'M' } } } as unknown as Session;
  const data = { name: 'rows', batch: () => Promise.reject(new Error('no batch is wanted')) };
  await expect(scoresOf(session, data, { count: 1 })).rejects.toMatchObject({
    code: 'R1193',
    message: expect.stringContaining('the loss of M gives losses and no scalar'),
  });
});

test('--val: all rows of data of its own, whatever the model holds out', async () => {
  const asked = ['--config', 'small', '--init', '1'];
  const heldOut = await evaluated(example('mlp'), ...asked, '--data', arrays, '--val-split', '0.5');
  const whole = await evaluated(example('mlp'), ...asked, '--val', arrays);
  expect(whole.rows).toBe(2 * (heldOut.rows as number));
  const shown = { 'red.png': plainPng([255, 0, 0]), 'blue.png': plainPng([0, 0, 255]) };
  const lines = ['red', 'blue'].map((name) =>
    JSON.stringify({ image: `${name}.png`, question: 'which?', answer: name }),
  );
  const own = folderWith({ ...shown, 'train.jsonl': lines[0]!, 'held-out.jsonl': lines[1]! });
  const llava = [example('llava'), '--config', 'bytes', '--init', '1', '--tasks', 'captions', '--max-new-tokens', '2'];
  expect(await evaluated(...(llava as [string]), '--data', own)).toMatchObject({ count: 1 });
  expect(await evaluated(...(llava as [string]), '--val', own)).toMatchObject({ count: 2 });
  const { stdout } = await mdl(folder, 'evaluate', ...llava, '--val', own);
  expect(stdout).toMatch(/, all rows, captions: 2 examples on /);
});

test('C0556: nothing to judge by; --val beside --data is refused', async () => {
  const asked = [example('mlp'), '--config', 'small', '--init', '1'];
  expect((await mdl(folder, 'evaluate', ...asked)).stderr).toMatch(/error\[C0556\]: no data to judge by was given/);
  const both = await mdl(folder, 'evaluate', ...asked, '--data', arrays, '--val', arrays);
  expect(both).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("'--val <path>' cannot be used with option '--data"),
  });
});
