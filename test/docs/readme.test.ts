/**
 * The README's commands, run as it shows them on a package that was just built. Marks before its code blocks:
 * `file: NAME` is written to NAME, `replace: A => B` changes that file first, `run` must succeed and `fails` exit with 1,
 * `prints` follows one of these and its lines must be in the output (`…` stands for anything). The block marked
 * `scripts` is what brings a reader to these tests, so its scripts are looked up and only the demo is run.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Built, buildPackage, REPOSITORY } from './built.ts';
import { codeBlocks, localLinks } from './markdown.ts';

const README = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
const blocks = codeBlocks(README);
const KNOWN_MARKS = /^(file: [\w.-]+|replace: .+ => .+|run|fails|prints|scripts)$/;

let built: Built;
beforeAll(() => {
  built = buildPackage();
});
afterAll(() => built?.remove());

/** Whether the lines of `wanted` are in `output`, in their order. */
function missingLines(wanted: string, output: string): string[] {
  const lines = output.split('\n').map((line) => line.trim());
  let at = 0;
  return wanted.split('\n').filter((line) => {
    if (line.trim() === '') return false;
    const words = line
      .trim()
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    // diagnostics number their lines, the README does not
    const pattern = new RegExp(`^(\\d+ )?${words.join('.*')}$`);
    const found = lines.findIndex((candidate, i) => i >= at && pattern.test(candidate));
    if (found >= 0) at = found + 1;
    return found < 0;
  });
}

it('has only marks that mean something', () => {
  for (const { marks, line } of blocks) for (const mark of marks) expect(mark, `line ${line}`).toMatch(KNOWN_MARKS);
  expect(blocks.filter(({ marks }) => marks.includes('run') || marks.includes('fails')).length).toBeGreaterThan(3);
});

it('shows commands that do what it says', { timeout: 120_000 }, async () => {
  let file = '';
  let output = '';
  for (const { marks, text, line } of blocks) {
    const name = marks.find((mark) => mark.startsWith('file: '))?.slice('file: '.length);
    if (name !== undefined) {
      file = join(built.folder, name);
      writeFileSync(file, text);
    }
    const [before, after] =
      marks
        .find((mark) => mark.startsWith('replace: '))
        ?.slice('replace: '.length)
        .split(' => ') ?? [];
    if (before !== undefined && after !== undefined) {
      const old = readFileSync(file, 'utf8');
      expect(old, `line ${line}`).toContain(before);
      writeFileSync(file, old.replace(before, after));
    }
    if (marks.includes('run') || marks.includes('fails')) {
      const { code, stdout, stderr } = await built.run(`set -e\n${text}`);
      output = stdout + stderr;
      expect(code, `line ${line}: ${output}`).toBe(marks.includes('fails') ? 1 : 0);
    }
    if (marks.includes('prints')) expect(missingLines(text, output), `line ${line}: ${output}`).toEqual([]);
  }
});

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
];

it.each(DOCUMENTS)('%s links to files that are there, and names scripts that are', (document) => {
  const text = readFileSync(join(REPOSITORY, document), 'utf8');
  const folder = join(REPOSITORY, document, '..');
  expect(localLinks(text).filter((target) => !existsSync(join(folder, target)))).toEqual([]);
  const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { scripts: object };
  const named = [...text.matchAll(/npm run ([\w:]+)/g)].map((match) => match[1]!);
  expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});
