/**
 * Boxes in texts: `{<x1><y1><x2><y2>}`, integers from 0 to 100, in hundredths of the image's width and height, from
 * the top left corner (as MiniGPT-v2 and TinyGPT-V write them).
 */

export interface Box {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

const PATTERN = /\{<(\d{1,3})><(\d{1,3})><(\d{1,3})><(\d{1,3})>\}/g;

/** A box as the model writes it, `{<x1><y1><x2><y2>}`: corners in hundredths of the picture's sides. */
export function formatBox({ x1, y1, x2, y2 }: Box): string {
  return `{<${x1}><${y1}><${x2}><${y2}>}`;
}

/**
 * Every well-formed box of a text, in order. Strict: no spaces, at most three digits, 0 … 100, x1 < x2 and y1 < y2;
 * what looks like a box and breaks a rule is left out, and counts as a miss where a box was wanted.
 */
export function parseBoxes(text: string): Box[] {
  return [...text.matchAll(PATTERN)].flatMap((match) => {
    const [x1, y1, x2, y2] = match.slice(1).map(Number) as [number, number, number, number];
    return Math.max(x1, y1, x2, y2) <= 100 && x1 < x2 && y1 < y2 ? [{ x1, y1, x2, y2 }] : [];
  });
}

/** Intersection over union of two boxes, 0 … 1. */
export function boxIou(a: Box, b: Box): number {
  const width = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const height = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  if (width <= 0 || height <= 0) return 0;
  const area = ({ x1, y1, x2, y2 }: Box): number => (x2 - x1) * (y2 - y1);
  const shared = width * height;
  return shared / (area(a) + area(b) - shared);
}
