/**
 * Which token a comment belongs to. The lexer skips comments, so they are found in the text between two tokens:
 *
 *   a = 1   // after `1`: it stands on that line, and nothing follows it there
 *   // above `b`, alone on its line
 *   b = 2
 *
 * A comment is written where its token is, on the same side of it, so it stays with what it is about.
 */
import type { IToken, TokenType } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';

export interface TokenComment {
  readonly text: string;
  /** an empty line is above it */
  readonly blank: boolean;
}

/** The comments of a token, each list in the order of the text. */
export interface Attached {
  /** alone on their lines, above it */
  readonly above: readonly TokenComment[];
  /** on its line, before it */
  readonly before: readonly string[];
  /** on its line, after it, with more on the line */
  readonly after: readonly string[];
  /** on its line, after it, with nothing more */
  readonly end: readonly string[];
  /** an empty line is between it and what is above */
  readonly blank: boolean;
}

/** A stretch of text that counts as one token: an IToken, or a declaration that does not parse. */
export interface Unit {
  readonly start: number;
  /** offset after it */
  readonly end: number;
  readonly tokenType: TokenType | undefined;
}

export const NO_COMMENTS: Attached = { above: [], before: [], after: [], end: [], blank: false };

const OPENERS = new Set<TokenType | undefined>([t.LParen, t.LBracket, t.LBrace]);
/** What a comment between them and something else on the line belongs to: the thing before. */
const ENDS_OPERAND = new Set<TokenType | undefined>([
  t.Identifier,
  t.IntLiteral,
  t.FloatLiteral,
  t.StringLiteral,
  t.True,
  t.False,
  t.None,
  t.RParen,
  t.RBracket,
  t.RBrace,
]);

export function unitOf(token: IToken): Unit {
  return { start: token.startOffset, end: token.endOffset! + 1, tokenType: token.tokenType };
}

interface Found {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** newlines between it and what is before it */
  readonly newlines: number;
}

/** The comments of `text` between two offsets, which has nothing else than blanks, and the newlines after the last. */
export function commentsBetween(text: string, from: number, to: number): { found: Found[]; newlines: number } {
  const found: Found[] = [];
  const pattern = /\/\/[^\n]*|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/|\n/g;
  const gap = text.slice(from, to);
  let newlines = 0;
  for (const match of gap.matchAll(pattern)) {
    if (match[0] === '\n') {
      newlines++;
      continue;
    }
    const start = from + match.index;
    found.push({ text: match[0].trimEnd(), start, end: start + match[0].length, newlines });
    newlines = 0;
  }
  return { found, newlines };
}

interface Building {
  above: TokenComment[];
  before: string[];
  after: string[];
  end: string[];
  blank: boolean;
}

/** Gives every comment of a text to a unit; those below the last unit are `above` the end of the text. */
export function attachComments(text: string, units: readonly Unit[]): ReadonlyMap<number, Attached> {
  const attached = new Map<number, Building>();
  const of = (offset: number): Building => {
    const known = attached.get(offset);
    if (known) return known;
    const made: Building = { above: [], before: [], after: [], end: [], blank: false };
    attached.set(offset, made);
    return made;
  };
  for (let index = 0; index <= units.length; index++) {
    const previous = units[index - 1];
    const next = units[index];
    const from = previous?.end ?? 0;
    const to = next?.start ?? text.length;
    if (to - from < 2) continue;
    const { found, newlines } = commentsBetween(text, from, to);
    if (newlines > 1) of(to).blank = true;
    if (found.length > 0) attachGap(found, newlines, previous, next, of, to);
  }
  return attached;
}

function attachGap(
  found: readonly Found[],
  newlines: number,
  previous: Unit | undefined,
  next: Unit | undefined,
  of: (offset: number) => Building,
  to: number,
): void {
  // the comments of each line
  const lines: Found[][] = [];
  for (const comment of found) {
    if (lines.length === 0 || comment.newlines > 0) lines.push([comment]);
    else lines.at(-1)!.push(comment);
  }
  lines.forEach((comments, index) => {
    const onPreviousLine = index === 0 && previous !== undefined && comments[0]!.newlines === 0;
    const onNextLine = index === lines.length - 1 && next !== undefined && newlines === 0;
    const texts = comments.map((comment) => comment.text);
    if (onPreviousLine && !onNextLine) of(previous.start).end.push(...texts);
    else if (onPreviousLine && belongsToPrevious(previous, next)) of(previous.start).after.push(...texts);
    else if (onNextLine) of(to).before.push(...texts);
    else {
      comments.forEach((comment, place) => {
        of(to).above.push({ text: comment.text, blank: place === 0 && comment.newlines > 1 });
      });
    }
  });
}

function belongsToPrevious(previous: Unit, next: Unit | undefined): boolean {
  const { tokenType } = previous;
  if (OPENERS.has(tokenType)) return false;
  const name = tokenType !== undefined && (tokenType.CATEGORIES ?? []).includes(t.Identifier);
  return name || ENDS_OPERAND.has(tokenType) || next?.tokenType === undefined;
}
