/** Data of every kind, and that threads which make its batches change nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { expect } from 'vitest';
import { folderWith, mdl, mdlProcess, type Ran, ROOT } from './support.ts';

export const example = (name: string): string => readFileSync(join(ROOT, 'examples', name), 'utf8');
export const png = (seed: number): Uint8Array =>
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

export const MODULE = `export default ({ batchSize, seed }) => ({
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
export const KINDS: Readonly<
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
export function trainIn(folder: string, config: string, data: string, ...more: string[]): Promise<Ran> {
  const args = ['--config', config, '--init', '1', '--data', data, '--batch-size', '4', '--seed', '3', ...more];
  // without threads nothing asks for a program of its own
  return (more.includes('--workers') ? mdlProcess : mdl)(folder, 'train', 'model.mdl', ...args);
}

/** Trains with threads and without, to the same weights; a run goes on with threads or without. */
export async function expectSameBits(kind: string): Promise<void> {
  const [model, config, data, files] = KINDS[kind]!;
  const folder = folderWith({ 'model.mdl': example(model), ...files });
  const train = (out: string, ...more: string[]): Promise<Ran> => trainIn(folder, config, data, '--out', out, ...more);
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
}
