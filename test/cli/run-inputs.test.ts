/** `mdl run --input NAME=FILE`: pictures and texts as the recipe reads them, numbers, tensors; and class names. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { beforeAll, describe, expect, it } from 'vitest';
import { readTensors } from '../support/reference.ts';
import { f32, folderWith, mdl, type Ran, safetensors } from './support.ts';

const SIDE = 4;
const colours = { 'red.png': [255, 0, 0], 'grey.png': [51, 102, 204] } as const;
const png = (colour: readonly number[]): Uint8Array =>
  encode({
    width: SIDE,
    height: SIDE,
    channels: 3,
    depth: 8,
    data: Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => colour[i % 3]!),
  });

const MODEL = `
model M {
  param w: [3, 4] = ones()

  entry pixels(pixel_values: [N, 3, ${SIDE}, ${SIDE}]) -> (same: [N, 3, ${SIDE}, ${SIDE}]) { pixel_values * 1.0 }
  entry classify(pixel_values: [N, 3, ${SIDE}, ${SIDE}]) -> (logits: [N, 4]) {
    linear(mean(pixel_values, axes = [2, 3]), rearrange(w, "c k -> k c"))
  }
  entry tokens(input_ids: int[B, T], keep: bool[B, T]) -> (same: int[B, T]) { where(keep, input_ids, 0) }
}
`;
const IMAGES = `${MODEL}
recipe "image-classification" {
  image_size = ${SIDE}, mean = [0.5, 0.25, 0.0], std = [0.5, 0.25, 1.0], class_names = ["ant", "bee", "cat", "dog"]
}
`;
const TEXTS = `${MODEL}\nrecipe "text" { tokenizer = "bytes", length = 8, eos = 0 }\n`;
// columns are classes: 1, 0, 2 and −1 of the first channel
const W = f32([3, 4], [1, 0, 2, -1, 0, 0, 0, 0, 0, 0, 0, 0]);

let folder: string;
beforeAll(() => {
  folder = folderWith({
    'images.mdl': IMAGES,
    'texts.mdl': TEXTS,
    'plain.mdl': MODEL,
    'w.safetensors': safetensors({ w: W }),
    'one.safetensors': safetensors({ x: f32([1, 3, SIDE, SIDE], new Array<number>(3 * SIDE * SIDE).fill(2)) }),
    'two.safetensors': safetensors({ a: f32([1], [1]), b: f32([1], [1]) }),
    'a.txt': 'hé',
    'empty.txt': '',
    'latin.txt': Uint8Array.of(0xe9, 0x20),
    'yes.json': '[[true, false, true]]',
    'ids.json': '[[7, 8, 9]]',
    'ragged.json': '[[1, 2], [3]]',
    'deep.json': '[[1], [[2]]]',
    'half.json': '[[1.5]]',
    'not.json': '{]',
    'broken.png': Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2),
    ...Object.fromEntries(Object.entries(colours).map(([name, colour]) => [name, png(colour)])),
  });
});

const run = (file: string, entry: string, ...more: string[]): Promise<Ran> =>
  mdl(folder, 'run', file, '--weights', 'w.safetensors', '--backend', 'reference', '--entry', entry, ...more);
const outputs = () => readTensors(join(folder, 'out.safetensors'));

describe('a picture', () => {
  it('is scaled and normalised by the recipe, and several are the rows', async () => {
    const inputs = ['--input', 'pixel_values=red.png', '--input', 'pixel_values=grey.png'];
    const { code, stderr } = await run('images.mdl', 'pixels', ...inputs, '--outputs', 'out.safetensors');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { shape, data } = outputs().get('same')!;
    expect(shape).toEqual([2, 3, SIDE, SIDE]);
    const [mean, std] = [
      [0.5, 0.25, 0],
      [0.5, 0.25, 1],
    ] as const;
    for (const [row, colour] of Object.values(colours).entries())
      for (const [c, value] of colour.entries()) {
        const expected = (value / 255 - mean[c]!) / std[c]!;
        const channel = data.subarray((3 * row + c) * SIDE * SIDE, (3 * row + c + 1) * SIDE * SIDE);
        for (const found of channel) expect(found).toBeCloseTo(expected, 6);
      }
  });

  it('of a classifier gives its classes by name, the likeliest first, and needs no file for outputs', async () => {
    const { code, stdout } = await run('images.mdl', 'classify', '--input', 'pixel_values=red.png');
    expect(code).toBe(0);
    // red is (1 − 0.5) / 0.5 = 1
    expect(stdout).toBe(
      `classify on reference (float64)\n  logits                       f32[1, 4]\n  logits[0]                    cat 2   ant 1   bee 0\n`,
    );
    const json = JSON.parse(
      (await run('images.mdl', 'classify', '--input', 'pixel_values=red.png', '--json')).stdout,
    ) as object;
    expect(json).toMatchObject({
      readings: [{ output: 'logits', row: 0, classes: [{ name: 'cat', value: 2 }, { name: 'ant' }, { name: 'bee' }] }],
    });
  });

  it.each([
    ['R1127', 'images.mdl', 'pixels', 'pixel_values=broken.png', /broken\.png cannot be used: /],
    ['C0552', 'texts.mdl', 'pixels', 'pixel_values=red.png', /red\.png is a picture, and the recipe text reads none/],
    ['C0411', 'plain.mdl', 'pixels', 'pixel_values=red.png', /plain|M/],
    [
      'R0530',
      'images.mdl',
      'tokens',
      'input_ids=red.png',
      /red\.png is a picture, which is f32 \[N, 3, 4, 4\], and the input input_ids is i64 \[B, T\]/,
    ],
  ])('%s', async (code, file, entry, input, said) => {
    const ran = await run(file, entry, '--input', input);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(`error[${code}]`);
    expect(ran.stderr).toMatch(said);
  });
});

describe('a text and numbers', () => {
  it('are tokens of the model’s tokenizer, and lists in JSON', async () => {
    const inputs = ['--input', 'input_ids=a.txt', '--input', 'keep=yes.json'];
    expect(await run('texts.mdl', 'tokens', ...inputs, '--outputs', 'out.safetensors')).toMatchObject({ code: 0 });
    // é is c3 a9
    expect(Array.from(outputs().get('same')!.data, Number)).toEqual([0x68, 0, 0xa9]);
    await run(
      'plain.mdl',
      'tokens',
      '--input',
      'input_ids=ids.json',
      '--input',
      'keep=yes.json',
      '--outputs',
      'out.safetensors',
    );
    expect(Array.from(outputs().get('same')!.data, Number)).toEqual([7, 0, 9]);
  });

  it.each([
    ['R0531', 'input_ids=empty.txt', /empty\.txt has no tokens for the input input_ids/],
    ['R0530', 'keep=a.txt', /a\.txt is a text, which is i64 \[B, T\], and the input keep is bool \[B, T\]/],
    ['R1127', 'input_ids=latin.txt', /latin\.txt cannot be used: it is no UTF-8/],
    [
      'C0551',
      'input_ids=ragged.json',
      /ragged\.json cannot be the input input_ids: \[1\] has 1 elements, and the first at its place 2/,
    ],
    ['C0551', 'input_ids=deep.json', /\[1, 0\] is a list, and others at its place are numbers/],
    ['C0551', 'input_ids=half.json', /element 0 is 1\.5, and an integer is expected/],
    ['C0551', 'input_ids=not.json', /it is no JSON/],
    ['C0551', 'keep=ids.json', /element 0 is 7, and true or false is expected/],
    ['C0104', 'input_ids=none.txt', /the input input_ids none\.txt cannot be read/],
    [
      'C0550',
      'input_id=a.txt',
      /the entry has no input input_id, did you mean input_ids, and its inputs are input_ids, keep/,
    ],
    ['C0103', 'input_ids', /NAME=FILE, such as/],
  ])('%s: %s', async (code, input, said) => {
    const ran = await run('texts.mdl', 'tokens', '--input', input);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(`error[${code}]`);
    expect(ran.stderr).toMatch(said);
  });

  it('C0208: a tokenizer that no text asks for', async () => {
    writeFileSync(join(folder, 'tokenizer.json'), '{}');
    const ran = await run(
      'texts.mdl',
      'tokens',
      '--input',
      'input_ids=ids.json',
      '--input',
      'keep=yes.json',
      '--tokenizer',
      'tokenizer.json',
    );
    expect(ran.stderr).toContain('error[C0208]');
  });
});

describe('a tensor', () => {
  it('is the only one of its file', async () => {
    const ran = await run(
      'plain.mdl',
      'pixels',
      '--input',
      'pixel_values=one.safetensors',
      '--outputs',
      'out.safetensors',
    );
    expect(ran.code).toBe(0);
    expect(new Set(Array.from(outputs().get('same')!.data, Number))).toEqual(new Set([2]));
  });

  it('C0551: a file of several, and rows that do not agree', async () => {
    const several = await run('plain.mdl', 'pixels', '--input', 'pixel_values=two.safetensors');
    expect(several.stderr).toMatch(/error\[C0551\].*it has 2 tensors, a, b/);
    const rows = ['--input', 'pixel_values=one.safetensors', '--input', 'pixel_values=ids.json'];
    expect((await run('plain.mdl', 'pixels', ...rows)).stderr).toMatch(
      /error\[C0551\].*its rows are f32 \[3\], and those of one\.safetensors f32 \[3, 4, 4\]/,
    );
  });

  it('C0311: by --inputs and by --input', async () => {
    writeFileSync(
      join(folder, 'all.safetensors'),
      safetensors({ pixel_values: f32([1, 3, SIDE, SIDE], new Array<number>(48).fill(1)) }),
    );
    const ran = await run('images.mdl', 'pixels', '--inputs', 'all.safetensors', '--input', 'pixel_values=red.png');
    expect(ran.stderr).toContain('error[C0311]');
  });
});

it('C0553: nothing is given', async () => {
  const { code, stderr } = await run('texts.mdl', 'tokens');
  expect(code).toBe(1);
  expect(stderr).toContain('error[C0553]: tokens takes input_ids, keep, and nothing is given');
});

it('R0532: a class of the data that class_names does not have', async () => {
  const data = folderWith({ 'ant/1.png': png([1, 2, 3]), 'be/1.png': png([1, 2, 3]) });
  const loss = IMAGES.replace(
    'model M {',
    `model M {\n  entry loss(pixel_values: [N, 3, ${SIDE}, ${SIDE}], labels: int[N]) -> (loss: []) {\n    cross_entropy(linear(mean(pixel_values, axes = [2, 3]), rearrange(w, "c k -> k c")), labels)\n  }`,
  );
  writeFileSync(
    join(data, 'm.mdl'),
    `${loss}\nstage s {\n  train **\n  optimize sgd()\n  schedule constant(lr = 0.1, iters = 1)\n}\n`,
  );
  writeFileSync(join(data, 'w.safetensors'), readFileSync(join(folder, 'w.safetensors')));
  const { stderr } = await mdl(
    data,
    'evaluate',
    'm.mdl',
    '--weights',
    'w.safetensors',
    '--data',
    '.',
    '--backend',
    'reference',
  );
  expect(stderr).toMatch(
    /error\[R0532\]: the data \. has the class be, and class_names of the model's recipe has only ant, bee, cat, dog, did you mean bee/,
  );
});
