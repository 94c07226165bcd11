/** `mdl init`: what it writes is a project that the other commands take, and it never writes over anything. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folderWith, mdl } from './support.ts';

it('writes a model, data and a page, and prints its commands, which are the page’s', async () => {
  const folder = folderWith();
  const { code, stdout, stderr } = await mdl(folder, 'init', 'text', 'mine/first');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const project = join(folder, 'mine/first');
  expect(readdirSync(project).sort()).toEqual(['README.md', 'data', 'model.mdl']);
  expect(readdirSync(join(project, 'data')).every((name) => name.endsWith('.md'))).toBe(true);
  const page = readFileSync(join(project, 'README.md'), 'utf8');
  const commands = [...page.matchAll(/^ {4}(mdl .*)$/gm)].map((match) => match[1]!);
  expect(commands.map((command) => command.split(' ')[1])).toEqual(['train', 'evaluate', 'generate']);
  expect(stdout.match(/mdl .*/g)).toEqual(commands);
});

it('has a model that is formatted, right, small unless told otherwise, and trains on its data', async () => {
  const folder = folderWith();
  await mdl(folder, 'init', 'text', '.');
  expect((await mdl(folder, 'fmt', '--check', '.')).code).toBe(0);
  expect((await mdl(folder, 'check', 'model.mdl')).code).toBe(0);
  const summary = JSON.parse((await mdl(folder, 'summary', 'model.mdl', '--json')).stdout) as object;
  expect(summary).toMatchObject({ config: 'bytes', stages: [{ name: 'train_all' }] });
  expect(readFileSync(join(folder, 'model.mdl'), 'utf8')).toContain('iters = 1000');
  const train = [
    'model.mdl',
    '--init',
    '1',
    '--data',
    'data',
    '--val-split',
    '0.1',
    '--steps',
    '1',
    '--backend',
    'onnx',
  ];
  const { code, stdout, stderr } = await mdl(folder, 'train', ...train);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stdout).toMatch(/1 steps .*validation bits_per_byte/);
});

it('C0426: writes nothing into a folder that is not empty, however it is called', async () => {
  const folder = folderWith({ 'notes/mine.txt': 'mine' });
  for (const [name, first] of [
    ['notes', 'mine.txt'],
    ['new/..', 'notes'],
  ] as const) {
    const { code, stderr } = await mdl(folder, 'init', 'text', name);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^error\\[C0426\\]: ${name} is not empty, ${first} is in it: give a folder that is new or empty`),
    );
  }
  expect(readdirSync(folder)).toEqual(['notes']);
  expect(readdirSync(join(folder, 'notes'))).toEqual(['mine.txt']);
});

it('C0105: a file is in the way', async () => {
  const folder = folderWith({ taken: '' });
  expect((await mdl(folder, 'init', 'text', 'taken')).stderr).toMatch(/error\[C0105\]: taken .*a file is in the way/);
});

it('refuses another kind with those that there are', async () => {
  const folder = folderWith();
  const { code, stderr } = await mdl(folder, 'init', 'vision-language', 'x');
  expect(code).toBe(2);
  expect(stderr).toMatch(/'vision-language' is invalid for argument 'kind'. Allowed choices are text\./);
  expect(existsSync(join(folder, 'x'))).toBe(false);
});
