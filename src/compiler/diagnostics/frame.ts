/**
 * The labelled lines of one file, as rows:
 *
 *     7 |   let h = norm(
 *       |  _________^          a span over several lines has a bar at the left edge,
 *     8 | |   x)
 *       | |____^ message       which ends under its last character
 *     9 |   proj(x, w, h)
 *       |        -  ^  - rightmost message on the row of the underlines
 *       |        |  |
 *       |        |  message    the others below, right to left
 *       |        message
 *
 * Columns are display columns. `^` underlines the primary label, `-` the others.
 */
import { Row, type Style } from './canvas.ts';
import type { Label, Severity } from './diagnostic.ts';
import { lineOf, lineStarts, lineText, type SourceFile } from './span.ts';
import { escapeText, type LineView, layoutLine } from './text.ts';

/** Spans of more lines than this are shown by their first two lines and their last. */
const WHOLE_SPAN_LINES = 6;
/** A long line is never cut below this many columns, however narrow the terminal. */
const MINIMUM_LINE = 40;

export interface FrameLabel extends Label {
  readonly primary: boolean;
}

/** A label with its place in lines; offsets are within their lines, `end` exclusive. */
interface Mark {
  readonly message: string;
  readonly primary: boolean;
  readonly style: Style;
  readonly startLine: number;
  readonly start: number;
  readonly endLine: number;
  readonly end: number;
}

interface Bar extends Mark {
  /** column of the bar in the margin, 0-based */
  depth: number;
}

/** Something drawn under one line. */
interface Item {
  readonly column: number;
  /** exclusive, at least column + 1 */
  readonly end: number;
  readonly mark: Mark;
  readonly message: string;
  /** set where a bar of the margin begins or ends here */
  readonly bar?: Bar;
}

function locate(label: FrameLabel, severity: Severity): Mark {
  const { source } = label.span;
  const length = source.text.length;
  const start = Math.min(Math.max(label.span.start, 0), length);
  let end = Math.min(Math.max(label.span.end, start), length);
  // a span that takes the line break along ends with its line, not at the start of the next
  while (end > start && '\r\n'.includes(source.text[end - 1]!)) end--;
  const startLine = lineOf(source, start);
  const endLine = end > start ? lineOf(source, end - 1) : startLine;
  const starts = lineStarts(source);
  return {
    message: escapeText(label.message),
    primary: label.primary,
    style: label.primary ? severity : 'secondary',
    startLine,
    start: start - starts[startLine - 1]!,
    endLine,
    end: end - starts[endLine - 1]!,
  };
}

/** Gives every mark over several lines the leftmost margin column that no earlier overlapping one has. */
function placeBars(marks: readonly Mark[]): readonly Bar[] {
  const bars: Bar[] = [];
  const long = marks.filter((mark) => mark.endLine > mark.startLine);
  for (const mark of long.sort((a, b) => a.startLine - b.startLine || b.endLine - a.endLine)) {
    const taken = new Set(bars.filter((bar) => bar.endLine >= mark.startLine).map((bar) => bar.depth));
    let depth = 0;
    while (taken.has(depth)) depth++;
    bars.push({ ...mark, depth });
  }
  return bars;
}

function linesToShow(source: SourceFile, marks: readonly Mark[]): readonly number[] {
  const lines = new Set<number>();
  for (const { startLine, endLine, start, end } of marks) {
    const whole = endLine - startLine < WHOLE_SPAN_LINES;
    for (let line = startLine; line <= endLine; line++) {
      if (whole || line <= startLine + 1 || line === endLine) lines.add(line);
    }
    // at the end of the file an empty line says nothing: show the last one with text
    const isBlank = (line: number): boolean => lineText(source, line).text.trim() === '';
    if (startLine === endLine && start === end && isBlank(startLine)) {
      let before = startLine - 1;
      while (before > 1 && isBlank(before)) before--;
      if (before >= 1) lines.add(before);
    }
  }
  const sorted = [...lines].sort((a, b) => a - b);
  // a gap of one line takes as much room as the line
  return sorted.flatMap((line, i) => (line - (sorted[i - 1] ?? line) === 2 ? [line - 1, line] : [line]));
}

/** Is the span's first character the first of its line? Then the bar begins beside the line itself. */
function opensLine(source: SourceFile, bar: Bar): boolean {
  return lineText(source, bar.startLine).text.slice(0, bar.start).trim() === '';
}

function viewOf(source: SourceFile, line: number, marks: readonly Mark[], limit: number): LineView {
  const ranges = marks.flatMap((mark) => {
    const from = mark.startLine === line ? mark.start : mark.end - 1;
    const to = mark.endLine === line ? mark.end : mark.start + 1;
    return mark.startLine === line || mark.endLine === line ? [{ from, to, primary: mark.primary }] : [];
  });
  const from = Math.min(...ranges.map((range) => range.from));
  const to = Math.max(...ranges.map((range) => range.to));
  const { text } = lineText(source, line);
  if (ranges.length === 0) return layoutLine(text, 0, 0, limit);
  const primary = ranges.find((range) => range.primary);
  // where not all labels fit into the window, the primary one must
  if (primary && to - from > limit / 2) return layoutLine(text, primary.from, primary.to, limit);
  return layoutLine(text, from, to, limit);
}

