/**
 * docs/language.md compiles: every fenced `mdl` block is a file that compiles with all its entries, at each config and
 * with each flag on and off, or, marked `error=E0302`, one with that error and no other. `file=name.mdl` lets later
 * blocks import it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { builtinsPage } from '../../scripts/generate/builtins.ts';
import { pageOf } from '../../scripts/generate/std-page.ts';
import { BUILTINS } from '../../src/compiler/elaborate/builtins/index.ts';
import type { ModelOptions } from '../../src/compiler/elaborate/model.ts';
import { compile, memory, repository } from '../support/project.ts';

interface Block {
  readonly line: number;
  readonly text: string;
  readonly error: string | undefined;
  readonly file: string | undefined;
}

function blocksOf(page: string): Block[] {
  const opening = /^```mdl(?: error=(?<error>[EW]\d{4}))?(?: file=(?<file>[\w-]+\.mdl))?\n(?<text>[\s\S]*?)^```$/gm;
  return [...page.matchAll(opening)].map((match) => ({
    line: page.slice(0, match.index).split('\n').length,
    text: match.groups!.text!,
    error: match.groups!.error,
    file: match.groups!.file,
  }));
}

const docs = new URL('../../docs/', import.meta.url);
const page = readFileSync(new URL('language.md', docs), 'utf8');
const blocks = blocksOf(page);
const files = Object.fromEntries(blocks.flatMap(({ file, text }) => (file === undefined ? [] : [[file, text]])));

/** Codes of everything that is wrong, warnings included, after tracing each entry. */
function codes(text: string, options: ModelOptions): string[] {
  const { model, bag } = compile('main.mdl', memory({ ...files, 'main.mdl': text }), options);
  for (const entry of model?.entries ?? []) model?.entry(entry);
  return bag.sorted().map(({ code, message }) => `${code} ${message}`);
}

function variants(text: string): ModelOptions[] {
  const names = (keyword: string) =>
    [...text.matchAll(new RegExp(`^${keyword} (\\w+)`, 'gm'))].map((match) => match[1]!);
  const settings = [{}, ...names('flag').flatMap((flag) => [true, false].map((on) => ({ values: { [flag]: on } })))];
  const configs = [{}, ...names('config').map((config) => ({ config }))];
  return configs.flatMap((config) =>
    settings.flatMap((values) => [false, true].map((mergeAdapters) => ({ ...config, ...values, mergeAdapters }))),
  );
}

