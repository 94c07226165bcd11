/** Arrays of numbers as data: shards of every format, tables, and what is refused. */
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { csvRows } from '../../../src/recipes/data/csv.ts';
import { moduleData } from '../../../src/recipes/module.node.ts';
import { tensorsRecipe } from '../../../src/recipes/tensors/recipe.ts';
import { encodeSafetensors } from '../../../src/runtime/index.ts';
import type { DataSource } from '../../../src/runtime/train/index.ts';
import type { HostTensor } from '../../../src/shared/tensor.ts';
import { folderWith } from '../../support/folder.ts';
import { modelOf, requestOf } from '../text/support.ts';

const PORTS = [
  { name: 'x', dtype: 'f32' as const, shape: ['B', 2] },
  { name: 'y', dtype: 'i64' as const, shape: ['B'] },
];
const MODEL = modelOf({}, PORTS);

/** Row i is x = [i, i + 0.5], y = i. */
const xOf = (rows: readonly number[]): HostTensor => ({
  dtype: 'f32',
  shape: [rows.length, 2],
  data: Float32Array.from(rows.flatMap((i) => [i, i + 0.5])),
});
const yOf = (rows: readonly number[]): HostTensor => ({
  dtype: 'i64',
  shape: [rows.length],
  data: BigInt64Array.from(rows.map(BigInt)),
});
const shard = (rows: readonly number[]): Uint8Array =>
  encodeSafetensors(new Map(Object.entries({ x: xOf(rows), y: yOf(rows) })));

/** As numpy.save writes it (format 1.0), which test/fixtures/weights compares with NumPy. */
function npy(descr: string, shape: readonly number[], data: ArrayBufferView): Uint8Array {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Uint8Array.of(
    ...[0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8],
    ...Buffer.from(header),
    ...bytes,
  );
}

/** All rows of an epoch, by their y. */
async function epoch(folder: string, rows: number): Promise<readonly (readonly number[])[]> {
  const source = await tensorsRecipe.dataset(requestOf(folder, MODEL, { batchSize: 1 }));
  const found: number[][] = [];
  for (let step = 0; step < rows; step++) {
    const { feeds } = await source.batch(step);
    expect([feeds.x!.shape, feeds.y!.shape]).toEqual([[1, 2], [1]]);
    found.push([Number(feeds.y!.data[0]), ...Array.from(feeds.x!.data, Number)]);
  }
  return found.sort((a, b) => a[0]! - b[0]!);
}
const ROWS = [0, 1, 2, 3, 4].map((i) => [i, i, i + 0.5]);

describe('rows are the same from', () => {
  const table = ['y,x.1,note,x.0', ...ROWS.map(([y, a, b]) => `${y},${b},"a, b",${a}`)].join('\r\n');
  test.each([
    ['two shards of safetensors', { 'b.safetensors': shard([3, 4]), 'a.safetensors': shard([0, 1, 2]) }],
    ['a table', { 'rows.csv': `\uFEFF${table}` }],
    [
      '.npy files',
      { 'x.npy': npy('<f4', [5, 2], xOf([0, 1, 2, 3, 4]).data), 'y.npy': npy('<i8', [5], yOf([0, 1, 2, 3, 4]).data) },
    ],
    [
      'an archive of arrays in other dtypes',
      {
        'all.npz': zipSync({
          'x.npy': npy('<f8', [5, 2], Float64Array.from(xOf([0, 1, 2, 3, 4]).data as Float32Array)),
          'y.npy': npy('<i4', [5], Int32Array.of(0, 1, 2, 3, 4)),
        }),
      },
    ],
  ] as const)('%s', async (_, files) => {
    expect(await epoch(folderWith(files), 5)).toEqual(ROWS);
  });
});

test('a mask in a table is read as one, and its rows stay together', async () => {
  const model = modelOf({}, [...PORTS, { name: 'keep', dtype: 'bool', shape: ['B'] }]);
  const folder = folderWith({ 'a.csv': 'x.0,x.1,y,keep\n1,2,3,true\n4,5,6,FALSE\n' });
  const { feeds } = await (await tensorsRecipe.dataset(requestOf(folder, model))).batch(0);
  const at = Array.from(feeds.y!.data, Number).indexOf(6);
  expect(feeds.keep).toMatchObject({ dtype: 'bool', shape: [2] });
  expect(feeds.keep!.data[at]).toBe(0);
  expect(feeds.keep!.data[1 - at]).toBe(1);
});

