/**
 * Mutated models: whatever stands in a file, compiling it and tracing its entries ends in diagnostics or a model, never
 * in an exception. The models are those of the repository and the standard library, with tokens deleted, repeated,
 * swapped, replaced and inserted, numbers changed and ends cut off.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mdlLexer } from '../../grammar/tokens.ts';
import type { SourceHost } from '../../src/compiler/check/program.ts';
import { renderDiagnostics } from '../../src/compiler/diagnostics/render.ts';
import { repository } from '../support/project.ts';
import { diagnoseProgram } from './support.ts';

const MODELS = ['tinygpt-v', 'eva-vit', 'q-former', 'phi-2'].map((name) => `models/${name}.mdl`);
/** std as if it were somebody's own file, with a model that uses it */
const OWN_STD = 'models/own-std.mdl';
const STD_MODEL = `
model Own {
  mlp = MLP(8, 16)
  heads = MultiHeadAttention(8, 2)
  norm = LayerNorm(8)
  entry run(x: [B, T, 8]) -> (y: [B, T, 8]) { x |> norm |> mlp |> heads(x) }
  entry loss(x: [B, T, 8], labels: int[B, T]) -> (loss: []) { next_token_loss(x, labels) }
}
adapt mlp.fc1 with LoRA(r = 2, alpha = 4)
`;

function read(path: string): string {
  return path === OWN_STD ? repository.read('src/compiler/std/std.mdl')! + STD_MODEL : repository.read(path)!;
}

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

type Mutation =
  | { readonly kind: 'delete' | 'repeat' | 'truncate'; readonly at: number }
  | { readonly kind: 'swap' | 'copy'; readonly at: number; readonly other: number }
  | { readonly kind: 'insert'; readonly at: number; readonly text: string }
  | { readonly kind: 'number'; readonly at: number; readonly text: string };

/** Places are fractions of the file, so that they shrink well and fit every file. */
const place = fc.double({ min: 0, max: 0.999999, noNaN: true });
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constantFrom('delete' as const, 'repeat' as const), at: place }),
  fc.record({ kind: fc.constantFrom('swap' as const, 'copy' as const), at: place, other: place }),
  fc.record({ kind: fc.constant('insert' as const), at: place, text: fc.constantFrom(...INSERTS) }),
  fc.record({
    kind: fc.constant('number' as const),
    at: place,
    text: fc.constantFrom('0', '1', '7', '-3', '2.5', '1000000', '1e300', '99999999999999999999'),
  }),
);

function mutate(text: string, mutations: readonly Mutation[]): string {
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

function compileMutated(path: string, mutations: readonly Mutation[]): void {
  const mutated = mutate(read(path), mutations);
  const host: SourceHost = { read: (asked) => (asked === path ? mutated : repository.read(asked)) };
  const root = path === OWN_STD ? OWN_STD : 'models/tinygpt-v.mdl';
  const diagnostics = diagnoseProgram(root, host, { config: 'nano' });
  renderDiagnostics(diagnostics);
}

const RUNS = Number(process.env.MDL_FUZZ_RUNS ?? 60);

it('the files compile as they are, so that mutations reach every phase', () => {
  expect(diagnoseProgram('models/tinygpt-v.mdl', repository, { config: 'nano' })).toEqual([]);
  const host: SourceHost = { read: (asked) => (asked === OWN_STD ? read(OWN_STD) : undefined) };
  expect(diagnoseProgram(OWN_STD, host)).toEqual([]);
});

describe('a mutated file ends in diagnostics or a model, never in an exception', () => {
  for (const path of [...MODELS, OWN_STD]) {
    it(`one to three mutations of ${path}`, () => {
      fc.assert(
        fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => compileMutated(path, mutations)),
        { seed: Number(process.env.MDL_FUZZ_SEED ?? 20240229), numRuns: RUNS, endOnFailure: true },
      );
    });

    it(`${path} cut off anywhere`, () => {
      fc.assert(
        fc.property(place, (at) => compileMutated(path, [{ kind: 'truncate', at }])),
        { seed: 7, numRuns: Math.ceil(RUNS / 8), endOnFailure: true },
      );
    });
  }
});