describe('docs/language.md', () => {
  it('marks every block with a language that is checked here', () => {
    expect(blocks.length).toBe(page.match(/^```mdl/gm)!.length);
    expect(page.match(/^```\w+/gm)!.filter((fence) => fence !== '```mdl')).toEqual([]);
  });

  it.each(blocks.map((block) => [block.line, block] as const))('the block at line %d', (_, { text, error }) => {
    const complete = /^model /m.test(text) ? text : `${text}\nmodel Empty { }`;
    for (const options of variants(complete)) {
      // what has no adapters is merged all the same
      const found = codes(complete, options).filter((problem) => !problem.startsWith('W0103'));
      if (error === undefined) expect(found).toEqual([]);
      else expect(found.map((problem) => problem.slice(0, 5))).toEqual([error]);
    }
  });

  it('links to files that exist', () => {
    for (const [, target] of page.matchAll(/\]\(([^)#]+)\)/g)) {
      expect([target, existsSync(new URL(target!, docs))]).toEqual([target, true]);
    }
  });

  it('names every reserved word and only functions that exist', async () => {
    const { RESERVED_WORDS } = await import('../../grammar/tokens.ts');
    for (const word of RESERVED_WORDS) expect(page).toContain(`\`${word}\``);
    const std = repository.read('src/compiler/std/std.mdl')!;
    const own = [...page.matchAll(/(?:fn|module|adapter) (\w+)/g), ...std.matchAll(/(?:fn|module|adapter) (\w+)/g)].map(
      (match) => match[1],
    );
    const called = [...page.replaceAll(/^```mdl[\s\S]*?^```$/gm, '').matchAll(/`(\w+)\(/g)].map((match) => match[1]!);
    expect(called.length).toBeGreaterThan(10);
    const others = ['proj', 'norm', 'm', 'f', 'forward', 'base', 'sgd', 'lion', 'step', 'train'];
    expect(called.filter((name) => !BUILTINS.has(name) && !own.includes(name) && !others.includes(name))).toEqual([]);
  });
});

describe('docs/builtins.md', () => {
  it('lists each function once, with what may be left out', () => {
    const text = readFileSync(new URL('builtins.md', docs), 'utf8');
    const listed = [...text.matchAll(/^\| `(\w+)\(/gm)].map((match) => match[1]);
    expect(listed.sort()).toEqual([...BUILTINS.keys()].sort());
    expect(text).toContain('| `rearrange(x, pattern, sizes = …)` |');
    expect(text).toContain('| `softmax(x, axis?)` |');
  });

  it('escapes what a table cell cannot hold', () => {
    const page = builtinsPage([
      { title: 'T', builtins: [{ name: 'abs', doc: '|x|\n now', parameters: ['x', 'y?', 'more**'] }] },
    ]);
    expect(page).toContain('| `abs(x, y?, more = …)` | \\|x\\| now |');
    expect(page).toContain('The 1 functions');
  });
});

describe('docs/std.md', () => {
  const text = readFileSync(new URL('std.md', docs), 'utf8');

  it('has each declaration of the library once, under the name that imports it', () => {
    const parts = text.split(/^(?=## )/m).slice(1);
    expect(parts.map((part) => /"(.*)"/.exec(part)?.[1])).toEqual(['std', 'std/int4']);
    for (const [index, file] of ['std.mdl', 'int4.mdl'].entries()) {
      const source = repository.read(`src/compiler/std/${file}`)!;
      const declared = [...source.matchAll(/^(?:fn|module|adapter) (\w+)/gm)].map(([, name]) => name!);
      const listed = [...parts[index]!.matchAll(/^#### (\w+)$/gm)].map(([, name]) => name!);
      expect(listed.sort()).toEqual(declared.sort());
    }
  });

  it('shows what is called, its shapes and what it holds', () => {
    expect(text).toContain('\n  forward(x: [N, in_channels, H, W])\n');
    expect(text).toContain('adapter LoRA(r, alpha, dropout = 0.0) on Linear\n');
    expect(text).toContain('| `buffer num_batches_tracked` | `int[]` | `zeros()` |');
    expect(text).toContain('fn place_rows(x: [B, T, D], mask: bool[B, T], rows: [N, D]) -> [B, T, D]\n');
    expect(text).toContain('| `fc1` | `Linear(width, hidden)` |  |');
  });

  it('has an example of each module, which compiles', () => {
    const examples = [...text.matchAll(/^Example: `(?:(\w+) = )?((?:adapt .* with )?(\w+)\(.*\))`$/gm)];
    const modules = [...text.matchAll(/^module (\w+)/gm)].map(([, name]) => name!);
    expect(examples.map(([, , , name]) => name)).toEqual([...modules, 'LoRA']);
    for (const [, member, code, name] of examples) {
      const of = member === undefined ? 'layers = [Attention()]' : `${member} = ${code}`;
      const adapt =
        member === undefined ? `${code}\nmodule Attention() { q_proj = Linear(4, 4) v_proj = Linear(4, 4) }` : '';
      expect([
        name,
        codes(`import { ${member === undefined ? 'LoRA, Linear' : name} } from "std"\n${adapt}\nmodel M { ${of} }`, {}),
      ]).toEqual([name, []]);
    }
  });

  it('fails to be made where a declaration has no comment', () => {
    expect(() => pageOf([{ name: 'std', text: 'fn f(x) { x }\n' }])).toThrow('std: no doc comment above f');
    expect(() => pageOf([{ name: 'std', text: 'fn f(\n' }])).toThrow(/^std: /);
  });
});
