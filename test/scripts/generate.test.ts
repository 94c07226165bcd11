/** Generated files: what the generators make of small inputs, and how stale files are found. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createToken, EmbeddedActionsParser } from 'chevrotain';
import { beforeEach, describe, expect, it } from 'vitest';
import { diagnosticsPage, messageTemplate } from '../../scripts/generate/diagnostics.ts';
import { type Generator, runGenerators } from '../../scripts/generate/files.ts';
import { type GrammarRule, grammarFiles } from '../../scripts/generate/grammar.ts';
import { opsPage, readAttributes } from '../../scripts/generate/ops.ts';
import { std } from '../../scripts/generate/std.ts';
import { folderWith } from '../support/folder.ts';

let root = '';
beforeEach(() => {
  root = folderWith();
});

describe('running generators', () => {
  const twoFiles: Generator = {
    name: 'two',
    inputs: [],
    folder: 'docs/two',
    generate: async () => [
      { path: 'docs/two/a.md', text: 'a' },
      { path: 'docs/two/b.md', text: 'b' },
    ],
  };

  it('writes what is missing or different and then finds it current', async () => {
    const all = ['docs/two/a.md', 'docs/two/b.md'];
    expect(await runGenerators(root, [twoFiles], true)).toEqual({ written: [], stale: all, problems: [] });
    expect(existsSync(join(root, 'docs'))).toBe(false);
    expect(await runGenerators(root, [twoFiles], false)).toEqual({ written: all, stale: all, problems: [] });
    expect(readFileSync(join(root, 'docs/two/b.md'), 'utf8')).toBe('b');
    expect(await runGenerators(root, [twoFiles], true)).toEqual({ written: [], stale: [], problems: [] });
  });

  it('takes what is left over in its folder away', async () => {
    await runGenerators(root, [twoFiles], false);
    writeFileSync(join(root, 'docs/two/old.md'), '');
    expect((await runGenerators(root, [twoFiles], true)).stale).toEqual(['docs/two/old.md']);
    expect(existsSync(join(root, 'docs/two/old.md'))).toBe(true);
    await runGenerators(root, [twoFiles], false);
    expect(existsSync(join(root, 'docs/two/old.md'))).toBe(false);
  });

  it('names missing inputs and failures and goes on', async () => {
    const lost: Generator = { ...twoFiles, name: 'lost', inputs: ['no/such.ts'] };
    const broken: Generator = { ...twoFiles, name: 'broken', generate: () => Promise.reject(new Error('no luck')) };
    const { problems, written } = await runGenerators(root, [lost, broken, twoFiles], false);
    expect(problems).toEqual(['lost needs no/such.ts, which is not there', 'broken failed: no luck']);
    expect(written).toHaveLength(2);
  });
});

it('embeds the standard library sorted, with line ends of one kind', async () => {
  mkdirSync(join(root, 'src/compiler/std'), { recursive: true });
  writeFileSync(join(root, 'src/compiler/std/b.mdl'), 'let "b"\r\n');
  writeFileSync(join(root, 'src/compiler/std/a.mdl'), '');
  const [file] = await std.generate(root);
  expect(file?.path).toBe('src/compiler/std/std.generated.ts');
  expect(file?.text.split('\n').slice(1)).toEqual([
    'export const STD_FILES: Readonly<Record<string, string>> = {',
    '  "std/a.mdl": "",',
    '  "std/b.mdl": "let \\"b\\"\\n",',
    '};',
    '',
  ]);
});

describe('the grammar pages', () => {
  const Name = createToken({ name: 'Name', pattern: /[a-z]+/, label: 'a name' });
  const Comma = createToken({ name: 'Comma', pattern: /,/, label: "','" });
  const Less = createToken({ name: 'Less', pattern: /</, label: "'<'" });

  class Small extends EmbeddedActionsParser {
    constructor() {
      super([Less, Comma, Name]);
      this.performSelfAnalysis();
    }
    list = this.RULE('list', () => {
      this.MANY_SEP({ SEP: Comma, DEF: () => this.SUBRULE(this.item) });
      this.OPTION(() => this.CONSUME(Less));
    });
    item = this.RULE('item', () => {
      this.OR([
        { ALT: () => this.AT_LEAST_ONE(() => this.CONSUME(Name)) },
        {
          ALT: () => {
            this.CONSUME(Less);
            this.MANY(() => {
              this.CONSUME2(Name);
              this.CONSUME(Comma);
            });
          },
        },
      ]);
    });
  }

  it('gives every rule as EBNF and as a diagram', () => {
    const rules = new Small().getSerializedGastProductions() as unknown as readonly GrammarRule[];
    const files = grammarFiles(rules);
    expect(files.map((file) => file.path)).toEqual([
      'docs/grammar.md',
      'docs/grammar/list.svg',
      'docs/grammar/item.svg',
    ]);
    const [page, list, item] = files.map((file) => file.text);
    expect(page).toContain("list ::= ( item ( ',' item )* )? '<'?\n");
    expect(page).toContain("item ::= Name+ | '<' ( Name ',' )*\n");
    expect(page).toContain('Name ::= /[a-z]+/\n');
    expect(list).toMatch(/^<svg .*<\/svg>\n$/s);
    expect(list).toContain("'&lt;'"); // escaped
    expect(item?.match(/<text/g)).toHaveLength(4);
    expect(item).not.toMatch(/NaN|undefined/);
  });
});

describe('the diagnostics page', () => {
  it('prints messages with the names of their details', () => {
    const message = (d: { file: string; names: readonly string[]; near: string | undefined }): string =>
      `${d.file} has ${d.names.length > 0 ? d.names.join(', ') : 'nothing'}${d.near === undefined ? '' : `, not ${d.near}`}`;
    expect(messageTemplate({ message, explanation: '' })).toBe('‹file› has ‹names›, not ‹near›');
    expect(messageTemplate({ explanation: '' })).toBeUndefined();
  });

  it('has every code of the three catalogues', () => {
    const page = diagnosticsPage(
      {
        E0002: { title: 'two', explanation: 'Second.', example: 'let x\n' },
        E0001: { title: 'one', explanation: 'First.' },
      },
      { R0101: { message: () => 'short', explanation: 'Is `a<b>` or <b> or __c__.' } },
      { C0102: { explanation: 'Later.' }, C0101: { explanation: 'Sooner.' } },
    );
    expect(page).toContain('### E0001: one\n\nFirst.\n\n### E0002: two\n\nSecond.\n\n```mdl\nlet x\n```\n');
    expect(page).toContain('## Runtime\n\n### R0101\n\n> short\n\nIs `a<b>` or \\<b> or \\_\\_c\\_\\_.\n');
    expect(page).toContain('## Command line\n\n### C0101\n\nSooner.\n\n### C0102\n\nLater.\n');
  });
});

describe('the op page', () => {
  it('reads attributes and their comments from the one list', () => {
    const path = fileURLToPath(new URL('../../src/compiler/ops/attributes.ts', import.meta.url));
    const attributes = readAttributes(path);
    expect(attributes.get('relu')).toEqual({ comment: '', attributes: [] });
    expect(attributes.get('layer_norm')?.attributes).toEqual([{ name: 'eps', type: 'number' }]);
    expect(attributes.get('layer_norm')?.comment).toContain('over the last axis');
  });

  it('prints signature, meaning, attributes and traits', () => {
    const op = {
      name: 'concat',
      doc: 'Joins.',
      operands: [{ name: 'x' }, { name: 'rest', variadic: true }, { name: 'bias', optional: true }] as const,
      traits: { pointwise: true },
    };
    const axis = { comment: 'c', attributes: [{ name: 'axis', type: 'readonly number[]' }] };
    expect(opsPage([op], new Map([['concat', axis]]))).toContain(
      '## concat\n\n`concat(x, ...rest, bias?)`\n\nJoins.\n\nc\n\n- `axis`: `number[]`\n\nTraits: pointwise\n',
    );
  });
});
