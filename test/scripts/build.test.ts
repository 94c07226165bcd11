/** The bundles, made from a project of a few lines. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, it } from 'vitest';
import { folderWith } from '../support/folder.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

const FILES = {
  'package.json': '{ "type": "module" }',
  'src/compiler/cli/main.ts':
    "const { heavy } = await import('./heavy.ts');\nconsole.log(heavy(process.argv[2] ?? ''));\n",
  'src/compiler/cli/heavy.ts':
    "export const heavy = (text: string): string => 'heavy ' + text;\nexport const fail = (): never => {\n  throw new Error('here');\n};\n",
  'src/compiler/index.ts': "import { createToken } from 'chevrotain';\nexport const token = createToken;\n",
  'src/compiler/workbench/library.ts': "export const train = 'here';\n",
  'src/compiler/workbench/library.browser.ts': "export const train = 'in a page';\n",
  'src/package/runtime.ts': "import { readFileSync } from 'node:fs';\nexport const read = readFileSync;\n",
  'src/package/runtime.browser.ts':
    "import * as ort from 'onnxruntime-web';\nimport { decode } from 'fast-png';\nexport { decode, ort };\n",
  'src/runtime/webgpu/index.ts': "export const gpu = async () => (await import('webgpu')).create([]);\n",
  'src/viewer/page.ts': 'document.title = document.documentElement.lang;\n',
  'src/runtime/webgpu/index.browser.ts': 'export const { gpu } = navigator;\n',
};

let root = '';
beforeEach(() => {
  root = folderWith();
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  mkdirSync(join(root, 'scripts'));
  for (const file of ['build.mjs', 'notices.mjs'])
    copyFileSync(join(repository, 'scripts', file), join(root, 'scripts', file));
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'), 'dir');
});

const build = (...options: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [join(root, 'scripts/build.mjs'), ...options], { encoding: 'utf8' });

it('writes declarations with --types, and fails where there are none to write', () => {
  const compilerOptions = {
    declaration: true,
    emitDeclarationOnly: true,
    outDir: 'dist/types',
    rootDir: '.',
    types: [],
  };
  const include = ['src/compiler/workbench/library.ts'];
  writeFileSync(join(root, 'tsconfig.types.json'), JSON.stringify({ compilerOptions, include }));
  expect(build('--types')).toMatchObject({ status: 0, stderr: '' });
  const written = join(root, 'dist/types/src/compiler/workbench/library.d.ts');
  expect(readFileSync(written, 'utf8')).toBe('export declare const train = "here";\n');
  writeFileSync(join(root, 'src/compiler/workbench/library.ts'), "export const train: number = 'here';\n");
  expect(build('--types')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('declarations were not written'),
  });
});

it('builds a program that runs by itself and loads its commands when needed', () => {
  expect(build()).toMatchObject({ status: 0, stderr: '' });
  const program = join(root, 'dist/mdl.js');
  expect(readFileSync(program, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  expect(statSync(program).mode & 0o111).toBe(0o111);
  expect(execFileSync(program, ['x'], { encoding: 'utf8' })).toBe('heavy x\n');
  expect(readFileSync(program, 'utf8')).not.toContain('"heavy "');
});

it('shifts the source map by the line of the hashbang', () => {
  build();
  const map: { mappings: string } = JSON.parse(readFileSync(join(root, 'dist/mdl.js.map'), 'utf8'));
  const code = readFileSync(join(root, 'dist/mdl.js'), 'utf8').split('\n');
  // the first mapped line is the first line that comes from a source: lines before it have empty mappings
  const first = map.mappings.split(';').findIndex((line) => line !== '');
  expect(code[first]).toContain('await import(');
});

it('brings packages along for pages and the compiler; backends stay outside', () => {
  build();
  expect(readFileSync(join(root, 'dist/compiler.js'), 'utf8')).not.toContain('from "chevrotain"');
  expect(readFileSync(join(root, 'dist/webgpu.js'), 'utf8')).toContain('import("webgpu")');
  const page = readFileSync(join(root, 'dist/runtime.browser.js'), 'utf8');
  expect(page).toContain('from "onnxruntime-web"');
  expect(page).not.toContain('from "fast-png"');
  expect(page).not.toMatch(/from "node:/);
});

it('takes the chunks of earlier builds away', () => {
  build();
  const before = readdirSync(join(root, 'dist/chunks'));
  writeFileSync(
    join(root, 'src/compiler/cli/heavy.ts'),
    "export const heavy = (text: string): string => 'light ' + text;\n",
  );
  build();
  const after = readdirSync(join(root, 'dist/chunks'));
  expect(after).toHaveLength(before.length);
  expect(after).not.toEqual(before);
});

it('says which entry is missing, and fails on errors in the source', () => {
  rmSync(join(root, 'src/compiler/index.ts'));
  expect(build()).toMatchObject({
    status: 1,
    stderr: 'build: src/compiler/index.ts not found: scripts/build.mjs names the entries, and each must exist\n',
  });
  writeFileSync(join(root, 'src/compiler/index.ts'), "import './lost.ts';\n");
  const { status, stderr } = build();
  expect(status).toBe(1);
  expect(stderr).toContain('Could not resolve "./lost.ts"');
});
