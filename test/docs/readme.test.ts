/**
 * The README's commands, run as it shows them on a package that was just built (follow.ts has the marks). The block marked
 * `scripts` is what brings a reader to these tests, so its scripts are looked up and only the demo is run.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { type Built, buildPackage, REPOSITORY } from './built.ts';
import { follow, MARKS } from './follow.ts';
import { codeBlocks, localLinks } from './markdown.ts';

const README = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
const blocks = codeBlocks(README);

let built: Built;
beforeAll(() => {
  built = buildPackage();
});

it('has only marks that mean something', () => {
  for (const { marks, line } of blocks)
    for (const mark of marks)
      expect(mark, `line ${line}`).toSatisfy((text: string) => text === 'scripts' || MARKS.test(text));
  expect(blocks.filter(({ marks }) => marks.includes('run') || marks.includes('fails')).length).toBeGreaterThan(3);
});

it('shows commands that do what it says', { timeout: 120_000 }, () => follow(blocks, built));

// the demo itself runs for minutes: .ci/run runs it, and test/cli/generate.test.ts a short one
it('names scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const [block] = blocks.filter(({ marks }) => marks.includes('scripts'));
  const named = [...block!.text.matchAll(/npm (?:run )?(\w+)/g)]
    .map((match) => match[1]!)
    .filter((name) => name !== 'ci');
  expect(named).toEqual(['demo', 'test']);
  for (const name of named) expect(scripts[name]).toBeDefined();
});

const DOCUMENTS = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'docs/cli.md',
  'docs/webgpu.md',
  'docs/performance.md',
  'docs/rejected.md',
  'docs/language.md',
  'docs/tutorial.md',
];

it.each(DOCUMENTS)('%s links to files that are there, and names scripts that are', (document) => {
  const text = readFileSync(join(REPOSITORY, document), 'utf8');
  const folder = join(REPOSITORY, document, '..');
  expect(localLinks(text).filter((target) => !existsSync(join(folder, target)))).toEqual([]);
  const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { scripts: object };
  const named = [...text.matchAll(/npm run ([\w:]+)/g)].map((match) => match[1]!);
  expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});
