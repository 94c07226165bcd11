/** Sizes that several rules compute. */
import { addDims, type Dim, divideDims, equalDims, isSymbolic, productOf, type Shape } from '../../../shared/dim.ts';
import type { Call } from '../call.ts';

/** The shape that two broadcast to. */
export function broadcastShape(c: Call, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis): Dim => {
    const [x, y] = [a[axis + a.length - rank] ?? 1, b[axis + b.length - rank] ?? 1];
    if (equalDims(x, 1)) return y;
    if (equalDims(y, 1) || equalDims(x, y)) return x;
    return c.fail('its sizes do not broadcast');
  });
}

/** The shape that Reshape means: 0 keeps a size, −1 is what is left. */
export function reshapedTo(c: Call, from: Shape, wanted: readonly Dim[], allowsZero: boolean): Shape {
  const kept = wanted.map((dim, axis) =>
    dim === 0 && !allowsZero ? (from[axis] ?? c.fail(`it keeps axis ${axis}, which its operand has not`)) : dim,
  );
  const hole = kept.indexOf(-1);
  if (hole < 0) return kept;
  // what is on both sides is no part of the quotient, which a sum could not be divided by
  const left = [...from];
  const rest = kept.filter((dim, axis) => {
    const same = axis === hole ? -1 : left.findIndex((size) => equalDims(size, dim));
    if (same >= 0) left.splice(same, 1);
    return axis !== hole && same < 0;
  });
  const size =
    divideDims(productOf(left), productOf(rest)) ?? c.fail('what is left for −1 does not follow from its sizes');
  return kept.map((dim, axis) => (axis === hole ? size : dim));
}

/** A bound of a slice within an axis: negative ones count from its end, and what lies outside of a static axis is clamped. */
export function boundOf(bound: Dim, size: Dim): Dim {
  if (isSymbolic(bound)) return bound;
  if (isSymbolic(size)) {
    if (bound >= FAR) return size;
    if (bound <= -FAR) return 0;
    return bound < 0 ? addDims(size, bound) : bound;
  }
  return Math.min(Math.max(bound < 0 ? bound + size : bound, 0), size);
}

/** Slices say "to the end" by a number that no axis reaches: 10⁹, or the largest of 32 or of 64 bits. */
export const FAR = 1e9;

/** `[N, C, 1, L]` of `[N, C, L]` */
export function withAxis(shape: Shape, axis: number): Shape {
  return [...shape.slice(0, axis), 1, ...shape.slice(axis)];
}

export function withoutAxis(shape: Shape, axis: number): Shape {
  return shape.filter((_, index) => index !== axis);
}