describe('mistakes are refused by name', () => {
  const open = (files: Record<string, string | Uint8Array>, more = {}) =>
    tensorsRecipe.dataset(requestOf(folderWith(files), MODEL, more));
  test.each([
    ['a word', 'y,x.0,x.1\n1,2,3\n1,two,3\n', 'line 3 of a.csv has "two" in the column x.0, and a number is expected'],
    [
      'a fraction as a class',
      'y,x.0,x.1\n1.5,2,3\n',
      'line 2 of a.csv has "1.5" in the column y, and an integer is expected',
    ],
    ['an empty field', 'y,x.0,x.1\n1,,3\n', 'line 2 of a.csv has "" in the column x.0'],
    ['a field too few', 'y,x.0,x.1\n1,2\n', 'line 2 of a.csv has 2 fields, and 3 as in the header is expected'],
    ['infinity', 'y,x.0,x.1\n1,Infinity,3\n', 'line 2 of a.csv has "Infinity" in the column x.0'],
  ])('%s', async (_, text, message) => {
    await expect(open({ 'a.csv': text })).rejects.toMatchObject({
      code: 'R1140',
      message: expect.stringContaining(message),
    });
  });

  test('a bad row is skipped when that is asked for', async () => {
    const request = requestOf(folderWith({ 'a.csv': 'y,x.0,x.1\n1,a,3\n7,2,3\n' }), MODEL, {
      badRows: 'skip',
      batchSize: 1,
    });
    const { feeds } = await (await tensorsRecipe.dataset(request)).batch(3);
    expect(Number(feeds.y!.data[0])).toBe(7);
    expect(request.notes).toEqual(['skipped line 2 of a.csv: it has "a" in the column x.0']);
  });

  test.each([
    [
      'a column that is not there',
      { 'a.csv': 'z,x.0,x.1\n1,2,3\n' },
      'a.csv has the columns z, x.0, x.1 for the input y',
    ],
    [
      'a vector of another size',
      { 'a.csv': 'y,x.0\n1,2\n' },
      'a.csv has 1 such columns, and 2 are needed for the input x',
    ],
    [
      'an array that is not there',
      { 'a.safetensors': encodeSafetensors(new Map([['x', xOf([1])]])) },
      'a.safetensors has no array (it has x) for the input y',
    ],
    [
      'arrays of different lengths',
      { 'a.safetensors': encodeSafetensors(new Map(Object.entries({ x: xOf([1, 2]), y: yOf([1]) }))) },
      'has 2 rows for the input x of the loss, which takes as many rows as the others, 1',
    ],
    [
      'another dtype',
      {
        'a.safetensors': encodeSafetensors(
          new Map(Object.entries({ x: xOf([1]), y: { ...yOf([1]), dtype: 'f32', data: Float32Array.of(1) } })),
        ),
      },
      'has f32 [2] for the input y of the loss, which takes i64 [B]',
    ],
    [
      'shards whose rows differ',
      {
        'a.safetensors': shard([1]),
        'b.safetensors': encodeSafetensors(
          new Map(
            Object.entries({ x: { dtype: 'f32', shape: [1, 3], data: new Float32Array(3) } as const, y: yOf([1]) }),
          ),
        ),
      },
      'b.safetensors has rows of [3] for the input x of the loss, which takes rows of [2] as in a.safetensors',
    ],
  ] as const)('%s', async (_, files, message) => {
    await expect(open(files)).rejects.toMatchObject({ code: 'R1144', message: expect.stringContaining(message) });
  });
});

