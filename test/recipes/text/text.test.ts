/** Text as data: rows that are packed and padded, from chunks of any size; the order of rows; what is refused. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BYTE_TOKENIZER } from '../../../src/recipes/data/bytes.ts';
import { type ChunkFile, chunksOf } from '../../../src/recipes/text/chunks.ts';
import { type CorpusOptions, openCorpus } from '../../../src/recipes/text/corpus.ts';
import { textRecipe } from '../../../src/recipes/text/recipe.ts';
import type { Batch, DataSource } from '../../../src/runtime/train/data-source.ts';
import { folderWith } from '../../support/folder.ts';
import { modelOf, requestOf, TEXT_PORTS } from './support.ts';

const bytesOf = (text: string): number[] => [...new TextEncoder().encode(text)];

function fileOf(name: string, text: string): ChunkFile {
  const bytes = new TextEncoder().encode(text);
  return { name, size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

const OPTIONS: CorpusOptions = {
  tokenizer: BYTE_TOKENIZER,
  field: 'text',
  rows: 'packed',
  length: 4,
  eos: 0,
  name: 'corpus',
  report: (row) => {
    throw new Error(JSON.stringify(row));
  },
};
const rowsOf = (files: readonly ChunkFile[], options: Partial<CorpusOptions> = {}): (readonly number[])[] => {
  const corpus = openCorpus(files, { ...OPTIONS, ...options });
  return Array.from({ length: corpus.size }, (_, i) => corpus.row(i));
};

describe('a corpus', () => {
  test('packed rows are the documents with eos between them, cut into equal pieces', () => {
    const rows = rowsOf([fileOf('a.txt', 'one\ntwo'), fileOf('b.jsonl', '{"text":"x\\ny"}\n\n{"text":"zz"}\n')]);
    const stream = [...bytesOf('one\ntwo'), 0, ...bytesOf('x\ny'), 0, ...bytesOf('zz'), 0];
    expect(rows.flat()).toEqual(stream.slice(0, 12));
    expect(rows.every((row) => row.length === 4)).toBe(true);
  });

  test('padded rows are lines of a text file and of JSON, and longer ones are cut', () => {
    const files = [fileOf('a.txt', 'one\r\n\ntwelve'), fileOf('b.jsonl', '{"text":"x\\ny"}')];
    expect(rowsOf(files, { rows: 'padded' })).toEqual([
      [...bytesOf('one'), 0],
      bytesOf('twel'),
      [...bytesOf('x\ny'), 0],
    ]);
    expect(openCorpus(files, { ...OPTIONS, rows: 'padded' }).cut).toBe(1);
  });

  test('rows do not depend on the size of chunks', () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '€', '🦊', '\n', ' '), maxLength: 40 }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(texts, fc.integer({ min: 8, max: 24 }), fc.constantFrom('packed', 'padded'), (all, bytes, rows) => {
        const files = all.flatMap((text, i) => [
          fileOf(`${i}.txt`, text),
          fileOf(`${i}.jsonl`, `${JSON.stringify({ text: `${text}.` })}\n`),
        ]);
        expect(rowsOf(files, { rows, chunkBytes: bytes })).toEqual(rowsOf(files, { rows }));
      }),
    );
  });

  test('chunks cover a file once, by whole lines, and know their lines', () => {
    const text = 'a\nbb\nccc\ndddd';
    const chunks = [...chunksOf(fileOf('a.txt', text), false, 4)];
    expect(chunks.map(({ offset, bytes }) => text.slice(offset, offset + bytes)).join('|')).toBe('a\n|bb\n|ccc\n|dddd');
    expect(chunks.map(({ line }) => line)).toEqual([1, 2, 3, 4]);
    expect(chunks.map(({ last }) => last)).toEqual([false, false, false, true]);
  });

  test('what stays in memory is the places of chunks: a row reads only its own', () => {
    const reads: number[] = [];
    const file = fileOf('a.txt', `${'x'.repeat(63)}\n`.repeat(64));
    const watched: ChunkFile = {
      ...file,
      read(at, n) {
        reads.push(at);
        return file.read(at, n);
      },
    };
    const corpus = openCorpus([watched], { ...OPTIONS, chunkBytes: 64 });
    reads.length = 0;
    corpus.row(500);
    expect(reads).toEqual([1984]); // tokens 2000 … 2003 lie in the chunk of bytes 1984 … 2047
  });
});

const SETTINGS = { tokenizer: 'bytes', length: 4, eos: 0 };
const ids = ({ feeds }: Batch): number[] => Array.from(feeds.input_ids!.data as BigInt64Array, Number);
const rowsIn = async (source: DataSource, steps: number): Promise<string[]> => {
  const texts: string[] = [];
  for (let step = 0; step < steps; step++) {
    const all = ids(await source.batch(step));
    for (let i = 0; i < all.length; i += 4) texts.push(BYTE_TOKENIZER.decode(all.slice(i, i + 4)));
  }
  return texts;
};
/** 16 rows of four tokens: aaaa bbbb … */
const LETTERS = Array.from({ length: 16 }, (_, i) => String.fromCharCode(97 + i).repeat(4)).join('');

