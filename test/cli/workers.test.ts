/** `--workers N`: the batches of threads are those of the program itself, for data of every kind, and so are their errors. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { ahead } from '../../src/compiler/workbench/training/read-ahead.ts';
import type { Batch } from '../../src/runtime/train/index.ts';
import { folderWith, mdl, mdlProcess, type Ran, ROOT } from './support.ts';

const example = (name: string): string => readFileSync(join(ROOT, 'examples', name), 'utf8');
const png = (seed: number): Uint8Array =>
  encode({
    width: 20,
    height: 20,
    channels: 3,
    depth: 8,
    data: Uint8Array.from({ length: 1200 }, (_, i) => (i * 37 + seed * 101) % 256),
  });
const words = Array.from({ length: 400 }, (_, i) => `word${(i * 7) % 31}`).join(' ');
const lines = (count: number, line: (i: number) => object): string =>
  Array.from({ length: count }, (_, i) => JSON.stringify(line(i))).join('\n');

const MODULE = `export default ({ batchSize, seed }) => ({
  name: 'mine',
  async batch(step) {
    const images = Float32Array.from({ length: batchSize * 16 }, (_, i) => Math.sin(i + 16 * step + seed));
    const labels = BigInt64Array.from({ length: batchSize }, (_, i) => BigInt((i + step) % 3));
    const feeds = {
      images: { dtype: 'f32', shape: [batchSize, 16], data: images },
      labels: { dtype: 'i64', shape: [batchSize], data: labels },
    };
    return { feeds, tokens: batchSize, rows: batchSize };
  },
});
`;

/** the example, its config, `--data`, and the files of the data */
const KINDS: Readonly<
  Record<string, readonly [model: string, config: string, data: string, files: Parameters<typeof folderWith>[0]]>
> = {
  text: [
    'gpt.mdl',
    'bytes',
    'data',
    { 'data/a.txt': words, 'data/b.jsonl': lines(9, (i) => ({ text: `${i} ${words}` })) },
  ],
  'image-classification': [
    'vit.mdl',
    'tiny',
    'data',
    Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`data/c${i % 3}/${i}.png`, png(i)])),
  ],
  'vision-language': [
    'llava.mdl',
    'bytes',
    'data',
    {
      ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`data/${i}.png`, png(i)])),
      'data/all.jsonl': lines(30, (i) => ({ image: `${i}.png`, question: 'which?', answer: `number ${i}` })),
    },
  ],
  tensors: [
    'mlp.mdl',
    'small',
    'rows.csv',
    {
      'rows.csv': [
        `labels,${Array.from({ length: 16 }, (_, i) => `images.${i}`).join()}`,
        ...Array.from(
          { length: 12 },
          (_, r) => `${r % 3},${Array.from({ length: 16 }, (_, i) => ((r * i) % 7) / 7).join()}`,
        ),
      ].join('\n'),
    },
  ],
  'a module': ['mlp.mdl', 'small', './mine.mjs', { 'mine.mjs': MODULE }],
};

/** `mdl train model.mdl` of a folder, four rows a batch. */
function trainIn(folder: string, config: string, data: string, ...more: string[]): Promise<Ran> {
  const args = ['--config', config, '--init', '1', '--data', data, '--batch-size', '4', '--seed', '3', ...more];
  return mdlProcess(folder, 'train', 'model.mdl', ...args);
}

describe.each(Object.entries(KINDS))('%s', (kind, [model, config, data, files]) => {
  it('trains to the same bits', async () => {
    const folder = folderWith({ 'model.mdl': example(model), ...files });
    const train = (out: string, ...more: string[]): Promise<Ran> =>
      trainIn(folder, config, data, '--out', out, ...more);
    const trained = (out: string): Buffer => readFileSync(join(folder, out, 'trained.safetensors'));
    const plain = await train('plain', '--steps', '5');
    expect(plain).toMatchObject({ code: 0 });
    expect(await train('threads', '--steps', '5', '--workers', '2')).toEqual({
      ...plain,
      stderr: plain.stderr.replaceAll('plain', 'threads'),
    });
    expect(trained('threads').equals(trained('plain'))).toBe(true);
    if (kind !== 'a module') return;
    // a run goes on with threads or without
    expect(await train('parts', '--steps', '2', '--workers', '1')).toMatchObject({ code: 0 });
    expect(trained('parts').equals(trained('plain'))).toBe(false);
    expect(await train('parts', '--steps', '5', '--workers', '2', '--resume')).toMatchObject({ code: 0 });
    expect(trained('parts').equals(trained('plain'))).toBe(true);
  });
});

it('says what is wrong with a file as the program itself does, and skips it once', async () => {
  const [model, config, , files] = KINDS['image-classification']!;
  const folder = folderWith({ 'model.mdl': example(model), ...files, 'data/c1/bad.png': png(1).slice(0, 90) });
  const train = (...more: string[]): Promise<Ran> => trainIn(folder, config, 'data', '--steps', '6', ...more);
  const plain = await train();
  expect(plain.stderr).toMatch(/error\[R1146\].*bad\.png/);
  expect(await train('--workers', '1')).toEqual(plain);
  const skips = ['--on-bad-row', 'skip'];
  const { stdout, stderr } = await train(...skips, '--workers', '2');
  expect(stderr.match(/skipped .*bad\.png/g)).toHaveLength(1);
  expect({ code: 0, stdout }).toEqual({ code: 0, stdout: (await train(...skips)).stdout });
});

it('C0554: a module that ends the process ends its thread alone', async () => {
  const folder = folderWith({
    'model.mdl': example('mlp.mdl'),
    'mine.mjs': MODULE.replace('const images', 'if (step === 2) process.exit(3);\n    const images'),
  });
  const { code, stderr } = await mdlProcess(
    folder,
    ...[
      'train',
      'model.mdl',
      '--config',
      'small',
      '--init',
      '1',
      '--data',
      './mine.mjs',
      '--steps',
      '4',
      '--workers',
      '1',
    ],
  );
  expect(code).toBe(1);
  expect(stderr).toContain('error[C0554]: a thread that makes batches ended (exit code 3): give --workers 0');
});

it('C0103: more threads than it takes', async () => {
  const folder = folderWith({ 'model.mdl': example('mlp.mdl'), 'mine.mjs': MODULE });
  const args = [
    '--config',
    'small',
    '--init',
    '1',
    '--data',
    './mine.mjs',
    '--steps',
    '1',
    '--out',
    'run',
    '--workers',
    '65',
  ];
  const { code, stderr } = await mdl(folder, 'train', 'model.mdl', ...args);
  expect(code).toBe(1);
  expect(stderr).toContain('error[C0103]: --workers is "65", and an integer from 0 to 64 was expected');
  // before anything is opened
  expect(existsSync(join(folder, 'run'))).toBe(false);
});

it('asks for batches ahead, in any order of steps, and fails when it is the turn of one', async () => {
  const made: number[] = [];
  const batch = ahead(2, async (step) => {
    made.push(step);
    if (step === 3) throw new Error('three');
    return { feeds: {}, tokens: step, rows: 1 } satisfies Batch;
  });
  expect((await batch(0)).tokens).toBe(0);
  expect(made).toEqual([0, 1, 2]);
  expect((await batch(1)).tokens).toBe(1);
  expect((await batch(2)).tokens).toBe(2);
  expect(made).toEqual([0, 1, 2, 3, 4]);
  await expect(batch(3)).rejects.toThrow('three');
  // back again: what was dropped is made anew
  expect((await batch(0)).tokens).toBe(0);
  expect(made).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2]);
});
