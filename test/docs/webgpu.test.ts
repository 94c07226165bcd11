/** docs/webgpu.md does what it shows: its blocks marked `run`, and its program for Node where there is an adapter. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { unavailable } from '../support/adapter.ts';
import { packedRunsHere } from '../support/unpack.ts';
import { type Built, buildPackage, REPOSITORY } from './built.ts';
import { codeBlocks } from './markdown.ts';

const page = readFileSync(join(REPOSITORY, 'docs/webgpu.md'), 'utf8');
const blocks = codeBlocks(page);
let built: Built;
beforeAll(() => {
  built = buildPackage();
});

it('compiles, explains, and lists the files that are written', { timeout: 180_000 }, async () => {
  const outputs: string[] = [];
  for (const { text, line } of blocks.filter(({ marks }) => marks[0] === 'run')) {
    const { code, stdout, stderr } = await built.run(`set -e\nmdl() { node dist/mdl.js "$@"; }\n${text}`);
    expect(code, `line ${line}: ${stdout}${stderr}`).toBe(0);
    outputs.push(stdout);
  }
  expect(outputs[0]).toContain('createTinyGPTV(device, weights)');
  expect(outputs[1]).toContain('decode at B = 1, P = 512, T = 1');
  const { stdout } = await built.run('ls out/nano-webgpu');
  for (const file of stdout.trim().split('\n')) expect(page, file).toContain(`\`${file}\``);
});

it.skipIf(unavailable)('runs in Node as shown', { timeout: 180_000 }, async () => {
  const program = blocks.find(({ marks }) => marks[0] === 'file: use.mjs')!;
  writeFileSync(join(built.folder, 'use.mjs'), program.text);
  const { code, stdout, stderr } = await built.run('node use.mjs');
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^\[ 1, 8, 128 \]\n(\d+\n){4}webgpu \(.+\)\n$/);
});

it.skipIf(!packedRunsHere)('finds SwiftShader as shown, where there is no GPU', { timeout: 180_000 }, async () => {
  const unpack = blocks.find(({ marks }) => marks[0] === 'file: swiftshader.mjs')!;
  const shell = blocks.find(({ marks }) => marks[0] === 'software')!;
  writeFileSync(join(built.folder, 'swiftshader.mjs'), unpack.text);
  const program = blocks.find(({ marks }) => marks[0] === 'file: use.mjs')!;
  writeFileSync(join(built.folder, 'use.mjs'), program.text);
  const bare = 'unset VK_DRIVER_FILES VK_ICD_FILENAMES LD_LIBRARY_PATH';
  const { code, stdout, stderr } = await built.run(`set -e\n${bare}\n${shell.text}`);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^\[ 1, 8, 128 \]\n(\d+\n){4}webgpu \(swiftshader\b.*\)\n$/);
});

it('names the versions that the tests run on', () => {
  const { devDependencies } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  for (const name of ['webgpu', '@sparticuz/chromium']) expect(page).toContain(`${name}@${devDependencies[name]}`);
});
