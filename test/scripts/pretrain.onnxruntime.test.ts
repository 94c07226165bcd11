/** `npm run pretrain`, a step of each stage: it writes what the committed base has, for the same prompts. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openCheckpoint } from '../../src/runtime/index.ts';
import { PRETRAINED, ROOT } from '../cli/support.ts';
import { folderWith } from '../support/folder.ts';

const folder = folderWith();

/** Keys with shapes, and what the file says of prompts. */
async function contentsOf(file: string): Promise<object> {
  const checkpoint = await openCheckpoint(file);
  try {
    const tensors = [...checkpoint.tensors].map(([key, { shape }]) => `${key} ${shape.join(' × ')}`);
    return { tensors: tensors.sort(), metadata: checkpoint.files.map(({ metadata }) => Object.fromEntries(metadata)) };
  } finally {
    await checkpoint.close();
  }
}

it('goes through its stages and writes the base of the nano model', async () => {
  const out = join(folder, 'base.safetensors');
  const program = ['--import', 'tsx', 'scripts/pretrain.ts', '--steps', '1', '--out', out];
  const said = execFileSync(process.execPath, program, { cwd: ROOT, encoding: 'utf8' });
  expect([...said.matchAll(/^(\w+) {2}step 1 {2}loss [\d.]+$/gm)].map(([, stage]) => stage)).toEqual([
    'vision',
    'pretrain',
    'pretrain_questions',
  ]);
  expect(await contentsOf(out)).toEqual(await contentsOf(PRETRAINED));
});

it.each([
  [['--steps', 'x', '--out', 'never'], 'a whole number of at least 1'],
  [['--steps', '1'], 'give --out FILE'],
])('refuses %j: the base that is committed stays', (args, said) => {
  const program = ['--import', 'tsx', 'scripts/pretrain.ts', ...args];
  const { status, stderr } = spawnSync(process.execPath, program, { cwd: ROOT, encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain(said);
});
