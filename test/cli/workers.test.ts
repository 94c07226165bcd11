/** `--workers N`: the batches of threads are those of the program itself, and so are their errors. Data of every kind: workers.slow.test.ts. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ahead } from '../../src/compiler/workbench/training/read-ahead.ts';
import type { Batch } from '../../src/runtime/train/index.ts';
import { folderWith, mdl, mdlProcess, type Ran } from './support.ts';
import { example, expectSameBits, KINDS, MODULE, png, trainIn } from './workers.ts';

it.each(['text', 'a module'])('%s: trains to the same bits', expectSameBits);

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