function itemsOf(
  source: SourceFile,
  line: number,
  marks: readonly Mark[],
  bars: readonly Bar[],
  view: LineView,
): Item[] {
  const items: Item[] = [];
  for (const mark of marks) {
    if (mark.startLine !== line || mark.endLine !== line) continue;
    const column = view.columnOf(mark.start);
    items.push({ column, end: Math.max(view.columnOf(mark.end), column + 1), mark, message: mark.message });
  }
  for (const bar of bars) {
    if (bar.startLine === line && !opensLine(source, bar)) {
      const column = view.columnOf(bar.start);
      items.push({ column, end: column + 1, mark: bar, message: '', bar });
    } else if (bar.endLine === line) {
      const column = Math.max(0, view.columnOf(bar.end) - 1);
      items.push({ column, end: column + 1, mark: bar, message: bar.message, bar });
    }
  }
  return items.sort((a, b) => b.column - a.column || b.end - a.end);
}

/**
 * Draws the underlines, connectors and messages of one line (items from right to left). `edge` is the column of the
 * margin, `origin` that of the text. Returns the rows and, for each bar that begins or ends here, the row of its corner.
 */
function annotate(items: readonly Item[], edge: number, origin: number): { rows: Row[]; corners: Map<Bar, number> } {
  const corners = new Map<Bar, number>();
  if (items.length === 0) return { rows: [], corners };
  const underlines = new Row();
  const rows = [underlines];
  // the shorter over the longer, so that a nested one shows; of equal ones the primary
  const byLength = [...items].sort(
    (a, b) => b.end - b.column - (a.end - a.column) || Number(a.mark.primary) - Number(b.mark.primary),
  );
  for (const { column, end, mark } of byLength) {
    underlines.write(origin + column, (mark.primary ? '^' : '-').repeat(end - column), mark.style);
  }

  const [rightmost] = items;
  const inline =
    rightmost && items.every((item) => item.end <= rightmost.end) && (items.length === 1 || !rightmost.bar);
  if (inline) {
    underlines.write(origin + rightmost.end + 1, rightmost.message, rightmost.mark.style);
    if (rightmost.bar) corners.set(rightmost.bar, 0);
  }
  const below = items.slice(inline ? 1 : 0).filter((item) => item.message !== '' || item.bar);
  if (below.length > 0) rows.push(new Row()); // one row of connectors sets the messages apart
  for (const { column, mark, message, bar } of below) {
    for (const row of rows.slice(1)) row.fill(origin + column, origin + column + 1, '|', mark.style);
    const row = new Row();
    if (bar) {
      row.write(origin + column, '|', mark.style);
      row.write(origin + column + 2, message, mark.style);
      corners.set(bar, rows.length);
    } else {
      row.write(origin + column, message, mark.style);
    }
    rows.push(row);
  }
  // last, so that a bar's corner runs behind the connectors that cross it
  for (const { column, bar } of items) {
    const corner = bar && corners.get(bar);
    if (bar && corner !== undefined) rows[corner]!.fill(edge + bar.depth + 1, origin + column, '_', bar.style);
  }
  return { rows, corners };
}

export interface FrameOptions {
  readonly severity: Severity;
  /** digits of the largest line number of the whole diagnostic */
  readonly gutter: number;
  /** columns of the terminal */
  readonly width: number;
}

/** The largest line number that a frame of these labels shows. */
export function lastLine(labels: readonly FrameLabel[]): number {
  return Math.max(...labels.map((label) => locate(label, 'error').endLine));
}

/** The rows of the labelled lines of one file, all labels being of that file. */
export function frameRows(source: SourceFile, labels: readonly FrameLabel[], options: FrameOptions): readonly Row[] {
  const marks = labels.map((label) => locate(label, options.severity));
  const bars = placeBars(marks);
  const edge = options.gutter + 3; // `42 | `
  const origin = edge + (bars.length === 0 ? 0 : Math.max(...bars.map((bar) => bar.depth)) + 2);
  const rows: Row[] = [];
  const emit = (row: Row, head: string): void => {
    row.write(0, head, 'gutter');
    rows.push(row);
  };
  const blank = `${' '.repeat(options.gutter)} |`;

  let previous: number | undefined;
  for (const line of linesToShow(source, marks)) {
    if (previous !== undefined && line > previous + 1) {
      const gap = new Row();
      for (const bar of bars) {
        if (bar.startLine < line && bar.endLine >= line) gap.write(edge + bar.depth, '|', bar.style);
      }
      emit(gap, '...');
    }
    previous = line;

    const view = viewOf(source, line, marks, Math.max(MINIMUM_LINE, options.width - origin));
    const { rows: notes, corners } = annotate(itemsOf(source, line, marks, bars, view), edge, origin);
    const text = new Row();
    text.write(origin, view.text, 'plain');
    for (const bar of bars) {
      const at = edge + bar.depth;
      if (line < bar.startLine || line > bar.endLine) continue;
      if (line > bar.startLine) text.write(at, '|', bar.style);
      else if (opensLine(source, bar)) text.write(at, '/', bar.style);
      const corner = corners.get(bar) ?? -1;
      notes.forEach((row, i) => {
        if (line === bar.endLine ? i <= corner : i > corner) row.fill(at, at + 1, '|', bar.style);
      });
    }
    emit(text, `${String(line).padStart(options.gutter)} |`);
    for (const row of notes) emit(row, blank);
  }
  return rows;
}
