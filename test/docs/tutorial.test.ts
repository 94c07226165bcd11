/** The tutorial, followed from its first command to its last. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { type Built, buildPackage, REPOSITORY } from './built.ts';
import { follow, installCommand, MARKS } from './follow.ts';
import { codeBlocks } from './markdown.ts';

const blocks = codeBlocks(readFileSync(join(REPOSITORY, 'docs/tutorial.md'), 'utf8'));

let built: Built;
beforeAll(() => {
  built = buildPackage();
  installCommand(built);
});

it('has a mark at each block, and only such as mean something', () => {
  for (const { marks, line } of blocks) {
    expect(marks.length, `line ${line}`).toBeGreaterThan(0);
    for (const mark of marks) expect(mark, `line ${line}`).toMatch(MARKS);
  }
});

it('has every command that it promises', () => {
  const commands = blocks
    .filter(({ marks }) => marks.includes('run') || marks.includes('fails'))
    .flatMap(({ text }) => [...text.matchAll(/^mdl (\w+)/gm)].map((match) => match[1]!));
  expect([...new Set(commands)]).toEqual([
    'init',
    'summary',
    'check',
    'train',
    'evaluate',
    'generate',
    'diff',
    'compile',
  ]);
});

it('shows commands that do what it says', { timeout: 240_000 }, () => follow(blocks, built));
