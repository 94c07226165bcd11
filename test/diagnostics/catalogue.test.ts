/** The catalogue as a whole: every message is explained, provoked by its own example or by a test named here, and well put. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MESSAGES, type MessageName } from '../../src/compiler/diagnostics/catalogue.ts';
import { EXPLANATIONS } from '../../src/compiler/diagnostics/explanations.ts';
import { type Compilation, compile } from '../../src/compiler/index.ts';
import { choiceOf } from '../../src/compiler/lsp/choice.ts';
import { memory } from '../support/project.ts';
import { diagnose, type Request } from './support.ts';

const NAMES = Object.keys(MESSAGES) as MessageName[];

/** What one file cannot provoke: a file that is too large to print, and what is asked from outside. */
const BY_REQUEST: { readonly [K in MessageName]?: { readonly files: string; readonly request?: Request } } = {
  no_entries: { files: 'model Tiny {}\n', request: { commanded: true } },
  nothing_to_merge: {
    files: 'model Tiny { entry run(x: [B]) -> (y: [B]) { x } }',
    request: { mergeAdapters: true },
  },
  other_recipe: {
    files: 'recipe "vision-language" { }\nmodel Tiny { entry run(x: [B]) -> (y: [B]) { x } }',
    request: { recipe: 'text' },
  },
  quantise_command_line: {
    files: 'model Tiny { entry run(x: [B]) -> (y: [B]) { x } }',
    request: { quantise: ['** as int4\nquantise ** as f32'] },
  },
  setting_form: {
    files: 'config base { width = 64 }\nmodel Tiny { entry run(x: [B, width]) -> (y: [B, width]) { x } }',
    request: { set: ['width'] },
  },
  file_too_large: { files: ' '.repeat(300_000) },
  no_entry: { files: 'model Tiny { entry run(x: [B]) -> (y: [B]) { x } }', request: { entry: 'rum' } },
  no_tap: { files: 'model Tiny { entry run(x: [B]) -> (y: [B]) { x } }', request: { taps: ['layers.0'] } },
};

/** What a program provokes that calls the compiler without types. */
const BY_CALL: { readonly [K in MessageName]?: () => Compilation } = {
  call_form: () => compile('m.mdl', {} as never),
  unknown_option: () => compile('m.mdl', memory({}), { confg: 'base' } as never),
};

/** What an editor provokes. */
const BY_EDITOR: { readonly [K in MessageName]?: unknown } = { editor_setting: { config: 3 } };

function codesOf(files: string, request?: Request): string[] {
  return diagnose(files, request).map((diagnostic) => diagnostic.code);
}

describe.each(NAMES)('%s', (name) => {
  const { code } = MESSAGES[name];
  const { text, example } = EXPLANATIONS[name];

  it('is explained in one to six lines', () => {
    const lines = text.split('\n');
    expect(text.trim()).toBe(text);
    expect(text.length).toBeGreaterThan(60);
    expect(lines.length).toBeLessThanOrEqual(6);
  });

  it('is provoked', () => {
    if (Object.hasOwn(BY_EDITOR, name)) {
      expect(choiceOf(BY_EDITOR[name]).refused.map((diagnostic) => diagnostic.code)).toEqual([code]);
      return;
    }
    const called = BY_CALL[name]?.().diagnostics();
    if (called) {
      expect(called.map((diagnostic) => diagnostic.code)).toEqual([code]);
      return;
    }
    const elsewhere = BY_REQUEST[name];
    expect(example === undefined).toBe(elsewhere !== undefined);
    expect(codesOf(example ?? elsewhere!.files, elsewhere?.request)).toContain(code);
  });

  it('is the only error of its example', () => {
    if (example === undefined) return;
    expect([...new Set(codesOf(example))]).toEqual([code]);
  });
});

describe('codes', () => {
  const codes = NAMES.map((name) => MESSAGES[name].code);

  it('are unique and of a known group', () => {
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) expect(code).toMatch(/^[EW]0[0-5]\d\d$/);
  });

  it('are all used by the compiler', () => {
    const sources = readdirSync(new URL('../../src/compiler/', import.meta.url), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !/^diagnostics.(?!call\.ts)/.test(path))
      .map((path) => readFileSync(new URL(`../../src/compiler/${path}`, import.meta.url), 'utf8'))
      .join('\n');
    expect(NAMES.filter((name) => !sources.includes(`'${name}'`))).toEqual([]);
  });
});

describe('messages', () => {
  // whatever they are about, their own words start in lower case and end without a full stop
  const words = new Proxy(
    {},
    {
      get: (_, key) =>
        key === Symbol.toPrimitive ? undefined : key === 'most' || key === 'found' || key === 'size' ? 2 : 'it',
    },
  );
  const texts = NAMES.map((name) => (MESSAGES[name].text as (words: object) => string)(words));

  it.each(NAMES.map((name, index) => [name, texts[index]!]))('%s: %s', (_, text) => {
    expect(text).not.toMatch(/^[A-Z]/);
    expect(text).not.toMatch(/[.!]$/);
    expect(text).not.toMatch(/\. [A-Z]/);
    expect(text).not.toContain('undefined');
  });

  it('have titles in lower case', () => {
    for (const name of NAMES) expect(MESSAGES[name].title).toMatch(/^[a-z][^.]*$/);
  });
});
