/** Which compilations a replay makes and how it compares them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { casesOf, chosen, compareFolders, requestOf } from '../../scripts/replay.ts';
import { folderWith } from '../support/folder.ts';

let root = '';
beforeEach(() => {
  root = folderWith();
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

it('compiles each model with the configurations it declares', () => {
  write('models/part.mdl', 'module Part(d) {}\nconfig shared { d = 1 }\n');
  write(
    'models/a/a.mdl',
    'import { Part } from "../part.mdl"\nconfig full {}\nconfig tiny extends full {}\nmodel A {}\n',
  );
  write('models/b.mdl', 'config one {}\nmodel B {}\n');
  write('models/README.md', 'config no {}\nmodel no {}\n');
  expect(casesOf(root)).toEqual([
    { model: 'models/a/a.mdl', config: 'full' },
    { model: 'models/a/a.mdl', config: 'tiny' },
    { model: 'models/b.mdl', config: 'one' },
  ]);
});

it('--only keeps what has one of its texts, and refuses a text that nothing has', () => {
  const cases = [
    { model: 'models/a.mdl', config: 'nano' },
    { model: 'models/a.mdl', config: 'full' },
    { model: 'models/b.mdl', config: 'full' },
  ];
  expect(chosen(cases, [])).toEqual(cases);
  expect(chosen(cases, ['nano', 'b.mdl'])).toEqual([cases[0], cases[2]]);
  expect(() => chosen(cases, ['nanno'])).toThrow(/--only nanno is no part of any of these:[\s\S]*models\/b.mdl full/);
});

it('says where options of mdl compile go', () => {
  expect(requestOf(['HEAD~3', '--only', 'bert,vit', '--', '--target', 'pytorch'])).toEqual({
    revision: 'HEAD~3',
    texts: ['bert', 'vit'],
    options: ['--target', 'pytorch'],
  });
  expect(requestOf([])).toEqual({ revision: 'HEAD', texts: [], options: [] });
  expect(() => requestOf(['HEAD~3', '--target', 'pytorch'])).toThrow(
    '--target is no option of replay; those of mdl compile follow a -- of their own: npm run replay -- HEAD~3 -- --target pytorch',
  );
  expect(() => requestOf(['a', 'b'])).toThrow('replay takes one revision and got a b');
});

it('names the files that differ', () => {
  write('before/a/same.onnx', 'x');
  write('after/a/same.onnx', 'x');
  write('before/a/changed.onnx', 'x');
  write('after/a/changed.onnx', 'y');
  write('before/removed.json', '');
  write('after/b/added.json', '');
  expect(compareFolders(join(root, 'before'), join(root, 'after'))).toEqual([
    'changed a/changed.onnx',
    'added   b/added.json',
    'removed removed.json',
  ]);
});
