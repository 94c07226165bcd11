/**
 * Documents: text with the places where it may break into lines, after Wadler 2003, "A prettier printer", and its
 * descendants. `print.ts` chooses the breaks.
 *
 * Comments are part of a document. One that ends its line (`// …`, or alone on a line) may begin or end a group without
 * breaking it; inside a group it breaks it, and so every group around.
 */

export type Doc = string | Concat | Group | Indent | Line | Fill | Comment;

export interface Concat {
  readonly kind: 'concat';
  readonly parts: readonly Doc[];
  readonly shape: Shape;
}
/** Flat if its contents fit on the line, else all lines that are directly in it break. */
export interface Group {
  readonly kind: 'group';
  readonly contents: Doc;
  readonly shape: Shape;
}
export interface Indent {
  readonly kind: 'indent';
  readonly contents: Doc;
  readonly shape: Shape;
}
/** `flat` where its group is flat (undefined: it never is), else the end of a line. */
export interface Line {
  readonly kind: 'line';
  readonly flat: string | undefined;
}
/** Items and, between each two, a line; each line breaks only if the item after it does not fit. */
export interface Fill {
  readonly kind: 'fill';
  readonly items: readonly Doc[];
  readonly separator: Line;
  readonly shape: Shape;
}
/** A comment that nothing may follow on its line; alone on it, or after what stands there. */
export interface Comment {
  readonly kind: 'comment';
  readonly text: string;
  readonly alone: boolean;
}

/** What is known of a document without printing it. */
interface Shape {
  /** it has nothing in it */
  readonly empty: boolean;
  /** it takes several lines, whatever the width */
  readonly forced: boolean;
  /** it begins with a comment that is alone on its line */
  readonly starts: boolean;
  /** it ends with a comment that nothing may follow */
  readonly ends: boolean;
  /** columns that it takes on one line; NaN where it is not on one, or has comments */
  readonly width: number;
}

const NOTHING: Shape = { empty: true, forced: false, starts: false, ends: false, width: 0 };
const HARD: Shape = { empty: false, forced: true, starts: false, ends: false, width: Number.NaN };

export const line: Line = { kind: 'line', flat: ' ' };
export const softline: Line = { kind: 'line', flat: '' };
export const hardline: Line = { kind: 'line', flat: undefined };
/** A comma where the line goes on, nothing where it ends. */
export const commaOrLine: Line = { kind: 'line', flat: ', ' };
/** An empty line is a hardline after a hardline: the printer leaves the first without blanks. */
export const blankLine: Doc = concat([hardline, hardline]);

function shapeOf(doc: Doc): Shape {
  if (typeof doc === 'string') {
    return doc === '' ? NOTHING : { empty: false, forced: false, starts: false, ends: false, width: doc.length };
  }
  if (doc.kind === 'line') {
    return doc.flat === undefined
      ? HARD
      : { empty: false, forced: false, starts: false, ends: false, width: doc.flat.length };
  }
  if (doc.kind === 'comment') return { empty: false, forced: false, starts: doc.alone, ends: true, width: Number.NaN };
  return doc.shape;
}

function shapeOfAll(parts: readonly Doc[]): Shape {
  let empty = true;
  let forced = false;
  let starts = false;
  let ends = false;
  let leading = true;
  let width = 0;
  for (const part of parts) {
    if (typeof part === 'string' && !ends) {
      if (part === '') continue;
      width += part.length;
      leading = false;
      empty = false;
      continue;
    }
    const shape = shapeOf(part);
    if (shape.empty) continue;
    if (shape.forced || (shape.starts && !leading)) forced = true;
    // commas are written before the comment that ends a line; after comments that begin a document comes its first line
    if (ends && part !== ',' && !(starts && leading)) forced = true;
    if (leading && shape.starts) starts = true;
    if (!(typeof part === 'object' && part.kind === 'comment' && part.alone)) leading = false;
    ends = part === ',' ? ends : shape.ends;
    empty = false;
    width += shape.width;
  }
  return { empty, forced, starts, ends, width: forced ? Number.NaN : width };
}

export function concat(parts: readonly Doc[]): Doc {
  return { kind: 'concat', parts, shape: shapeOfAll(parts) };
}

export function group(parts: readonly Doc[]): Doc {
  const contents = concat(parts);
  return { kind: 'group', contents, shape: shapeOf(contents) };
}

export function indent(parts: readonly Doc[]): Doc {
  const contents = concat(parts);
  return { kind: 'indent', contents, shape: shapeOf(contents) };
}

export function fill(items: readonly Doc[], separator: Line = line): Doc {
  return { kind: 'fill', items, separator, shape: shapeOfAll(between(items, separator)) };
}

/** The parts with a separator between each two. */
export function between(parts: readonly Doc[], separator: Doc): Doc[] {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part]));
}

/** A group that takes several lines even if its contents would fit. */
export function broken(parts: readonly Doc[]): Doc {
  const contents = concat(parts);
  return { kind: 'group', contents, shape: { ...shapeOf(contents), forced: true, width: Number.NaN } };
}

export function isForced(doc: Doc): boolean {
  return shapeOf(doc).forced;
}

/** Columns that a document takes on one line; NaN where it is not on one, or has comments. */
export function widthOf(doc: Doc): number {
  return typeof doc === 'string' ? doc.length : shapeOf(doc).width;
}
