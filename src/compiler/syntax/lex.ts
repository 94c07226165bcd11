/**
 * Text → tokens. What the lexer cannot read is reported and, for the parser, replaced by something of the same length
 * that reads (a string where a quote is missing, blanks for a semicolon), so that one slip is one error.
 */
import type { ILexingError, IToken } from 'chevrotain';
import { mdlLexer } from '../../../grammar/tokens.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { DiagnosticBag } from '../diagnostics/diagnostic.ts';
import type { SourceFile, Span } from '../diagnostics/span.ts';

/** Errors reported for one file; after those it is no program. */
const MAX_ERRORS = 100;

export interface Lexed {
  readonly tokens: readonly IToken[];
  readonly failed: boolean;
  /** lines, from 1, with something that is no token: what does not parse there follows from it */
  readonly spoilt: ReadonlySet<number>;
}

export function lex(source: SourceFile, bag: DiagnosticBag): Lexed {
  const open = openComment(source.text);
  if (open !== undefined) {
    const at: Span = { source, start: open, end: open + 2 };
    bag.add(diagnose('unexpected_character', { text: '/*' }, at, { notes: ['the comment is never closed with */'] }));
  }
  const text = source.text.slice(0, open);
  const lexed = mdlLexer.tokenize(text);
  if (lexed.errors.length === 0) return { tokens: lexed.tokens, failed: open !== undefined, spoilt: new Set() };
  let patched = '';
  for (const error of lexed.errors.slice(0, MAX_ERRORS)) {
    if (error.offset < patched.length) continue; // inside what an earlier error replaced
    const { length, standIn } = reportError(error, source, bag);
    patched += text.slice(patched.length, error.offset) + standIn.padEnd(length).slice(0, length);
  }
  if (lexed.errors.length > MAX_ERRORS) return { tokens: [], failed: true, spoilt: new Set() };
  const { tokens } = mdlLexer.tokenize(patched + text.slice(patched.length));
  return { tokens, failed: true, spoilt: new Set(lexed.errors.map(({ line }) => line ?? 0)) };
}

/** Offset of a comment that is never closed; found first, since the lexer would look for its end again and again. */
function openComment(text: string): number | undefined {
  const starts = /\/\/[^\r\n]*|"(?:[^"\\\r\n]|\\.)*"|\/\*/g;
  for (let match = starts.exec(text); match; match = starts.exec(text)) {
    if (match[0] !== '/*') continue;
    const end = text.indexOf('*/', match.index + 2);
    if (end < 0) return match.index;
    starts.lastIndex = end + 2;
  }
  return undefined;
}

interface Repair {
  /** UTF-16 code units replaced */
  readonly length: number;
  readonly standIn: string;
}

const HINTS: Readonly<Record<string, string>> = {
  ';': 'statements end with the line; there are no semicolons',
  '#': 'a comment starts with //',
  "'": 'a string is written in double quotes',
  '`': 'a string is written in double quotes',
  '&': 'write `and`',
  '?': 'a choice of two values is written `a when c else b`',
  '!': 'write `not`, or `!=` for unequal',
  '\\': 'an expression goes on in the next line by itself where an operator or a bracket is open',
};

function reportError(error: ILexingError, source: SourceFile, bag: DiagnosticBag): Repair {
  const { offset } = error;
  const span = (start: number, length: number): Span => ({ source, start, end: start + length });
  const rest = /^[^\r\n]*/.exec(source.text.slice(offset, offset + 10_000))![0];
  if (rest.startsWith('"')) return reportString(rest, offset, span, bag);
  const bad = source.text.slice(offset, offset + error.length);
  const character = String.fromCodePoint(bad.codePointAt(0)!);
  const hint = Object.hasOwn(HINTS, character) ? HINTS[character] : undefined;
  const quoted = /^(['`])[^'`]*\1/.exec(rest)?.[0];
  const shown = quoted ? quoted.length : character === '&' && bad.startsWith('&&') ? 2 : error.length;
  const text = quoted ? character : source.text.slice(offset, offset + Math.min(shown, 20));
  bag.add(diagnose('unexpected_character', { text }, span(offset, shown), { notes: hint ? [hint] : [] }));
  if (quoted) return { length: quoted.length, standIn: stringOf(quoted.length) };
  if (character === '#') return { length: rest.length, standIn: '' };
  // any operator of the same place in the grammar
  return { length: error.length, standIn: character === '&' ? '@' : character === '!' ? '-' : '' };
}

function reportString(
  rest: string,
  offset: number,
  span: (start: number, length: number) => Span,
  bag: DiagnosticBag,
): Repair {
  const closed = /^"(?:[^"\\]|\\.)*"/.exec(rest)?.[0];
  if (closed) {
    for (const escaped of closed.matchAll(/\\./gu)) {
      if (/^\\["\\nrt]$/.test(escaped[0])) continue;
      bag.add(
        diagnose('unexpected_character', { text: escaped[0] }, span(offset + escaped.index, escaped[0].length), {
          notes: ['the escapes of a string are \\" \\\\ \\n \\r \\t'],
        }),
      );
    }
    return { length: closed.length, standIn: stringOf(closed.length) };
  }
  bag.add(diagnose('unterminated_string', {}, span(offset, rest.length)));
  const length = Math.max(2, firstUnmatchedCloser(rest));
  return { length: Math.min(length, rest.length), standIn: stringOf(length) };
}

/** `"b t -> t b)` most likely ends before the bracket that its line opened. */
function firstUnmatchedCloser(text: string): number {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    if ('([{'.includes(text[index]!)) depth++;
    else if (')]}'.includes(text[index]!) && --depth < 0) return index;
  }
  return text.length;
}

function stringOf(length: number): string {
  return `"${'x'.repeat(Math.max(0, length - 2))}"`;
}
