/**
 * Lines that begin with `-`: the grammar has no line ends, so such a line would go on with the expression above it, and
 * read like one of its own. Within brackets there is only one reading.
 */
import type { IToken, TokenType } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { DiagnosticBag } from '../diagnostics/diagnostic.ts';
import type { SourceFile } from '../diagnostics/span.ts';
import { spanOf } from './syntax-errors.ts';

const OPENERS = new Set<TokenType>([t.LParen, t.LBracket, t.LBrace]);
const CLOSERS = new Set<TokenType>([t.RParen, t.RBracket, t.RBrace]);
/** What an expression may end with, besides a name. */
const ENDS = new Set<TokenType>([
  t.RParen,
  t.RBracket,
  t.IntLiteral,
  t.FloatLiteral,
  t.StringLiteral,
  t.True,
  t.False,
  t.None,
]);

/** Reports every line of a file that parses which begins with `-` and goes on with the line above. */
export function reportLineStarts(tokens: readonly IToken[], source: SourceFile, bag: DiagnosticBag): void {
  const open: TokenType[] = [];
  let before: IToken | undefined;
  for (const token of tokens) {
    const { tokenType } = token;
    if (OPENERS.has(tokenType)) open.push(tokenType);
    else if (CLOSERS.has(tokenType)) open.pop();
    else if (tokenType === t.Minus && before && before.endLine! < token.startLine! && endsExpression(before)) {
      if ((open.at(-1) ?? t.LBrace) === t.LBrace) {
        const secondary = [{ span: spanOf(before, source), message: 'this line is gone on with' }];
        const notes = [
          'a difference stands on one line, ends the line above with its `-`, or is put in parentheses as a whole',
          'for a value of its own, put the negative one in parentheses: `(-x)`',
        ];
        bag.add(diagnose('line_begins_with_minus', {}, spanOf(token, source), { secondary, notes }));
      }
    }
    before = token;
  }
}

function endsExpression({ tokenType }: IToken): boolean {
  return tokenType === t.Identifier || (tokenType.CATEGORIES ?? []).includes(t.Identifier) || ENDS.has(tokenType);
}
