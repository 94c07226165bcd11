/** What the playground makes of the user's files before they are batches, and of the gradients of a run. */
import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { gradientFindings } from '../../examples/playground/src/gradients.ts';
import { dataOf } from '../../examples/playground/src/own-files.ts';
import { exampleTable } from '../../examples/playground/src/panels/example-table.ts';
import type { ColumnType } from '../../src/recipes/tensors/columns.ts';
import { readCsv } from '../../src/recipes/tensors/columns.ts';

const file = (name: string, bytes: Uint8Array | string): File => new File([bytes as never], name);
const packed = (files: Readonly<Record<string, string>>): Uint8Array =>
  zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])));

describe('files of a data set', () => {
  const namesOf = async (...files: readonly File[]): Promise<string[]> => (await dataOf(files)).map(({ name }) => name);

  it('a zip is its files; a folder around folders is left out, and what macOS adds', async () => {
    const inside = { 'cat/a.png': '1', 'dog/b.png': '2' };
    expect(await namesOf(file('a.zip', packed(inside)))).toEqual(['cat/a.png', 'dog/b.png']);
    const around = Object.fromEntries(Object.entries(inside).map(([name, text]) => [`pets/${name}`, text]));
    const mac = { '__MACOSX/pets/cat/._a.png': 'x', 'pets/.DS_Store': 'x' };
    expect(await namesOf(file('a.zip', packed({ ...around, ...mac })))).toEqual(['cat/a.png', 'dog/b.png']);
  });

  it('one class alone keeps its folder, and files beside each other their names', async () => {
    expect(await namesOf(file('a.zip', packed({ 'cat/a.png': '1', 'cat/b.png': '2' })))).toEqual([
      'cat/a.png',
      'cat/b.png',
    ]);
    const files = await dataOf([file('x.npy', 'abc'), file('y.csv', '')]);
    expect(files.map(({ name, bytes }) => [name, bytes.length])).toEqual([
      ['x.npy', 3],
      ['y.csv', 0],
    ]);
  });

  it('says which zip is none', async () => {
    await expect(dataOf([file('broken.zip', 'no zip')])).rejects.toThrow('broken.zip cannot be unpacked');
  });
});

describe('the example table', () => {
  const port = (name: string, dtype: 'f32' | 'i64' | 'bool', shape: readonly (number | string)[]) => ({
    name,
    dtype,
    shape,
  });
  const logits = { inputs: [], outputs: [port('logits', 'f32', ['B', 3])] };

  it('is what the recipe reads for these inputs, with every class', () => {
    const inputs = [port('x', 'f32', ['B', 4]), port('label', 'i64', ['B'])];
    const types = new Map<string, ColumnType>([
      ['x', { dtype: 'f32', shape: [4] }],
      ['label', { dtype: 'i64', shape: [] }],
    ]);
    const columns = readCsv(exampleTable({ ...logits, inputs })!, 'table.csv', types, ({ reason }) => {
      throw new Error(reason);
    });
    expect(columns.get('x')!.shape).toEqual([60, 4]);
    expect([...new Set(columns.get('label')!.data as BigInt64Array)]).toEqual([0n, 1n, 2n]);
  });

  it.each([
    ['pictures', [port('x', 'f32', ['N', 3, 8, 8])]],
    ['vectors of any length', [port('x', 'f32', ['B', 'T'])]],
    ['more columns than one reads', [port('x', 'f32', ['B', 784])]],
    ['nothing', []],
  ])('is not there for %s', (_, inputs) => {
    expect(exampleTable({ ...logits, inputs })).toBeUndefined();
  });
});

describe('gradients', () => {
  const run = (...steps: readonly Readonly<Record<string, number>>[]) =>
    steps.map((norms, index) => ({
      step: index + 1,
      layers: Object.fromEntries(Object.entries(norms).map(([name, norm]) => [name, { norm, max: norm }])),
    })) as unknown as Parameters<typeof gradientFindings>[0];

  it.each([
    [
      'of all layers are as they should be',
      run({ a: 1, b: 2 }, { a: 3, b: 4 }),
      [/^every layer has one.*2\.0 \(a\) to 3\.0 \(b\)/],
    ],
    ['of a layer stay zero', run({ a: 1, b: 0 }, { a: 1, b: 0 }), [/no gradient in any step.*: b$/]],
    ['are zero in the first step alone', run({ a: 1, b: 0 }, { a: 1, b: 1 }), [/^every layer has one/]],
    ['overflow', run({ a: 1, b: 1 }, { a: 1, b: Number.NaN }), [/NaN or infinite from step 2: b/]],
    ['vanish', run({ a: 1, b: 1e-6 }), [/far apart.*1\.0e-6 \(b\)/]],
    ['are not there', run(), []],
  ])('%s', (_, records, expected) => {
    const found = gradientFindings(records);
    expect(found.map(({ text }) => text)).toEqual(expected.map((text) => expect.stringMatching(text)));
    expect(found.every(({ bad, text }) => bad !== text.startsWith('every layer'))).toBe(true);
  });
});
