/** Cuts a text at delimiters, with the behaviours of Hugging Face's `SplitDelimiterBehavior`. */
import type { CharacterClass } from './pattern/class.ts';
import type { Pattern, Span } from './pattern/pattern.ts';

export const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
export type Behavior = (typeof BEHAVIORS)[number];

/** What delimits: a text, a pattern, or each character of a class. */
export type Delimiter = string | Pattern | CharacterClass;

/** A part of a text, and whether it is a delimiter; the parts of a text cover it. */
export interface Part {
  readonly start: number;
  readonly end: number;
  readonly delimiter: boolean;
}

/** Where a delimiter stands, from left to right. */
export function spansOf(text: string, delimiter: Delimiter): readonly Span[] {
  if (text === '') return []; // a pattern that matches nothing finds nothing in nothing, as in `tokenizers`
  if (typeof delimiter !== 'string' && typeof delimiter !== 'function') return delimiter.findAll(text);
  const spans: Span[] = [];
  if (typeof delimiter === 'string') {
    for (let at = text.indexOf(delimiter); at >= 0; at = text.indexOf(delimiter, at + delimiter.length))
      spans.push([at, at + delimiter.length]);
    return spans;
  }
  let at = 0;
  for (const character of text) {
    if (delimiter(character.codePointAt(0)!)) spans.push([at, at + character.length]);
    at += character.length;
  }
  return spans;
}

/** All of a text as delimiters and what is between them. */
export function partsOf(text: string, delimiter: Delimiter, { invert = false } = {}): Part[] {
  const parts: Part[] = [];
  let last = 0;
  for (const [start, end] of spansOf(text, delimiter)) {
    if (last < start) parts.push({ start: last, end: start, delimiter: invert });
    parts.push({ start, end, delimiter: !invert });
    last = end;
  }
  if (last < text.length) parts.push({ start: last, end: text.length, delimiter: invert });
  return parts;
}

/**
 * The pieces of a text as [start, end].
 *
 *     the-final--countdown, cut at "-"
 *     Removed             the final countdown
 *     Isolated            the - final - - countdown
 *     MergedWithPrevious  the- final- - countdown
 *     MergedWithNext      the -final - -countdown
 *     Contiguous          the - final -- countdown
 */
export function split(
  text: string,
  delimiter: Delimiter,
  behavior: Behavior,
  options: { invert?: boolean } = {},
): Span[] {
  const parts = partsOf(text, delimiter, options);
  switch (behavior) {
    case 'Removed':
      return parts.filter((part) => !part.delimiter).map(({ start, end }) => [start, end]);
    case 'Isolated':
      return parts.map(({ start, end }) => [start, end]);
    case 'Contiguous':
      return merged(parts, (part, before) => part.delimiter === before);
    case 'MergedWithPrevious':
      return merged(parts, (part, before) => part.delimiter && !before);
    case 'MergedWithNext':
      return merged(parts.reverse(), (part, before) => part.delimiter && !before).reverse();
    default:
      return behavior satisfies never;
  }
}

/** Joins each part to the one before it where `joins` says so, given whether that was a delimiter. */
function merged(parts: readonly Part[], joins: (part: Part, before: boolean) => boolean): Span[] {
  const spans: [number, number][] = [];
  let before = false;
  for (const part of parts) {
    const last = spans.at(-1);
    if (last && joins(part, before)) {
      last[0] = Math.min(last[0], part.start);
      last[1] = Math.max(last[1], part.end);
    } else spans.push([part.start, part.end]);
    before = part.delimiter;
  }
  return spans;
}
