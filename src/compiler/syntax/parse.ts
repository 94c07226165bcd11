/** Text → AST: runs the lexer and the parser, reports every syntax error, and hands the CST to `build.ts`. */
import type { IToken } from 'chevrotain';
import { parser } from '../../../grammar/parser.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { DiagnosticBag } from '../diagnostics/diagnostic.ts';
import type { SourceFile } from '../diagnostics/span.ts';
import type { FileSyntax } from './ast.ts';
import { buildFile } from './build.ts';
import { lex } from './lex.ts';
import { firstNodeTooDeep, firstTooDeep, MAX_DEPTH, MAX_NESTING, MAX_SOURCE_LENGTH } from './limits.ts';
import { reportLineStarts } from './line-starts.ts';
import { reportSyntaxErrors, spanOf } from './syntax-errors.ts';

export { RESERVED_WORDS } from '../../../grammar/tokens.ts';
export { MAX_SOURCE_LENGTH } from './limits.ts';

/** The AST of a file, or undefined when it has syntax errors (all of which are then in the bag). */
export function parseFile(source: SourceFile, bag: DiagnosticBag): FileSyntax | undefined {
  const { length } = source.text;
  if (length > MAX_SOURCE_LENGTH) {
    const at = { source, start: 0, end: 0 };
    bag.add(diagnose('file_too_large', { characters: length, most: MAX_SOURCE_LENGTH }, at));
    return undefined;
  }
  const { tokens, failed, spoilt } = lex(source, bag);
  const deep = firstTooDeep(tokens);
  if (deep) {
    bag.add(diagnose('nesting_too_deep', { most: MAX_NESTING }, spanOf(deep, source)));
    return undefined;
  }
  const { cst, errors } = parser.parse(tokens as IToken[]);
  if (errors.length > 0) {
    reportSyntaxErrors(tokens, source, bag, spoilt);
    return undefined;
  }
  if (failed || !cst) return undefined;
  reportLineStarts(tokens, source, bag);
  const file = buildFile(cst, source);
  const at = firstNodeTooDeep(file);
  if (!at) return file;
  bag.add(diagnose('nesting_too_deep', { most: MAX_DEPTH }, at));
  return undefined;
}