describe('integers outside of their table are refused by file and row', () => {
  const model = modelOf({}, [PORTS[0]!, { ...PORTS[1]!, range: { low: 0, high: 3, also: [-100] } }]);
  const open = (files: Record<string, string | Uint8Array>, more = {}) => {
    const request = requestOf(folderWith(files), model, { batchSize: 1, ...more });
    return { request, source: tensorsRecipe.dataset(request) };
  };
  const arrays = (y: readonly number[]) => ({
    'x.npy': npy('<f4', [y.length, 2], new Float32Array(2 * y.length)),
    'y.npy': npy('<i8', [y.length], BigInt64Array.from(y, BigInt)),
  });
  const expected = 'an integer from 0 to 2 or -100 is expected';
  test.each([
    ['a table', { 'a.csv': 'y,x.0,x.1\n-100,2,3\n3,2,3\n' }, 'line 3 of a.csv has "3" in the column y'],
    [
      'safetensors',
      { 'a.safetensors': shard([0, 1, 2]), 'b.safetensors': shard([2, 5]) },
      'row 1 of b.safetensors has 5 in y',
    ],
    ['an archive', { 'a.npz': zipSync(arrays([0, -100, -1])) }, 'row 2 of a.npz has -1 in y'],
    ['.npy files', arrays([0, 9]), 'row 1 of y.npy has 9 in y'],
  ] as const)('%s', async (_, files, message) => {
    await expect(open(files).source).rejects.toMatchObject({
      code: 'R1140',
      message: expect.stringContaining(`${message}, and ${expected}`),
    });
  });

  test('or skipped with all that the row has', async () => {
    const files = { 'a.safetensors': shard([0, 7, 2]), 'b.safetensors': shard([1, 8]) };
    const { request, source } = open(files, { badRows: 'skip' });
    const data = await source;
    const batches = await Promise.all([0, 1, 2].map((step) => data.batch(step)));
    const rows = batches.map(({ feeds }, step) => [Number(feeds.y!.data[0]), feeds.x!.data[0], data.rowName!(step, 0)]);
    expect(data.rows).toBe(3);
    expect(rows.sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
      [0, 0, 'row 0 of a.safetensors'],
      [1, 1, 'row 0 of b.safetensors'],
      [2, 2, 'row 2 of a.safetensors'],
    ]);
    expect(request.notes).toEqual([
      'skipped row 1 of a.safetensors: it has 7 in y',
      'skipped row 1 of b.safetensors: it has 8 in y',
    ]);
  });
});

test('tables have quotes, commas and line ends in fields, and know their lines', () => {
  expect([...csvRows('a,"b ""c"", d"\r\n\n"x\ny",\n1')]).toEqual([
    { line: 1, fields: ['a', 'b "c", d'] },
    { line: 3, fields: ['x\ny', ''] },
    { line: 5, fields: ['1'] },
  ]);
  expect([...csvRows('')]).toEqual([]);
  expect([...csvRows('"open')]).toEqual([{ line: 1, fields: ['open'] }]);
});

