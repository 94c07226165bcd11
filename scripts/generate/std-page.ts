/** docs/std.md: every module, adapter and function of the standard library, from its sources: what is called, what it holds, what it means. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DiagnosticBag } from '../../src/compiler/diagnostics/diagnostic.ts';
import { createSource } from '../../src/compiler/diagnostics/span.ts';
import { type Documented, documentedOf, signatureLines, written } from '../../src/compiler/std-signatures.ts';
import type * as ast from '../../src/compiler/syntax/ast.ts';
import { parseFile } from '../../src/compiler/syntax/parse.ts';
import type { Generator } from './files.ts';

const FOLDER = 'src/compiler/std';

const HEAD = `<!-- generated from ${FOLDER} by scripts/generate.ts; do not edit, run \`npm run generate\` -->
# Standard library

What \`import { Linear } from "std"\` can name; it is [written in MDL](../${FOLDER}/std.mdl), and an editor goes to it.
[Built-in functions](builtins.md) need no import.

A capital letter in a shape (\`B\`, \`T\`, \`N\`) is whatever size comes in, \`...\` any axes. Arguments with \`=\` may be left out. A
parameter's name, after that of the submodule, is its key in a checkpoint. A function without shapes takes tensors of
any, or compile-time numbers, as its text says.
`;

/** A file of the library by the name that imports it: `std`, `std/int4`. */
export interface StdFile {
  readonly name: string;
  readonly text: string;
}

export const stdPage: Generator = {
  name: 'the page of the standard library',
  inputs: [FOLDER],
  async generate(root) {
    const names = readdirSync(join(root, FOLDER)).filter((name) => name.endsWith('.mdl'));
    const files = names.map((name) => ({
      name: name === 'std.mdl' ? 'std' : `std/${name.slice(0, -4)}`,
      text: readFileSync(join(root, FOLDER, name), 'utf8').replaceAll('\r\n', '\n'),
    }));
    const order = files.sort((a, b) => (a.name < b.name ? -1 : 1));
    return [{ path: 'docs/std.md', text: pageOf(order) }];
  },
};

/** @throws Error where a file has syntax errors, or a declaration no doc comment */
export function pageOf(files: readonly StdFile[]): string {
  return [HEAD, ...files.map(fileSection)].join('\n');
}

function fileSection({ name, text }: StdFile): string {
  const bag = new DiagnosticBag();
  const declarations = documentedOf(parseFile(createSource(`${name}.mdl`, text), bag)?.declarations ?? []);
  const [problem] = bag.sorted();
  if (problem) throw new Error(`${name}: ${problem.message}`);
  const undocumented = declarations.filter(({ doc }) => doc === '').map((one) => one.name.text);
  if (undocumented.length > 0) throw new Error(`${name}: no doc comment above ${undocumented.join(', ')}`);
  const groups = [
    ['Modules', declarations.filter(({ kind }) => kind === 'module')],
    ['Adapters', declarations.filter(({ kind }) => kind === 'adapter')],
    ['Functions', declarations.filter(({ kind }) => kind === 'function')],
  ] as const;
  const present = groups.filter(([, of]) => of.length > 0);
  const index = present.map(([title, of]) => `- ${title}: ${of.map((one) => link(one.name.text)).join(', ')}\n`);
  const sections = present.flatMap(([title, of]) => [`### ${title} of \`${name}\`\n`, ...of.map(section)]);
  return [`## \`import { … } from "${name}"\`\n`, `${index.join('')}`, ...sections].join('\n');
}

const link = (name: string): string => `[${name}](#${name.toLowerCase()})`;

function section(one: Documented): string {
  const held = one.kind === 'function' ? [] : one.members.flatMap(memberRow);
  const table =
    held.length === 0 ? '' : `${['| Holds | Shape | Starts from |', '| --- | --- | --- |', ...held].join('\n')}\n`;
  return `#### ${one.name.text}\n\n\`\`\`\n${signatureLines(one).join('\n')}\n\`\`\`\n\n${prose(one.doc)}\n${table === '' ? '' : `\n${table}`}`;
}

/** The comment as paragraphs; an example is one of its own. */
function prose(doc: string): string {
  return doc
    .replaceAll('<', '\\<')
    .replace(/(?:^|\s)Example: /, '\n\nExample: ')
    .trim();
}

/** A row for a parameter, a buffer, a submodule. */
function memberRow(member: ast.Member): string[] {
  if (member.kind === 'param') {
    const kind = member.buffer ? 'buffer ' : '';
    return [row(`${kind}${member.name.text}`, written(member.type.span), written(member.init.span))];
  }
  return member.kind === 'submodule' ? [row(member.name.text, written(member.value.span), '')] : [];
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => (cell === '' ? '' : `\`${cell.replaceAll('|', '\\|')}\``)).join(' | ')} |`;
}
