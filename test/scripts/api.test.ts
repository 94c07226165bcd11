/** The API pages, made from a package of a few lines. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { api, entryPoints } from '../../scripts/generate/api.ts';
import { folderWith } from '../support/folder.ts';

const PACKAGE = {
  name: 'small',
  exports: {
    '.': { types: './dist/types/src/index.d.ts', default: './dist/index.js' },
    './half': {
      browser: { types: './dist/types/src/half.browser.d.ts' },
      types: './dist/types/src/half.d.ts',
      default: './dist/half.js',
    },
    './package.json': './package.json',
  },
};
const FILES: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify(PACKAGE),
  'tsconfig.json': '{ "compilerOptions": { "allowImportingTsExtensions": true, "noEmit": true } }',
  'src/index.ts': `/** What the package is. */
export { twice } from './twice.ts';
export type { Size } from './size.ts';
`,
  'src/twice.ts': `import type { Size } from './size.ts';
/**
 * Two of a size.
 * @param size in pixels
 * @returns a new size
 */
export function twice({ side }: Size, times = 2): Size {
  return { side: side * times };
}
`,
  'src/size.ts': 'export interface Size {\n  /** in pixels */\n  readonly side: number;\n}\n',
  'src/half.ts': `export { Half } from './class.ts';
/** Opens a file. */
export const open = (path: string): string => path;
`,
  'src/half.browser.ts': "export { Half } from './class.ts';\n/** Fetches. */\nexport const load = (): void => {};\n",
  'src/class.ts': `/**
 * A half, as
 *
 *   half ─▶ whole
 */
export interface Unused {}
export class Half {
  private readonly hidden = 1;
  /** Its other half. */
  other(): number {
    return this.hidden;
  }
}
`,
};

let root = '';
beforeEach(() => {
  root = folderWith();
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
});

it('entry points are what package.json exports with types', () => {
  expect(entryPoints(FILES['package.json']!)).toEqual([
    { specifier: 'small', source: 'src/index.ts' },
    { specifier: 'small/half', source: 'src/half.ts', browser: 'src/half.browser.ts' },
  ]);
});

it('a page has signatures without bodies, comments, tags and places', async () => {
  const [page] = await api.generate(root);
  expect(page!.path).toBe('docs/api/compiler.md');
  expect(page!.text).toContain('# small\n\nWhat the package is.\n');
  expect(page!.text).toContain(`### twice

\`\`\`ts
function twice(size: Size, times = 2): Size;
\`\`\`

Two of a size.

- param \`size\`: in pixels
- returns: a new size

\`src/twice.ts\`.
`);
  expect(page!.text).toContain('interface Size {\n  /** in pixels */\n  readonly side: number;\n}\n');
});

it('a class has its public members and the head of its file; what one host lacks is said', async () => {
  const [, page] = await api.generate(root);
  expect(page!.path).toBe('docs/api/half.md');
  expect(page!.text).toContain('class Half {\n  /** Its other half. */\n  other(): number;\n}\n');
  expect(page!.text).toContain('A half, as\n\n    half ─▶ whole');
  expect(page!.text).toContain('`src/half.ts`. In Node only.');
  expect(page!.text).toContain('In pages there are also `load`.');
});

it('what is called has a comment', async () => {
  writeFileSync(join(root, 'src/twice.ts'), 'export function twice(): void {}\n');
  await expect(api.generate(root)).rejects.toThrow('small exports without a comment: twice');
});