describe('batches', () => {
  test('an epoch has every row once, in an order by the seed; a batch needs no batch before it', async () => {
    const folder = folderWith({ 'a.txt': LETTERS });
    const open = (seed: number) => textRecipe.dataset(requestOf(folder, modelOf(SETTINGS), { seed }));
    const first = await rowsIn(await open(1), 16);
    expect(new Set(first.slice(0, 16)).size).toBe(16);
    expect(new Set(first.slice(16)).size).toBe(16);
    expect(first.slice(16)).not.toEqual(first.slice(0, 16));
    expect(await rowsIn(await open(2), 8)).not.toEqual(first.slice(0, 16));
    const again = await open(1);
    expect(
      ids(await again.batch(7))
        .map((id) => String.fromCharCode(id))
        .join(''),
    ).toBe(first.slice(14, 16).join(''));
  });

  test('held-out rows are the same for every seed and none of them is trained on', async () => {
    const folder = folderWith({ 'a.txt': LETTERS });
    const open = (split: 'train' | 'held-out', seed: number) =>
      textRecipe.dataset(requestOf(folder, modelOf({ ...SETTINGS, held_out: 0.25 }), { split, seed }));
    const kept = await rowsIn(await open('held-out', 1), 2);
    expect(await rowsIn(await open('held-out', 9), 2)).toEqual(kept);
    const trained = await rowsIn(await open('train', 3), 6);
    expect(new Set([...kept, ...trained]).size).toBe(16);
  });

  test('feeds have the inputs that the entry takes; labels of padding do not count', async () => {
    const folder = folderWith({ 'a.jsonl': '{"t":"ab"}\n{"t":"cdef"}\n' });
    const settings = { ...SETTINGS, rows: 'padded', field: 't', pad: 7 };
    const ports = [...TEXT_PORTS, { name: 'position_ids', dtype: 'i64' as const, shape: ['B', 4] }];
    const { feeds, tokens, rows } = await (await textRecipe.dataset(requestOf(folder, modelOf(settings, ports)))).batch(
      0,
    );
    expect([tokens, rows]).toEqual([7, 2]);
    const sorted = Object.fromEntries(
      Object.entries(feeds).map(([name, { data }]) => {
        const all = Array.from(data as BigInt64Array, Number);
        const short = all[feeds.input_ids!.data[0] === 97n ? 0 : 4];
        return [name, short === undefined ? [] : all.slice(...(feeds.input_ids!.data[0] === 97n ? [0, 4] : [4, 8]))];
      }),
    );
    expect(sorted).toEqual({
      input_ids: [97, 98, 0, 7],
      attention_mask: [1, 1, 1, 0],
      labels: [97, 98, 0, -100],
      position_ids: [0, 1, 2, 3],
    });
  });

  test('bad rows are left out and named when that is asked for', async () => {
    const folder = folderWith({ 'a.jsonl': `{"text":"${LETTERS}"}\n{"txt":"a"}\nnonsense\n{"text":3}\n` });
    const request = requestOf(folder, modelOf(SETTINGS), { badRows: 'skip' });
    expect(new Set(await rowsIn(await textRecipe.dataset(request), 8)).size).toBe(16);
    expect(request.notes[0]).toBe('skipped line 2 of a.jsonl: it has no field "text", only txt');
    expect(request.notes[1]).toMatch(/^skipped line 3 of a.jsonl: it is not JSON/);
    expect(request.notes[2]).toBe('skipped line 4 of a.jsonl: it has 3 as "text"');
  });

  test('more than ten bad rows are counted', async () => {
    const folder = folderWith({ 'a.jsonl': `{"text":"${LETTERS}"}\n${'[]\n'.repeat(12)}` });
    const request = requestOf(folder, modelOf(SETTINGS), { badRows: 'skip' });
    await textRecipe.dataset(request);
    expect(request.notes).toHaveLength(11);
    expect(request.notes[10]).toBe('skipped 2 more rows, 12 in all');
  });

  test('what a run is told apart by changes with the text', async () => {
    const contents = async (text: string): Promise<string> => {
      const source = await textRecipe.dataset(requestOf(folderWith({ 'a.txt': text }), modelOf(SETTINGS)));
      return [...source.contents!()].map((piece) => new TextDecoder().decode(piece)).join('');
    };
    expect(await contents(LETTERS)).toBe(`\0a.txt\0${LETTERS}`);
    expect(await contents(`${LETTERS}!`)).not.toBe(await contents(LETTERS));
  });
});

