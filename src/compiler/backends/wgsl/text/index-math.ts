/**
 * Arithmetic on u32 texts of WGSL, with the simplifications that keep kernels readable: `i0 * 1u + 0u` is `i0`.
 *
 * A coordinate is the text of an expression without side effects: a literal (`3u`), a name (`i0`), or a sum or
 * product of them in parentheses.
 */
import { type Dim, divideDims, equalDims, mulDims, productOf, type Shape } from '../../../../shared/dim.ts';

export type Coordinate = string;

const LITERAL = /^(\d+)u$/;

/** The value of a literal; undefined for any other text. */
export function literalOf(text: Coordinate): number | undefined {
  const found = LITERAL.exec(text);
  return found ? Number(found[1]) : undefined;
}

export const literal = (value: number): Coordinate => `${value}u`;

export function plus(a: Coordinate, b: Coordinate): Coordinate {
  const [x, y] = [literalOf(a), literalOf(b)];
  if (x !== undefined && y !== undefined) return literal(x + y);
  if (x === 0) return b;
  if (y === 0) return a;
  return `(${a} + ${b})`;
}

export function minus(a: Coordinate, b: Coordinate): Coordinate {
  const [x, y] = [literalOf(a), literalOf(b)];
  if (x !== undefined && y !== undefined && x >= y) return literal(x - y);
  return y === 0 ? a : `(${a} - ${b})`;
}

export function times(a: Coordinate, b: Coordinate): Coordinate {
  const [x, y] = [literalOf(a), literalOf(b)];
  if (x !== undefined && y !== undefined) return literal(x * y);
  if (x === 0 || y === 0) return '0u';
  if (x === 1) return b;
  if (y === 1) return a;
  return `(${a} * ${b})`;
}

export function over(a: Coordinate, b: Coordinate): Coordinate {
  const [x, y] = [literalOf(a), literalOf(b)];
  if (x !== undefined && y !== undefined) return literal(Math.floor(x / y));
  return y === 1 || x === 0 ? a : `(${a} / ${b})`;
}

export function modulo(a: Coordinate, b: Coordinate): Coordinate {
  const [x, y] = [literalOf(a), literalOf(b)];
  if (x !== undefined && y !== undefined) return literal(x % y);
  return y === 1 ? '0u' : x === 0 ? '0u' : `(${a} % ${b})`;
}

/** What turns a dim into text, and names an expression so that it is computed once. */
export interface IndexWriter {
  size(dim: Dim): Coordinate;
  name(text: Coordinate): Coordinate;
}

/** Row-major position of coordinates in a shape. */
export function linearise(write: IndexWriter, coordinates: readonly Coordinate[], shape: Shape): Coordinate {
  let index: Coordinate = '0u';
  for (const [axis, coordinate] of coordinates.entries()) {
    index = plus(times(index, write.size(shape[axis]!)), coordinate);
  }
  return index;
}

/** Coordinates of a row-major position. The first is not reduced: positions are inside the shape. */
export function delinearise(write: IndexWriter, index: Coordinate, shape: Shape): Coordinate[] {
  const coordinates = new Array<Coordinate>(shape.length);
  let rest = index;
  // axes of 1 take no part; the outermost of the others needs no remainder
  const outermost = shape.findIndex((dim) => dim !== 1);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const dim = shape[axis]!;
    if (dim === 1) coordinates[axis] = '0u';
    else if (axis === outermost) coordinates[axis] = rest;
    else {
      coordinates[axis] = write.name(modulo(rest, write.size(dim)));
      rest = write.name(over(rest, write.size(dim)));
    }
  }
  return coordinates;
}

/** Runs of axes of two shapes with equal products: [2, 3, 4] and [6, 4] pair up as [2, 3]–[6] and [4]–[4]. */
export interface Segment {
  readonly from: readonly [start: number, end: number];
  readonly to: readonly [start: number, end: number];
}

export function segmentsOf(from: Shape, to: Shape): Segment[] {
  if (from.includes(0) || to.includes(0)) return [{ from: [0, from.length], to: [0, to.length] }];
  const segments: Segment[] = [];
  let [i, k] = [0, 0];
  while (i < from.length && k < to.length) {
    const start = [i, k] as const;
    let [a, b]: [Dim, Dim] = [from[i++]!, to[k++]!];
    while (!equalDims(a, b)) {
      const takeFrom = i < from.length && (k >= to.length || divideDims(b, a) !== undefined);
      if (takeFrom) a = mulDims(a, from[i++]!);
      else if (k < to.length) b = mulDims(b, to[k++]!);
      else break;
    }
    segments.push({ from: [start[0], i], to: [start[1], k] });
  }
  // axes of 1 that are left over
  if (i < from.length || k < to.length) segments.push({ from: [i, from.length], to: [k, to.length] });
  const whole = segments.every(({ from: [a, b], to: [c, d] }) =>
    equalDims(productOf(from.slice(a, b)), productOf(to.slice(c, d))),
  );
  return whole ? segments : [{ from: [0, from.length], to: [0, to.length] }];
}

/** Coordinates in `from` of the element that has these coordinates in `to`, the same elements in the same order. */
export function reshapeCoordinates(
  write: IndexWriter,
  coordinates: readonly Coordinate[],
  to: Shape,
  from: Shape,
): Coordinate[] {
  return segmentsOf(from, to).flatMap(({ from: [a, b], to: [c, d] }) => {
    const source = from.slice(a, b);
    const target = to.slice(c, d);
    const own = coordinates.slice(c, d);
    const places = source.flatMap((dim, axis) => (dim === 1 ? [] : [axis]));
    const kept = target.flatMap((dim, axis) => (dim === 1 ? [] : [axis]));
    if (places.length === kept.length && places.every((place, n) => equalDims(source[place]!, target[kept[n]!]!))) {
      return source.map((_, axis) => (places.includes(axis) ? own[kept[places.indexOf(axis)]!]! : '0u'));
    }
    return delinearise(write, write.name(linearise(write, own, target)), source);
  });
}
