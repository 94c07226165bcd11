/**
 * What an op's integers can be, from what its operands' can: the rule of each record, over whatever an analysis knows of a
 * tensor's elements. There are two: bounds that are dims (`T - 1`, checks/intervals.ts) and bounds of 32 bits
 * (backends/wgsl/integers.ts).
 */
import type { Dim } from '../../shared/dim.ts';

/** An analysis, with I for what it knows of all elements of a tensor. */
export interface Integers<I> {
  /** low ≤ x ≤ high; exact: both are elements */
  between(low: Dim, high: Dim, exact?: true): I;
  /** an element of one of these */
  any(...of: readonly [I, ...I[]]): I;
  sum(a: I, b: I): I;
  difference(a: I, b: I): I;
  product(a: I, b: I): I;
  larger(a: I, b: I): I;
  smaller(a: I, b: I): I;
  /** the sum of up to Π `most` elements, and of at least `least` */
  total(of: I, most: readonly Dim[], least: 0 | 1): I;
  /** of floats, without what is behind the point */
  truncated(of: I): I;
}
