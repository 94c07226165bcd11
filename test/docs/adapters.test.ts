/** docs/adapters.md does what it shows: its blocks marked `run` and `file: NAME`, in order, on a package just built; those `shown` are Python. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { type Built, buildPackage, REPOSITORY } from './built.ts';
import { codeBlocks } from './markdown.ts';

const blocks = codeBlocks(readFileSync(join(REPOSITORY, 'docs/adapters.md'), 'utf8'));
let built: Built;
beforeAll(() => {
  built = buildPackage();
  // a tiny model of this architecture, and its corpus
  cpSync(join(REPOSITORY, 'test/fixtures/folders/smollm2'), join(built.folder, 'SmolLM2-135M'), { recursive: true });
  mkdirSync(join(built.folder, 'corpus'));
  writeFileSync(join(built.folder, 'corpus/a.txt'), 'once upon a time there was a small model\n'.repeat(200));
});

it('runs, and its adapters differ', { timeout: 180_000 }, async () => {
  let output = '';
  for (const { marks, text, line } of blocks) {
    const [mark] = marks;
    expect(mark, `line ${line}`).toMatch(/^(run|shown|file: [\w.]+)$/);
    if (mark === 'shown') continue;
    if (mark === 'run') {
      const { code, stdout, stderr } = await built.run(`set -e\nmdl() { node dist/mdl.js "$@"; }\n${text}`);
      expect(code, `line ${line}: ${stdout}${stderr}`).toBe(0);
      output = stdout;
    } else writeFileSync(join(built.folder, mark!.slice('file: '.length)), text);
  }
  // the last block is swap.mjs
  const lines = output.trim().split('\n');
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['long', 'short', 'default', 'null', 'default']);
  expect(lines[4]).toBe('default long short');
  const [long, short, own, none] = lines.slice(0, 4).map((line) => line.split(' ')[1]);
  expect(own).toBe(short); // the base weights came with the adapter of the first run
  expect(new Set([long, short, none]).size).toBe(3);
});
