/** Which parts of a file are formatted: each declaration that parses. The others are regions of text that stay as they are. */
import type { CstNode, IToken } from 'chevrotain';
import { parser } from '../../../grammar/parser.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import { DiagnosticBag } from '../diagnostics/diagnostic.ts';
import type { SourceFile } from '../diagnostics/span.ts';
import { lex } from '../syntax/lex.ts';
import { firstTooDeep, MAX_NESTING } from '../syntax/limits.ts';
import { reportLineStarts } from '../syntax/line-starts.ts';
import { chunksOf, reportSyntaxErrors, spanOf } from '../syntax/syntax-errors.ts';
import { type Unit, unitOf } from './comments.ts';

export interface Region {
  /** offsets into the text, the end after it */
  readonly start: number;
  readonly end: number;
  /** a declaration; undefined where there are errors */
  readonly node: CstNode | undefined;
}

/** A text's tokens, and what the lexer could not read in the bag. */
export interface Read {
  readonly tokens: readonly IToken[];
  readonly failed: boolean;
  readonly spoilt: ReadonlySet<number>;
}

/** The tokens of a text; undefined where no declaration can be told from another. */
export function readTokens(source: SourceFile, bag: DiagnosticBag): Read | undefined {
  const { tokens, failed, spoilt } = lex(source, bag);
  if (failed && tokens.length === 0) return undefined;
  const deep = firstTooDeep(tokens);
  if (!deep) return { tokens, failed, spoilt };
  bag.add(diagnose('nesting_too_deep', { most: MAX_NESTING }, spanOf(deep, source)));
  return undefined;
}

/**
 * The declarations of a text without errors, each parsed when it is asked for: with the tree of one declaration in memory,
 * and not of a whole file, the collector has little to do. Ends with undefined at the first that does not parse.
 */
export function* eachDeclaration(tokens: readonly IToken[], source: SourceFile): Generator<Region | undefined> {
  const doubtful = new DiagnosticBag();
  reportLineStarts(tokens, source, doubtful);
  if (doubtful.size > 0) return yield undefined;
  for (const chunk of chunksOf(tokens)) {
    const { cst, errors } = parser.parse(chunk.tokens);
    if (!cst || errors.length > 0) return yield undefined;
    yield* declarationsOf(cst);
  }
}

/** The regions of a text in order, those with errors left as they are and the errors in the bag. */
export function readRegions({ tokens, failed, spoilt }: Read, source: SourceFile, bag: DiagnosticBag): Region[] {
  const regions = failed ? undefined : wholeFile(tokens, source, bag);
  if (regions) return regions;
  const lexical = bag.sorted().map(({ primary }) => primary.span.start);
  reportSyntaxErrors(tokens, source, bag, spoilt);
  return byDeclaration(tokens, source, lexical, bag);
}

/** The declarations of a file that parses; those with a line that begins with `-` are no reading for sure. */
function wholeFile(tokens: readonly IToken[], source: SourceFile, bag: DiagnosticBag): Region[] | undefined {
  const { cst, errors } = parser.parse(tokens as IToken[]);
  if (!cst || errors.length > 0) return undefined;
  reportLineStarts(tokens, source, bag);
  const doubtful = bag.sorted().map(({ primary }) => primary.span.start);
  return declarationsOf(cst).map(({ start, end, node }) => ({
    start,
    end,
    node: doubtful.some((at) => at >= start && at < end) ? undefined : node,
  }));
}

function declarationsOf(file: CstNode): Region[] {
  return ((file.children.declaration ?? []) as CstNode[]).map((node) => {
    const { startOffset, endOffset } = node.location!;
    return { start: startOffset, end: endOffset! + 1, node };
  });
}

/** Each top-level declaration parsed on its own; `lexical` are the offsets of what the lexer could not read. */
function byDeclaration(
  tokens: readonly IToken[],
  source: SourceFile,
  lexical: readonly number[],
  bag: DiagnosticBag,
): Region[] {
  const chunks = chunksOf(tokens).filter((chunk) => chunk.tokens.length > 0);
  return chunks.flatMap(({ tokens: own, next }, index) => {
    const start = index === 0 ? 0 : own[0]!.startOffset;
    const limit = next?.startOffset ?? source.text.length;
    const { cst, errors } = parser.parse(own);
    const lineStarts = new DiagnosticBag();
    if (cst && errors.length === 0) reportLineStarts(own, source, lineStarts);
    for (const diagnostic of lineStarts.sorted()) bag.add(diagnostic);
    const readable = !lexical.some((at) => at >= start && at < limit);
    if (cst && errors.length === 0 && readable && lineStarts.size === 0) return declarationsOf(cst);
    return [
      { start, end: endOfRegion(source.text, own.at(-1)!.endOffset! + 1, limit, next === undefined), node: undefined },
    ];
  });
}

/** A region that does not parse has all up to the comments in the first column that are above the next declaration. */
function endOfRegion(text: string, from: number, limit: number, isLast: boolean): number {
  if (isLast) return from + text.slice(from).trimEnd().length;
  const lines = text.slice(from, limit).split('\n');
  let kept = lines.length;
  while (kept > 1 && /^(?:\/\/.*|[ \t\uFEFF]*)$/.test(lines[kept - 1]!)) kept--;
  return from + lines.slice(0, kept).join('\n').trimEnd().length;
}

/** What comments can belong to: the tokens of declarations that parse, and the regions that do not. */
export function unitsOf(regions: readonly Region[], tokens: readonly IToken[]): Unit[] {
  const units: Unit[] = [];
  let at = 0;
  for (const { start, end, node } of regions) {
    if (!node) units.push({ start, end, tokenType: undefined });
    for (; at < tokens.length && tokens[at]!.startOffset < end; at++) if (node) units.push(unitOf(tokens[at]!));
  }
  return units;
}
