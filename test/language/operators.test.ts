/** What operators apply to: each expression with all of its parentheses. */
import { expect, it } from 'vitest';
import { DiagnosticBag } from '../../src/compiler/diagnostics/diagnostic.ts';
import { createSource } from '../../src/compiler/diagnostics/span.ts';
import type { Expression } from '../../src/compiler/syntax/ast.ts';
import { parseFile } from '../../src/compiler/syntax/parse.ts';

function parenthesised(expression: Expression): string {
  switch (expression.kind) {
    case 'name':
      return expression.text;
    case 'unary':
      return `(${expression.operator} ${parenthesised(expression.operand)})`;
    case 'binary':
      return `(${parenthesised(expression.left)} ${expression.operator} ${parenthesised(expression.right)})`;
    default:
      throw new Error(`${expression.kind} is in no expression of this test`);
  }
}

function expressionOf(text: string): Expression | undefined {
  const bag = new DiagnosticBag();
  const file = parseFile(createSource('main.mdl', `fn f() { ${text} }`), bag);
  const [declaration] = file?.declarations ?? [];
  if (declaration?.kind !== 'function') return undefined;
  const [statement] = declaration.body.statements;
  return statement?.kind === 'expression' ? statement.value : undefined;
}

const read = (text: string): string | undefined => {
  const found = expressionOf(text);
  return found && parenthesised(found);
};

it.each([
  // from the left, all but **
  ['a - b - c', '((a - b) - c)'],
  ['a / b * c % d @ e', '((((a / b) * c) % d) @ e)'],
  ['a ** b ** c', '(a ** (b ** c))'],
  ['a or b or c', '((a or b) or c)'],
  // each binds tighter than those before it: or, and, not, comparisons, + -, * / % @, - before, **
  ['a or b and c', '(a or (b and c))'],
  ['a and b or c', '((a and b) or c)'],
  ['not a and b', '((not a) and b)'],
  ['not a == b', '(not (a == b))'],
  ['a or not not b', '(a or (not (not b)))'],
  ['a + b < c - d', '((a + b) < (c - d))'],
  ['a + b * c - d', '((a + (b * c)) - d)'],
  ['a * -b', '(a * (- b))'],
  ['-a * b', '((- a) * b)'],
  ['- -a', '(- (- a))'],
  ['-a ** b', '(- (a ** b))'],
  ['a ** -b ** c', '(a ** (- (b ** c)))'],
  ['a ** -b * c', '((a ** (- b)) * c)'],
  ['a - -b ** c >= d or not e and f', '(((a - (- (b ** c))) >= d) or ((not e) and f))'],
  ['(a + b) * c', '((a + b) * c)'],
  ['(a ** b) ** c', '((a ** b) ** c)'],
])('%s is %s', (text, meaning) => {
  expect(read(text)).toBe(meaning);
  expect(read(meaning)).toBe(meaning);
});

it.each(['a < b < c', 'a + not b', 'not -', 'a ** not b', 'a == not b', 'a or', '* a'])(
  '%s is no expression',
  (text) => {
    expect(read(text)).toBeUndefined();
  },
);

it.each([
  '(a + b) * c',
  'a * (b + c)',
  '((a) + b) - ((c))',
  '-(a + b)',
  'not (a and b)',
  '(a + b).c',
  '(a + b)(c)',
  '(a + b)[0]',
  '(a + b) |> c',
  'a |> (b)',
])('the place of %s is all of it, parentheses among it', (text) => {
  const { span } = expressionOf(text)!;
  expect(span.source.text.slice(span.start, span.end)).toBe(text);
});

it('what stands in parentheses is without them where it is meant alone', () => {
  const product = expressionOf('(a + b) * c');
  const { span } = product?.kind === 'binary' ? product.left : product!;
  expect(span.source.text.slice(span.start, span.end)).toBe('a + b');
});
