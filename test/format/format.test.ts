/** The layout: what it makes of small texts, and what it may never change. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mdlLexer } from '../../grammar/tokens.ts';
import { format } from '../../src/compiler/format/index.ts';
import { mutate, mutation } from '../diagnostics/mutations.ts';
import { MDL_FILES, REPOSITORY } from './files.ts';
import { sequenceOf, trailingOf, treeOf } from './support.ts';

const texts = MDL_FILES.map((name) => readFileSync(join(REPOSITORY, name), 'utf8'));

describe('the .mdl files of the repository', () => {
  it.each(MDL_FILES.map((name, index) => [name, texts[index]!] as const))('%s is as it is written', (_, text) => {
    expect(format(text)).toEqual({ text, problems: [] });
  });
});

/** Blanks, line ends and comments between two tokens, numbered so that each is seen. */
const gap = fc.constantFrom(' ', '  ', '\n', '\n\n\n', ' // c\n', '\n// c\n', ' /* c */ ', '\n/* c */\n', '\t', '\r\n');

/** A text with other blanks, and comments, between some of its tokens. */
function shaken(text: string, gaps: readonly { readonly at: number; readonly gap: string }[]): string {
  const { tokens } = mdlLexer.tokenize(text);
  let result = '';
  let end = 0;
  const chosen = new Map(gaps.map(({ at, gap: blank }) => [Math.floor(at * tokens.length), blank]));
  tokens.forEach(({ startOffset, endOffset, image }, index) => {
    const blank = chosen.get(index)?.replace('c', `c${index}`);
    // a doc comment ends with its line
    const own = text.slice(end, startOffset);
    result +=
      blank !== undefined && own !== '' && !own.includes('\n')
        ? blank
        : own + (own.endsWith('\n') && blank ? blank.trimStart() : '');
    result += image;
    end = endOffset! + 1;
  });
  return result + text.slice(end);
}

const place = fc.double({ min: 0, max: 0.999999, noNaN: true });
const gaps = fc.array(fc.record({ at: place, gap }), { maxLength: 30 });

describe('what a layout may not change', () => {
  it('the tree, tokens and comments of texts that parse, and what is formatted stays', () => {
    let parsed = 0;
    fc.assert(
      fc.property(fc.constantFrom(...texts), gaps, (text, places) => {
        const source = shaken(text, places);
        const tree = treeOf(source);
        if (tree === undefined) return;
        parsed++;
        const { text: formatted, problems } = format(source);
        expect(problems).toEqual([]);
        expect(treeOf(formatted)).toEqual(tree);
        expect(sequenceOf(formatted)).toEqual(sequenceOf(source));
        expect(format(formatted).text).toBe(formatted);
      }),
      { numRuns: 150 },
    );
    expect(parsed).toBeGreaterThan(50);
  });

  it('what follows a comment at the end of a line', () => {
    fc.assert(
      fc.property(fc.constantFrom(...texts), gaps, (text, places) => {
        const source = shaken(text, places).replace(/\r\n/g, '\n');
        if (treeOf(source) === undefined) return;
        expect(trailingOf(format(source).text)).toEqual(trailingOf(source));
      }),
      { numRuns: 150 },
    );
  });

  it('tokens and comments of texts with mistakes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        gaps,
        (text, slips, places) => {
          const source = mutate(shaken(text, places), slips).replace(/\r\n?/g, '\n');
          const { text: formatted } = format(source);
          expect(sequenceOf(formatted)).toEqual(sequenceOf(source));
          const tree = treeOf(source);
          if (tree !== undefined) expect(treeOf(formatted)).toEqual(tree);
          expect(format(formatted).text).toBe(formatted);
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** Text → its layout. */
const CASES: readonly (readonly [string, string, string])[] = [
  ['blanks around operators and after commas', 'fn f(x,y){x*y+1}', 'fn f(x, y) { x * y + 1 }\n'],
  ['a body on its line stays there', 'fn f(x) {x}\n', 'fn f(x) { x }\n'],
  [
    'Windows line ends and a byte order mark',
    '\uFEFFflag a = true\r\n\r\n\r\nflag b = false\r\n',
    'flag a = true\n\nflag b = false\n',
  ],
  ['members in columns', 'model M {\n  a = A()\n  longer = B()\n}\n', 'model M {\n  a      = A()\n  longer = B()\n}\n'],
  [
    'a comment alone, at the end and inside',
    'config c {\n// above\na = 1 // at the end\n b /* in */ = 2\n}',
    'config c {\n  // above\n  a = 1 // at the end\n  b /* in */ = 2\n}\n',
  ],
  [
    'a comment below the last member',
    'model M {\n a = A()\n   // below\n}\n// end',
    'model M {\n  a = A()\n  // below\n}\n// end\n',
  ],
  [
    'a doc comment with its field',
    'config c {\n/// of a\na = 1\n/// of b\nb = 2 }',
    'config c {\n  /// of a\n  a = 1\n  /// of b\n  b = 2\n}\n',
  ],
  ['nothing', '\n\n', ''],
];

describe('layouts', () => {
  it.each(CASES)('%s', (_, text, expected) => {
    expect(format(text)).toEqual({ text: expected, problems: [] });
  });

  it('breaks what is longer than 120 columns and puts together what fits', () => {
    const long = `fn f(x) { ${'gelu('.repeat(25)}x${')'.repeat(25)} |> relu }`;
    const { text } = format(long);
    expect(text).toContain('\n    |> relu\n');
    expect(format('fn f(\n  x,\n  y\n)\n{\n  x\n}').text).toBe('fn f(x, y) {\n  x\n}\n');
  });

  it('a declaration with a mistake stays as it is, and the others are formatted', () => {
    const broken = 'module  A( {\n  x   = = 1 // here\n}';
    const { text, problems } = format(`flag   a=true\n\n${broken}\n\nflag   b=false\n`);
    expect(text).toBe(`flag a = true\n\n${broken}\n\nflag b = false\n`);
    expect(problems.map(({ code, primary }) => [code, primary.span.start])).toEqual([['E0005', 26]]);
  });
});