describe('mistakes in data are refused by name', () => {
  const expected = 'an object with the text "text"';
  test.each([
    ['not JSON', { 'a.jsonl': '{"text":"fine"}\n{"text":\n' }, /^line 2 of a\.jsonl is not JSON/],
    ['a list', { 'a.jsonl': '[1]\n' }, `line 1 of a.jsonl is not an object, and ${expected} is expected`],
    ['another field', { 'a.jsonl': '\n{"content":"x"}' }, 'line 2 of a.jsonl has no field "text", only content'],
    ['a number', { 'a.jsonl': '{"text":12}' }, 'line 1 of a.jsonl has 12 as "text"'],
    ['no text', { 'a.jsonl': '{"text":""}' }, 'line 1 of a.jsonl has an empty "text"'],
    [
      'another encoding',
      { 'a.txt': Uint8Array.of(97, 10, 0xe9, 10) },
      'line 2 of a.txt is not UTF-8, and text in UTF-8 is expected: correct it or give --on-bad-row skip',
    ],
  ] as const)('%s', async (_, files, message) => {
    await expect(textRecipe.dataset(requestOf(folderWith(files), modelOf(SETTINGS)))).rejects.toMatchObject({
      code: 'R1140',
      message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    });
  });

  const open = (files: Record<string, string>, settings: object, more = {}, name = '') =>
    textRecipe.dataset(requestOf(join(folderWith(files), name), modelOf({ ...SETTINGS, ...settings }), more));

  test('a path that leads nowhere, and a folder without text', async () => {
    await expect(open({ 'a.txt': '' }, {}, {}, 'b.txt')).rejects.toMatchObject({
      code: 'R1141',
      message: expect.stringMatching(
        /b\.txt cannot be used \(no such file or directory\): give a \.txt, \.md or \.jsonl/,
      ),
    });
    await expect(open({ 'a.csv': '' }, {})).rejects.toMatchObject({
      code: 'R1141',
      message: expect.stringContaining('no .txt or .md or .jsonl file is there'),
    });
  });

  test('too little text, and a split without a row', async () => {
    await expect(open({ 'a.txt': 'ab' }, {})).rejects.toMatchObject({
      code: 'R1145',
      message: expect.stringContaining('gives no rows for train (it has 0 rows, of which 0 are held out)'),
    });
    await expect(open({ 'a.txt': LETTERS }, {}, { split: 'held-out' })).rejects.toMatchObject({ code: 'R1145' });
  });

  test('settings that are missing', async () => {
    await expect(open({ 'a.txt': LETTERS }, { length: undefined })).rejects.toMatchObject({ code: 'R1122' });
    await expect(open({ 'a.txt': LETTERS }, { rows: 'padded' })).rejects.toMatchObject({ code: 'R1122' });
    await expect(open({ 'a.txt': LETTERS, 'b.txt': LETTERS }, { eos: undefined })).rejects.toMatchObject({
      code: 'R1122',
      message: expect.stringContaining('2 documents that are joined into rows need the setting eos'),
    });
    await expect(open({ 'a.txt': LETTERS }, { eos: undefined })).resolves.toBeDefined();
  });

  const withPorts = (ports: Parameters<typeof modelOf>[1]) =>
    textRecipe.dataset(requestOf(folderWith({ 'a.txt': LETTERS }), modelOf(SETTINGS, ports)));

  test('inputs of the loss that text cannot fill', async () => {
    await expect(
      withPorts([...TEXT_PORTS, { name: 'pixel_values', dtype: 'f32', shape: ['B', 3, 8, 8] }]),
    ).rejects.toMatchObject({
      code: 'R1142',
      message:
        'the loss of GPT takes pixel_values, which data of the recipe text does not have: it gives input_ids, attention_mask, labels, position_ids',
    });
    await expect(withPorts([{ name: 'x', dtype: 'f32', shape: ['B', 2] }])).rejects.toMatchObject({ code: 'R1143' });
  });

  test('rows that are longer than the model has positions', async () => {
    const positions = (high: number) => [
      ...TEXT_PORTS,
      { ...TEXT_PORTS[0]!, name: 'position_ids', range: { low: 0, high } },
    ];
    await expect(withPorts(positions(3))).rejects.toMatchObject({
      code: 'R1144',
      message: expect.stringMatching(
        /^a batch of .* has rows of --length 4 for the input position_ids of the loss, which takes 3 positions, --length 3 at most/,
      ),
    });
    await expect(withPorts(positions(4))).resolves.toBeDefined();
  });

  test.each([
    ['i64', ['B', 8]],
    ['f32', ['B', 'T']],
    ['i64', ['B']],
    ['i64', ['B', 'B']],
  ] as const)('an input of another form: %s %j', async (dtype, shape) => {
    await expect(withPorts([{ name: 'input_ids', dtype, shape: [...shape] }])).rejects.toMatchObject({
      code: 'R1144',
      message: expect.stringContaining('has i64 [2, 4] for the input input_ids of the loss, which takes'),
    });
  });
});

test('bytes are tokens, and ids past them are refused', () => {
  expect(BYTE_TOKENIZER.encode('é🦊')).toEqual([...Buffer.from('é🦊')]);
  expect(BYTE_TOKENIZER.decode(BYTE_TOKENIZER.encode('é🦊'))).toBe('é🦊');
  expect(BYTE_TOKENIZER.decode([0xc3])).toBe('\uFFFD');
  expect(() => BYTE_TOKENIZER.decode([97, 256])).toThrow(expect.objectContaining({ code: 'R0502' }));
});
