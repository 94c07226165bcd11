/**
 * Recovery from syntax errors deep inside brackets: it takes more of the stack than parsing does, and looks ahead from
 * every level. Each text here once ended in `Maximum call stack size exceeded` or did not end within minutes.
 */
import { describe, expect, it } from 'vitest';
import { parser, recoveringParser } from '../../grammar/parser.ts';
import { mdlLexer } from '../../grammar/tokens.ts';
import { compile } from '../../src/compiler/index.ts';
import { memory } from '../support/project.ts';

const codesOf = (text: string): string[] => {
  const compilation = compile('main.mdl', memory({ 'main.mdl': text }));
  return compilation.diagnostics().map((diagnostic) => diagnostic.code);
};
const body = (text: string): string => `model M { entry run(x: [B, 8]) -> (y: [B, 8]) { ${text}`;

describe('an error at the bottom of what may nest', () => {
  it.each([
    ['parentheses', body('('.repeat(60))],
    ['lists', body('['.repeat(60))],
    ['braces', body('{'.repeat(60))],
    ['blocks', body('if true { '.repeat(90))],
    ['calls', body('f('.repeat(90))],
    ['indices', body('x['.repeat(90))],
    ['mixed brackets', body('([f('.repeat(30))],
    ['brackets that close as others', body(`${'('.repeat(90)}${']'.repeat(90)}`)],
    ['minus before brackets', body('-('.repeat(90))],
    ['not before brackets', body('not ('.repeat(90))],
    ['pipelines in brackets', body('(x |> '.repeat(90))],
    ['when in brackets', body('(x when '.repeat(49))],
    ['comprehensions', body('[x for i in '.repeat(90))],
    ['loops without a body', body('for i in x '.repeat(500))],
    ['ifs without a body', body('if x '.repeat(500))],
    ['functions in functions', 'fn f(x) { '.repeat(90)],
    ['config records', `config c ${'{ a '.repeat(99)}`],
    ['dimensions', `fn f(x: [${'('.repeat(95)}`],
    ['a comment', body(`${'('.repeat(95)}/* ) */`)],
    ['an error that is no missing bracket', body(`${'('.repeat(95)} -> `)],
  ])('%s', (_, text) => expect(new Set(codesOf(text))).toEqual(new Set(['E0005'])));
});

describe('the work of recovery', () => {
  it.each([
    ['tokens that fit nowhere below deep brackets', body('('.repeat(45) + ' ...'.repeat(60_000))],
    ['closing brackets after each name', body('x) '.repeat(60_000))],
    ['arrows', body('-> '.repeat(60_000))],
  ])('%s', (_, text) => {
    const { tokens } = mdlLexer.tokenize(text);
    // counted, not timed: past the limit it stops, with nothing to show for it where nothing was found by then
    expect(recoveringParser().parse(tokens).errors.length).toBeLessThanOrEqual(26);
    const [first] = parser.parse(tokens).errors;
    expect(first?.context.ruleStack.at(-1)).toBe(text.includes('...') ? 'parenthesised' : 'block');
  });

  it('a mistake in each member is found, as far as anyone reads', () => {
    const text = `module M() {\n${'  a = = 1\n  b = f(x)\n'.repeat(30)}}\n`;
    expect(codesOf(text).length).toBeGreaterThan(20);
  });
});
