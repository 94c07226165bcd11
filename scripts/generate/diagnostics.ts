/** docs/diagnostics.md: every code of the compiler, the runtime and the command line with its long form, as `mdl explain` prints it. */
import type { Generator } from './files.ts';

/** What the catalogues have in common. */
export interface CatalogueEntry {
  /** what the code is about, in a few words */
  readonly title?: string;
  /** makes the message from its details */
  readonly message?: (details: never) => string;
  readonly explanation: string;
  /** a complete file that provokes the code */
  readonly example?: string | undefined;
}

export type Catalogue = Readonly<Record<string, CatalogueEntry>>;

/** Stands for any detail in a message: prints as `‹name›`, whether used as text, a number or a list. */
function placeholder(name: string): unknown {
  const print = (): string => `‹${name}›`;
  return new Proxy(print, {
    get: (_, key) => (key === 'length' ? 1 : key === Symbol.iterator ? [print()][Symbol.iterator] : print),
  });
}

/** The message with `‹file›` in place of the details, or undefined where it computes with them. */
export function messageTemplate(entry: CatalogueEntry): string | undefined {
  if (!entry.message) return undefined;
  const details = new Proxy({}, { get: (_, key) => placeholder(String(key)) });
  try {
    return String(entry.message(details as never));
  } catch {
    return undefined;
  }
}

/** Plain text for Markdown: `<tags>` and `__names__` outside code spans would be taken for markup. */
function prose(text: string): string {
  return text
    .trim()
    .split(/(`[^`]*`)/)
    .map((part, i) => (i % 2 === 1 ? part : part.replaceAll(/[<*]|__/g, (mark) => mark.replaceAll(/./g, '\\$&'))))
    .join('');
}

function section(code: string, entry: CatalogueEntry): string {
  const title = entry.title === undefined ? '' : `: ${entry.title}`;
  const template = messageTemplate(entry);
  const message = template === undefined ? '' : `\n> ${prose(template)}\n`;
  const explanation = entry.explanation.trim() === '' ? '' : `\n${prose(entry.explanation)}\n`;
  const example = entry.example === undefined ? '' : `\n\`\`\`mdl\n${entry.example.trim()}\n\`\`\`\n`;
  return `### ${code}${title}\n${message}${explanation}${example}`;
}

export function diagnosticsPage(compiler: Catalogue, runtime: Catalogue, commandLine: Catalogue): string {
  const list = (catalogue: Catalogue): string[] =>
    Object.keys(catalogue)
      .sort()
      .map((code) => section(code, catalogue[code]!));
  return [
    '<!-- generated from src/compiler/diagnostics/catalogue.ts, src/runtime/catalogue.ts and src/compiler/workbench/errors.ts by scripts/generate.ts; do not edit -->\n# Diagnostics\n',
    'What each code means and what to do about it; `mdl explain CODE` prints the same. `‹…›` stands for details of the case.\n',
    '## Compiler\n',
    ...list(compiler),
    '## Runtime\n',
    ...list(runtime),
    '## Command line\n',
    ...list(commandLine),
  ].join('\n');
}

export const diagnostics: Generator = {
  name: 'diagnostics',
  inputs: [
    'src/compiler/diagnostics/catalogue.ts',
    'src/runtime/catalogue.ts',
    'src/compiler/workbench/errors.ts',
    'src/compiler/workbench/errors',
  ],
  async generate() {
    const [compiler, runtime, commandLine] = await Promise.all([
      import('../../src/compiler/diagnostics/catalogue.ts'),
      import('../../src/runtime/catalogue.ts'),
      import('../../src/compiler/workbench/errors.ts'),
    ]);
    const entries = Object.values(compiler.MESSAGES).map(({ code, text }): [string, CatalogueEntry] => {
      const entry = compiler.CATALOGUE[code];
      if (!entry) throw new Error(`${code} is a message of the catalogue without an entry`);
      return [code, { ...entry, message: text }];
    });
    const commands = Object.values(commandLine.CLI_CATALOGUE).map((entry): [string, CatalogueEntry] => [
      entry.code,
      entry,
    ]);
    const text = diagnosticsPage(Object.fromEntries(entries), runtime.CATALOGUE, Object.fromEntries(commands));
    return [{ path: 'docs/diagnostics.md', text }];
  },
};