describe('a module of data', () => {
  const open = (code: string, more = {}) =>
    moduleData(requestOf(`${folderWith({ 'data.mjs': code })}/data.mjs`, MODEL, more));
  const FEEDS = `{ x: { dtype: 'f32', shape: [1, 2], data: Float32Array.of(step, 1) }, y: { dtype: 'i64', shape: [1], data: BigInt64Array.of(1n) } }`;

  test.each([
    [
      'a data source',
      `export default { name: 'mine', batch: async (step) => ({ feeds: ${FEEDS}, tokens: 1, rows: 1 }) }`,
      3,
    ],
    [
      'a function that makes one',
      `export default async ({ seed }) => ({ name: 'mine', batch: async (s) => { const step = s + seed; return { feeds: ${FEEDS}, tokens: 1, rows: 1 }; } })`,
      4,
    ],
  ])('is %s', async (_, code, first) => {
    const source = await open(code);
    expect(source.name).toBe('mine');
    expect((await source.batch(3)).feeds.x!.data[0]).toBe(first);
  });

  test.each([
    ['nothing', '', 'has no default export'],
    ['a number', 'export default 3', 'exports no data source'],
    ['a mistake', 'export default {', 'cannot be loaded'],
  ])('with %s is refused', async (_, code, reason) => {
    await expect(open(code)).rejects.toMatchObject({ code: 'R1148', message: expect.stringContaining(reason) });
  });

  test.each([
    ['nothing', 'undefined', 'R1148', 'gives no batch { feeds, tokens, rows } at step 2'],
    ['feeds without numbers', '{ feeds: { x: [1] }, tokens: 1, rows: 1 }', 'R1148', 'gives no batch'],
    [
      'a shape that is not that of the numbers',
      `{ feeds: { x: { dtype: 'f32', shape: [3], data: new Float32Array(2) } }, tokens: 1, rows: 1 }`,
      'R1148',
      'gives no batch',
    ],
    [
      'an input too many',
      `{ feeds: { ...${FEEDS}, z: { dtype: 'f32', shape: [], data: new Float32Array(1) } }, tokens: 1, rows: 1 }`,
      'R1143',
      'input z',
    ],
    ['an input too few', `{ feeds: { y: ${FEEDS}.y }, tokens: 1, rows: 1 }`, 'R1142', 'takes x'],
    [
      'another shape',
      `{ feeds: { ...${FEEDS}, x: { dtype: 'f32', shape: [1, 3], data: new Float32Array(3) } }, tokens: 1, rows: 1 }`,
      'R1144',
      'f32 [1, 3]',
    ],
  ])('that gives %s', async (_, batch, code, message) => {
    const source = await open(`export default { name: 'mine', batch: async (step) => (${batch}) }`);
    await expect(source.batch(2)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  describe('that names its rows', () => {
    const ROW = `(i) => ({ x: { dtype: 'f32', shape: [2], data: Float32Array.of(i, 1) }, y: { dtype: 'i64', shape: [], data: BigInt64Array.of(BigInt(i)) } })`;
    const code = `export default { name: 'mine', rows: 10, row: ${ROW} }`;
    const labels = async (source: DataSource, steps: number): Promise<number[]> => {
      const batches = await Promise.all(Array.from({ length: steps }, (_, step) => source.batch(step)));
      return batches.flatMap(({ feeds }) => Array.from(feeds.y!.data, Number));
    };

    test('is made into batches, shuffled in each epoch', async () => {
      const source = await open(code, { batchSize: 5 });
      const { feeds, rows, tokens } = await source.batch(0);
      expect({ rows, tokens, shapes: [feeds.x!.shape, feeds.y!.shape] }).toEqual({
        rows: 5,
        tokens: 5,
        shapes: [[5, 2], [5]],
      });
      expect(Array.from(feeds.x!.data as Float32Array)).toEqual(
        Array.from(feeds.y!.data, Number).flatMap((i) => [i, 1]),
      );
      const all = await labels(source, 4);
      const sorted = Array.from({ length: 10 }, (_, i) => i);
      for (const epoch of [all.slice(0, 10), all.slice(10)]) expect(epoch.toSorted((a, b) => a - b)).toEqual(sorted);
      expect(all.slice(0, 10)).not.toEqual(all.slice(10));
      expect(await labels(await open(code, { batchSize: 5 }), 4)).toEqual(all);
      expect(source.rowName!(1, 2)).toBe(`row ${all[7]} of mine`);
    });

    test('is divided, the same rows for every seed, and none of them in training', async () => {
      const kept = async (seed: number): Promise<readonly [number[], number[]]> => {
        const part = { heldOut: 0.3, batchSize: 2, seed };
        const heldOut = await open(code, { ...part, split: 'held-out' });
        expect(heldOut.rows).toBe(3);
        return [await labels(heldOut, 2), await labels(await open(code, part), 14)];
      };
      const [[heldOut, trained], [again]] = [await kept(1), await kept(2)];
      expect(heldOut).toHaveLength(3);
      expect(again).toEqual(heldOut);
      expect(new Set([...heldOut, ...trained]).size).toBe(10);
      expect(trained.filter((row) => heldOut.includes(row))).toEqual([]);
      await expect(open(code, { split: 'held-out' })).rejects.toMatchObject({ code: 'R1145' });
    });

    test.each([
      ['nothing', '() => undefined', 'gives no tensors as row'],
      ['no tensor', '() => ({ x: [1, 2] })', 'as x of row'],
      ['rows of two shapes', `(i) => ({ x: { dtype: 'f32', shape: [i], data: new Float32Array(i) } })`, 'as x of row'],
      [
        'more in one row',
        `(i) => (${ROW})(i % 2 ? i : 0).x && ({ ...(${ROW})(i), ...(i % 2 ? { z: (${ROW})(i).y } : {}) })`,
        'z',
      ],
    ])('that gives %s', async (_, row, message) => {
      const source = await open(`export default { name: 'mine', rows: 10, row: ${row} }`, { batchSize: 10 });
      await expect(source.batch(0)).rejects.toMatchObject({ code: 'R1148', message: expect.stringContaining(message) });
    });
  });
});
