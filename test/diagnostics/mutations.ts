/** Slips in a program's text: tokens deleted, repeated, swapped, inserted, numbers changed, an end cut off; and deep nests. */
import fc from 'fast-check';
import { mdlLexer } from '../../grammar/tokens.ts';

const INSERTS = [
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ',',
  ':',
  '=',
  '==',
  '->',
  '|>',
  '.',
  '...',
  '*',
  '**',
  '-',
  '/',
  '0',
  '-1',
  '3.5',
  '1e400',
  '"',
  '"a b -> b a"',
  'x',
  'none',
  'true',
  'when',
  'else',
  'for i in range(3)',
  'if true {',
  'let',
  'param',
  'forward',
  'module',
  'model',
  'set',
  'fn',
  'key "a"',
  'self',
  'base',
  'd',
  'B',
  'T',
  'LayerNorm',
  'softmax',
  'range(10000000)',
  'when q_former',
  '[0]',
  '[:, 1]',
  '(x)',
  '_',
  '\0',
  '\ud800',
  ';',
];

export type Mutation =
  | { readonly kind: 'delete' | 'repeat' | 'truncate'; readonly at: number }
  | { readonly kind: 'swap' | 'copy'; readonly at: number; readonly other: number }
  | { readonly kind: 'insert'; readonly at: number; readonly text: string }
  | { readonly kind: 'number'; readonly at: number; readonly text: string };

/** Places are fractions of the file, so that they shrink well and fit every file. */
export const place = fc.double({ min: 0, max: 0.999999, noNaN: true });
export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constantFrom('delete' as const, 'repeat' as const), at: place }),
  fc.record({ kind: fc.constantFrom('swap' as const, 'copy' as const), at: place, other: place }),
  fc.record({ kind: fc.constant('insert' as const), at: place, text: fc.constantFrom(...INSERTS) }),
  fc.record({
    kind: fc.constant('number' as const),
    at: place,
    text: fc.constantFrom('0', '1', '7', '-3', '2.5', '1000000', '1e300', '99999999999999999999'),
  }),
);

export function mutate(text: string, mutations: readonly Mutation[]): string {
  const { tokens } = mdlLexer.tokenize(text);
  const pieces: string[] = [];
  let end = 0;
  for (const token of tokens) {
    // a piece is a token with the blanks before it
    pieces.push(text.slice(end, token.endOffset! + 1));
    end = token.endOffset! + 1;
  }
  for (const change of mutations) {
    const at = Math.floor(change.at * pieces.length);
    const piece = pieces[at];
    if (piece === undefined) continue;
    if (change.kind === 'delete') pieces.splice(at, 1);
    else if (change.kind === 'repeat') pieces.splice(at, 0, piece);
    else if (change.kind === 'truncate') pieces.length = at;
    else if (change.kind === 'insert') pieces.splice(at, 0, ` ${change.text} `);
    else if (change.kind === 'number') {
      const found = pieces.findIndex((candidate, index) => index >= at && /^\s*\d/.test(candidate));
      if (found >= 0) pieces[found] = ` ${change.text}`;
    } else if (change.kind === 'swap' || change.kind === 'copy') {
      const isName = (candidate: string): boolean => /^\s*[A-Za-z_]\w*$/.test(candidate);
      // names change places with names: what still parses goes deepest
      const from = pieces.findIndex((candidate, index) => index >= at && isName(candidate));
      const other = Math.floor(change.other * pieces.length);
      const to = pieces.findIndex((candidate, index) => index >= other && isName(candidate));
      if (from < 0 || to < 0) continue;
      const [a, b] = [pieces[from]!, pieces[to]!];
      pieces[to] = a;
      if (change.kind === 'swap') pieces[from] = b;
    }
  }
  return pieces.join('');
}

// ── nests ──────────────────────────────────────────────────────────────────────────────────────
/** What opens a level of nesting, and what would close it. */
const LEVELS: readonly (readonly [string, string])[] = [
  ['(', ')'],
  ['[', ']'],
  ['{', '}'],
  ['[', '][0]'],
  ['(', ',)'],
  ['gelu(', ')'],
  ['x[', ']'],
  ['(x + ', ')'],
  ['[', ' for i in range(1)]'],
  ['- ', ''],
  ['not ', ''],
  ['x ** ', ''],
  ['x - ', ''],
  ['x |> ', ''],
  ['x |> gelu(', ')'],
  ['x when true else ', ''],
  ['x when (', ') else x'],
  ['if true { ', ' } else { x }'],
  ['if false { x } else ', ''],
  ['for i in range(1) { ', ' }'],
  ['a { ', ' }'],
  ['fn f(x) { ', ' }'],
  ['module A() { ', ' }'],
  ['', '(x)'],
  ['', '[0]'],
  ['', '.a'],
  ['', ' |> gelu'],
  ['', ' ** 2'],
  ['', ' when true else x'],
];
/** Both sides of what may nest, what a stack of rules holds, and what no stack holds. */
const depth = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 3, arbitrary: fc.integer({ min: 13, max: 130 }) },
  { weight: 1, arbitrary: fc.integer({ min: 131, max: 3000 }) },
);
const level = fc.record({
  pair: fc.constantFrom(...LEVELS),
  depth,
  /** how many of its levels are closed: all, none, one less or one more, or by another's bracket */
  closing: fc.constantFrom('all', 'all', 'all', 'none', 'less', 'more', 'other'),
});

/** Levels within levels around a middle, mostly balanced. */
export const nest: fc.Arbitrary<string> = fc
  .record({
    levels: fc.array(level, { minLength: 1, maxLength: 3 }),
    middle: fc.constantFrom('x', 'x', 'x', '1', '', 'x x', 'let', '= 1', 'i, j', '1:2', 'B', '"a"'),
  })
  .map(({ levels, middle }) =>
    levels.reduce<string>((inner, { pair: [open, close], depth, closing }) => {
      const closer = closing === 'other' ? ({ ')': ']', ']': '}' }[close] ?? ')') : close;
      const count = closing === 'none' ? 0 : depth + (closing === 'more' ? 1 : closing === 'less' ? -1 : 0);
      return `${open.repeat(depth)}${inner}${closer.repeat(count)}`;
    }, middle),
  );
