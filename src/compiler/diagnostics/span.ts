/**
 * Places in source text. Offsets are UTF-16 code units (what JavaScript strings and Chevrotain tokens count);
 * lines and columns, which people and editors read, are 1-based, and columns count code points.
 */

export interface SourceFile {
  /** as people should read it: relative to the project, `std.mdl` for the standard library */
  readonly path: string;
  readonly text: string;
}

/** `text.slice(start, end)` of one file; empty when `start === end`. */
export interface Span {
  readonly source: SourceFile;
  readonly start: number;
  readonly end: number;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

export function createSource(path: string, text: string): SourceFile {
  return { path, text };
}

/** The smallest span over both; they must be of one file. */
export function joinSpans(a: Span, b: Span): Span {
  return { source: a.source, start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) };
}

const lineTables = new WeakMap<SourceFile, readonly number[]>();

/** Offset at which each line starts. Lines end at `\n`, `\r\n` or a lone `\r`, as in Chevrotain. */
export function lineStarts(source: SourceFile): readonly number[] {
  const known = lineTables.get(source);
  if (known) return known;
  const starts = [0];
  for (const terminator of source.text.matchAll(/\r\n|\n|\r/g)) starts.push(terminator.index + terminator[0].length);
  lineTables.set(source, starts);
  return starts;
}

/** 1-based line of an offset; offsets outside the text count as its nearest end. */
export function lineOf(source: SourceFile, offset: number): number {
  const starts = lineStarts(source);
  let low = 0;
  let high = starts.length - 1;
  // the last line that starts at or before the offset
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}

/** The text of a 1-based line without its terminator, and the offset at which it starts; empty past the last line. */
export function lineText(source: SourceFile, line: number): { readonly start: number; readonly text: string } {
  const starts = lineStarts(source);
  const start = starts[line - 1] ?? source.text.length;
  const text = source.text.slice(start, starts[line] ?? source.text.length);
  return { start, text: text.replace(/[\r\n]+$/, '') };
}

/** Line and column of an offset, both 1-based; columns count code points. Offsets are clamped to the text. */
export function lineColumn(source: SourceFile, offset: number): Position {
  const clamped = Math.min(Math.max(offset, 0), source.text.length);
  const line = lineOf(source, clamped);
  const before = source.text.slice(lineStarts(source)[line - 1]!, clamped);
  return { line, column: [...before].length + 1 };
}

/** `models/phi-2.mdl:42:9` */
export function formatPosition(source: SourceFile, offset: number): string {
  const { line, column } = lineColumn(source, offset);
  return `${source.path}:${line}:${column}`;
}
