/**
 * docs/api/*.md: one page for each entry point of the package, from the signatures and comments of what it exports. A
 * function or a class without a comment is a problem: nobody should have to read its body.
 */
import { readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { type ExportedDeclarations, type Node, Project } from 'ts-morph';
import { entryText, headComment, isDocumented, kindOf, type MemberKind } from './api/entry.ts';
import type { GeneratedFile, Generator } from './files.ts';

export interface EntryPoint {
  /** `mdl-compiler/runtime` */
  readonly specifier: string;
  /** `src/runtime/index.ts` */
  readonly source: string;
  /** the page's twin, where pages get another */
  readonly browser?: string;
}

interface ExportTarget {
  readonly types?: string;
  readonly browser?: { readonly types: string };
}

const SECTIONS: readonly (readonly [MemberKind, string])[] = [
  ['function', 'Functions'],
  ['class', 'Classes'],
  ['constant', 'Constants'],
  ['type', 'Types'],
];

const sourceOf = (types: string): string => types.replace(/^\.\/dist\/types\//, '').replace(/\.d\.ts$/, '.ts');

/** What package.json's `exports` offers with types. */
export function entryPoints(packageJson: string): readonly EntryPoint[] {
  const { name, exports } = JSON.parse(packageJson) as { name: string; exports: Record<string, ExportTarget | string> };
  return Object.entries(exports).flatMap(([path, target]) => {
    if (typeof target === 'string' || target.types === undefined) return [];
    const browser = target.browser && { browser: sourceOf(target.browser.types) };
    return [{ specifier: posix.join(name, path), source: sourceOf(target.types), ...browser }];
  });
}

/** What an entry point exports, by name, with where it is declared. */
function exportsOf(project: Project, root: string, path: string): ReadonlyMap<string, ExportedDeclarations> {
  const file = project.getSourceFileOrThrow(join(root, path));
  const found = new Map<string, ExportedDeclarations>();
  for (const [name, [declaration]] of file.getExportedDeclarations()) if (declaration) found.set(name, declaration);
  return found;
}

/** @throws Error that lists the functions and classes without a comment */
export function apiPage(project: Project, root: string, { specifier, source, browser }: EntryPoint): string {
  const found = exportsOf(project, root, source);
  const inPage = browser === undefined ? undefined : exportsOf(project, root, browser);
  const silent = [...found].filter(([, declaration]) => !isDocumented(declaration)).map(([name]) => name);
  if (silent.length > 0) throw new Error(`${specifier} exports without a comment: ${silent.join(', ')}`);
  const place = (declaration: Node): string =>
    relative(root, declaration.getSourceFile().getFilePath()).replaceAll('\\', '/');
  const lines = [
    `<!-- generated from ${source} by scripts/generate.ts; do not edit, run \`npm run generate\` -->`,
    '',
    `# ${specifier}`,
    '',
    ...[headComment(project.getSourceFileOrThrow(join(root, source)))].flatMap((text) =>
      text === undefined ? [] : [text, ''],
    ),
    '```ts',
    `import { … } from '${specifier}';`,
    '```',
  ];
  for (const [kind, title] of SECTIONS) {
    const names = [...found.keys()].filter((name) => kindOf(found.get(name)!) === kind).sort(byName);
    if (names.length === 0) continue;
    lines.push('', `## ${title}`);
    for (const name of names) {
      const declaration = found.get(name)!;
      const only = inPage && !inPage.has(name) ? ' In Node only.' : '';
      const link = `\`${place(declaration)}\``;
      lines.push('', `### ${name}`, '', ...entryText(name, declaration), '', `${link}.${only}`);
    }
  }
  const pageOnly = [...(inPage?.keys() ?? [])].filter((name) => !found.has(name)).sort(byName);
  if (pageOnly.length > 0)
    lines.push('', `In pages there are also ${pageOnly.map((name) => `\`${name}\``).join(', ')}.`);
  return `${lines.join('\n')}\n`;
}

const byName = (a: string, b: string): number =>
  a.toLowerCase().localeCompare(b.toLowerCase(), 'en') || (a < b ? -1 : 1);

export const api: Generator = {
  name: 'the API pages',
  inputs: ['package.json', 'tsconfig.json'],
  folder: 'docs/api',
  async generate(root): Promise<readonly GeneratedFile[]> {
    const points = entryPoints(readFileSync(join(root, 'package.json'), 'utf8'));
    const project = new Project({
      tsConfigFilePath: join(root, 'tsconfig.json'),
      skipAddingFilesFromTsConfig: true,
    });
    for (const { source, browser } of points)
      project.addSourceFilesAtPaths([source, browser].flatMap((path) => (path ? [join(root, path)] : [])));
    project.resolveSourceFileDependencies();
    return points.map((point) => {
      const name = point.specifier.split('/').slice(1).join('-') || 'compiler';
      return { path: `docs/api/${name}.md`, text: apiPage(project, root, point) };
    });
  },
};
