/**
 * Limits on size and nesting, so that hostile input ends in a diagnostic and not in an exhausted stack: the parser, the
 * checker and the evaluator all recurse as deep as the program nests.
 */
import type { IToken } from 'chevrotain';
import type { Span } from '../diagnostics/span.ts';
import type { FileSyntax } from './ast.ts';

/** UTF-16 code units; the largest model we know takes 15 thousand. */
export const MAX_SOURCE_LENGTH = 1 << 18;
/** Open brackets and chains of `else` and `**`, together, that may enclose a token: what the parser recurses on. */
export const MAX_NESTING = 100;
/** Levels of the syntax tree; `a + b + c` has two of operators. */
export const MAX_DEPTH = 500;

const OPENERS = new Set(['LParen', 'LBracket', 'LBrace']);
const CLOSERS = new Set(['RParen', 'RBracket', 'RBrace']);
/** Tokens after which the parser recurses without a bracket. */
const RECURSES = new Set(['StarStar', 'Kw_else', 'Kw_when']);
/** Tokens that start another expression beside the one before. */
const RESTARTS = new Set([
  'Kw_let',
  'Equal',
  'Comma',
  'Kw_module',
  'Kw_fn',
  'Kw_forward',
  'Kw_train',
  'Kw_no_decay',
  'Kw_eval',
]);

/** The first token that the parser would reach only by recursing too deep. */
export function firstTooDeep(tokens: readonly IToken[]): IToken | undefined {
  /** recursions at each open bracket, innermost last */
  const runs = [0];
  let total = 0;
  for (const token of tokens) {
    const { name } = token.tokenType;
    if (OPENERS.has(name)) {
      runs.push(0);
      total++;
    } else if (CLOSERS.has(name)) {
      if (runs.length > 1) total -= 1 + runs.pop()!;
    } else if (RECURSES.has(name)) {
      runs[runs.length - 1]!++;
      total++;
    } else if (RESTARTS.has(name)) {
      total -= runs.at(-1)!;
      runs[runs.length - 1] = 0;
    }
    if (total > MAX_NESTING) return token;
  }
  return undefined;
}

/** A node of the tree that lies too deep: operators that follow each other nest without recursion in the parser. */
export function firstNodeTooDeep(file: FileSyntax): Span | undefined {
  const stack: { readonly node: object; readonly depth: number }[] = [{ node: file.declarations, depth: 0 }];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { node, depth } = top;
    if (depth > MAX_DEPTH) return (node as { span?: Span }).span ?? { source: file.source, start: 0, end: 0 };
    for (const [key, child] of Object.entries(node)) {
      if (key === 'span' || typeof child !== 'object' || child === null) continue;
      // lists and arguments are no level of their own
      const level = 'kind' in child ? 1 : 0;
      stack.push({ node: child as object, depth: depth + level });
    }
  }
  return undefined;
}
