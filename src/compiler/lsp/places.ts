/** Offsets, which the compiler counts, and positions, which the protocol counts: 0-based lines and UTF-16 code units of a line. */
import type { Position, Range } from 'vscode-languageserver';
import { lineOf, lineStarts, type SourceFile, type Span } from '../diagnostics/span.ts';

export function positionOf(source: SourceFile, offset: number): Position {
  const clamped = Math.min(Math.max(offset, 0), source.text.length);
  const line = lineOf(source, clamped) - 1;
  return { line, character: clamped - lineStarts(source)[line]! };
}

/** The offset of a position; one past the end of a line is its end, one past the last line the end of the text. */
export function offsetOf(source: SourceFile, { line, character }: Position): number {
  const starts = lineStarts(source);
  const start = starts[line];
  if (start === undefined) return line < 0 ? 0 : source.text.length;
  const next = starts[line + 1] ?? source.text.length + 1;
  return Math.min(start + Math.max(character, 0), next - 1, source.text.length);
}

export function rangeOf({ source, start, end }: Span): Range {
  return { start: positionOf(source, start), end: positionOf(source, end) };
}
