/** Words that must not be in the sources; each case is put together here so that this file does not contain them. */
import { describe, expect, it } from 'vitest';
import { findForbidden } from '../../scripts/sources.ts';

const found = (file: string, text: string): string[] => findForbidden(file, text).map((f) => `${f.line} ${f.text}`);

describe('forbidden words', () => {
  it.each([
    ['src/a.ts', `const path = '/${'home'}/someone/file';`],
    ['docs/a.md', `see /${'tmp'}/file`],
    ['.ci/run', `cd /${'work'}/main`],
    ['src/a.ts', `// ${'TO'}${'DO'}: later`],
    ['README.md', `${'FIX'}${'ME'}`],
    ['src/a.ts', `function f(x: ${'an'}${'y'}) {}`],
    ['src/a.ts', `const x = y as ${'an'}${'y'};`],
    ['src/a.ts', `const x: Map<${'an'}${'y'}> = y;`],
    ['src/a.ts', `// @ts-${'ignore'}`],
    ['test/a.test.ts', `it.${'only'}('x', () => {});`],
    ['test/a/support.ts', `const folder = mkdtemp${'Sync'}(join(tmpdir(), 'x-'));`],
  ])('%s: %s', (file, text) => {
    expect(found(file, `first line\n${text}\n`)).toHaveLength(1);
    expect(found(file, `first line\n${text}\n`)[0]).toMatch(/^2 /);
  });

  it.each([
    ['src/a.ts', "const url = 'https://example.org/tmp/x';"],
    ['src/a.ts', "import x from '../tmp/x.ts';"],
    ['src/a.ts', '// takes a name: any letter'],
    ['src/a.ts', " * the rest: any value that isn't null"],
    ['src/a.ts', "const text = 'expected: any number';"],
    ['src/a.ts', 'const x: anything = 1;'],
    ['docs/a.md', 'as any reader sees'],
    ['scripts/a.ts', "const folder = mkdtempSync(join(tmpdir(), 'x-'));"],
  ])('%s may have %s', (file, text) => {
    expect(found(file, text)).toEqual([]);
  });
});
