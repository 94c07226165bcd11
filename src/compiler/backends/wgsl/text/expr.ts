/**
 * Index arithmetic as data: an index is Σ coefficient · atom + offset over u32, with dims as coefficients. What can be
 * known of it (which axes it depends on, whether it is aligned, whether a division cancels) is asked here and not of text.
 *
 *   m % T · 128 + m / T · 128·T + k     is     m · 128 + k
 *   (row · 128 + c) / 128               is     row, as 0 ≤ c < 128
 *
 * Sums and products are exact modulo 2³². A division is simplified only where no part of its operand can be negative,
 * since then nothing has wrapped around.
 */
import {
  addDims,
  atLeastZero,
  type Dim,
  divideDims,
  equalDims,
  mulDims,
  printDim,
  productOf,
  type Shape,
  subDims,
} from '../../../../shared/dim.ts';
import type { Expression } from './expression.ts';

export type Atom =
  /** a loop's counter or a function's argument: 0 ≤ name < extent */
  | { readonly kind: 'axis'; readonly key: string; readonly name: string; readonly extent: Dim }
  | { readonly kind: 'quotient' | 'remainder'; readonly key: string; readonly of: Index; readonly by: Dim }
  /** a u32 of the kernel that is not index arithmetic: an index read from a tensor, a word of the uniform */
  | {
      readonly kind: 'word';
      readonly key: string;
      readonly value: Expression;
      readonly axes: ReadonlySet<string>;
      readonly aligned: boolean;
    };

export interface Term {
  readonly atom: Atom;
  readonly coefficient: Dim;
}

export interface Index {
  /** equal for equal indices */
  readonly key: string;
  readonly terms: readonly Term[];
  readonly offset: Dim;
}

function indexOf(terms: readonly Term[], offset: Dim): Index {
  const parts = terms.map(({ atom, coefficient }) =>
    coefficient === 1 ? atom.key : `${atom.key} · (${printDim(coefficient)})`,
  );
  const key = [...parts.sort(), ...(offset === 0 && terms.length > 0 ? [] : [printDim(offset)])].join(' + ');
  return { key, terms, offset };
}

export const constant = (dim: Dim): Index => indexOf([], dim);
export const ZERO = constant(0);
const single = (atom: Atom): Index => indexOf([{ atom, coefficient: 1 }], 0);

/** @param extent a size that the axis stays below */
export const axis = (name: string, extent: Dim): Index =>
  extent === 1 ? ZERO : single({ kind: 'axis', key: name, name, extent });

/** @param aligned whether it is a multiple of 4 */
export function word(
  value: Expression,
  key = value.key,
  axes: ReadonlySet<string> = new Set(),
  aligned = false,
): Index {
  return single({ kind: 'word', key: `<${key}>`, value, axes, aligned });
}

export const equalIndices = (a: Index, b: Index): boolean => a.key === b.key;
export const keyOf = (coordinates: readonly Index[]): string => coordinates.map(({ key }) => key).join(', ');

export function plus(a: Index, b: Index): Index {
  if (b.terms.length === 0 && b.offset === 0) return a;
  if (a.terms.length === 0 && a.offset === 0) return b;
  const terms = new Map(a.terms.map((term) => [term.atom.key, term]));
  for (const term of b.terms) {
    const before = terms.get(term.atom.key);
    terms.set(term.atom.key, before ? { ...before, coefficient: addDims(before.coefficient, term.coefficient) } : term);
  }
  const kept = [...terms.values()].filter(({ coefficient }) => coefficient !== 0);
  return rejoined(indexOf(kept, addDims(a.offset, b.offset)));
}

export function times(a: Index, by: Dim): Index {
  if (by === 1) return a;
  if (by === 0) return ZERO;
  return indexOf(
    a.terms.map(({ atom, coefficient }) => ({ atom, coefficient: mulDims(coefficient, by) })),
    mulDims(a.offset, by),
  );
}

export const minus = (a: Index, b: Index): Index => plus(a, times(b, -1));

/** e % d · c + e / d · (d · c) is e · c. */
function rejoined(index: Index): Index {
  for (const { atom, coefficient } of index.terms) {
    if (atom.kind !== 'remainder') continue;
    const [partner] = over(atom.of, atom.by).terms;
    const found = partner && index.terms.find((term) => term.atom.key === partner.atom.key);
    if (!found || !equalDims(found.coefficient, mulDims(coefficient, atom.by))) continue;
    const rest = index.terms.filter((term) => term !== found && term.atom !== atom);
    return plus(indexOf(rest, index.offset), times(atom.of, coefficient));
  }
  return index;
}

const natural = (index: Index): boolean =>
  atLeastZero(index.offset) === 'always' &&
  index.terms.every(({ atom, coefficient }) => atLeastZero(coefficient) === 'always' && isNatural(atom));

const isNatural = (atom: Atom): boolean => atom.kind === 'axis' || (atom.kind !== 'word' && natural(atom.of));

/** A dim that the index never exceeds; undefined where none is known. */
function largest(index: Index): Dim | undefined {
  let sum: Dim = index.offset;
  for (const { atom, coefficient } of index.terms) {
    const most = largestAtom(atom);
    if (most === undefined) return undefined;
    sum = addDims(sum, mulDims(most, coefficient));
  }
  return sum;
}

function largestAtom(atom: Atom): Dim | undefined {
  if (atom.kind === 'word') return undefined;
  if (atom.kind === 'axis') return addDims(atom.extent, -1);
  if (atom.kind === 'remainder') return addDims(atom.by, -1);
  const most = largest(atom.of);
  if (most === undefined) return undefined;
  if (typeof most === 'number' && typeof atom.by === 'number') return Math.floor(most / atom.by);
  const count = divideDims(addDims(most, 1), atom.by);
  return count === undefined ? undefined : addDims(count, -1);
}

/** The part of an index that is a multiple of `by`, divided by it, and the rest. */
function parted(index: Index, by: Dim): { readonly whole: Index; readonly rest: Index } {
  const whole: Term[] = [];
  const rest: Term[] = [];
  for (const term of index.terms) {
    const quotient = divideDims(term.coefficient, by);
    if (quotient === undefined) rest.push(term);
    else whole.push({ atom: term.atom, coefficient: quotient });
  }
  const { offset } = index;
  const both = typeof offset === 'number' && typeof by === 'number';
  const steps = both ? Math.floor(offset / by) : (divideDims(offset, by) ?? 0);
  return { whole: indexOf(whole, steps), rest: indexOf(rest, subDims(offset, mulDims(steps, by))) };
}

function isBelow(index: Index, by: Dim): boolean {
  const most = largest(index);
  return most !== undefined && atLeastZero(subDims(addDims(by, -1), most)) === 'always';
}

export function over(index: Index, by: Dim): Index {
  if (by === 1) return index;
  if (!natural(index) || atLeastZero(by) !== 'always') return divided('quotient', index, by);
  const { whole, rest } = parted(index, by);
  if (isBelow(rest, by)) return whole;
  const [first] = rest.terms;
  if (first && rest.terms.length === 1 && first.coefficient === 1 && rest.offset === 0) {
    if (first.atom.kind === 'quotient') return plus(whole, over(first.atom.of, mulDims(first.atom.by, by)));
  }
  return plus(whole, divided('quotient', rest, by));
}

export function modulo(index: Index, by: Dim): Index {
  if (by === 1) return ZERO;
  if (!natural(index) || atLeastZero(by) !== 'always') return divided('remainder', index, by);
  const { rest } = parted(index, by);
  return isBelow(rest, by) ? rest : divided('remainder', rest, by);
}

function divided(kind: 'quotient' | 'remainder', of: Index, by: Dim): Index {
  const key = `(${of.key}) ${kind === 'quotient' ? '/' : '%'} (${printDim(by)})`;
  return single({ kind, key, of, by });
}

/** Names of the axes that an index depends on. */
export function axesOf({ terms }: Index, into: Set<string> = new Set()): Set<string> {
  for (const { atom } of terms) {
    if (atom.kind === 'axis') into.add(atom.name);
    else if (atom.kind === 'word') for (const name of atom.axes) into.add(name);
    else axesOf(atom.of, into);
  }
  return into;
}

/** Whether an index is an axis or a constant. */
export const isPlain = ({ terms: [first, ...others], offset }: Index): boolean =>
  !first || (others.length === 0 && first.coefficient === 1 && offset === 0 && first.atom.kind === 'axis');

/** Whether an index needs no division: a stride for each axis. */
export const isAffine = ({ terms }: Index): boolean =>
  terms.every(({ atom }) => atom.kind === 'axis' || atom.kind === 'word');

export const isMultipleOf4 = (dim: Dim): boolean =>
  typeof dim === 'number' ? dim % 4 === 0 : divideDims(dim, 4) !== undefined;

const isAligned = ({ atom, coefficient }: Term): boolean =>
  isMultipleOf4(coefficient) || (atom.kind === 'word' && atom.aligned);

/** Whether four neighbours along an axis, of which the first is a multiple of 4, are one aligned vector. */
export function isVectorAlong(index: Index, name: string): boolean {
  const { terms, offset } = inOnePart(index);
  const own = terms.find(({ atom, coefficient }) => coefficient === 1 && countsAlong(atom, name));
  return (
    own !== undefined &&
    isMultipleOf4(offset) &&
    terms.every((term) => term === own || (isAligned(term) && isSameForFour(term.atom, name)))
  );
}

/** e / d % h · d + e % d as e % (d · h), which is one division and no less: worth it where it answers a question. */
function inOnePart(index: Index): Index {
  for (const { atom, coefficient } of index.terms) {
    if (atom.kind !== 'remainder') continue;
    const steps = over(atom.of, atom.by);
    for (const { atom: other, coefficient: above } of index.terms) {
      if (other.kind !== 'remainder' || !equalIndices(other.of, steps)) continue;
      if (!equalDims(above, mulDims(coefficient, atom.by))) continue;
      const rest = index.terms.filter((term) => term.atom !== other && term.atom !== atom);
      const whole = times(modulo(atom.of, mulDims(atom.by, other.by)), coefficient);
      return inOnePart(plus(indexOf(rest, index.offset), whole));
    }
  }
  return index;
}

const isAxis = ({ terms: [term, ...others], offset }: Index, name: string): boolean =>
  others.length === 0 &&
  offset === 0 &&
  term?.coefficient === 1 &&
  term.atom.kind === 'axis' &&
  term.atom.name === name;

/** Whether an atom counts four neighbours along an axis: the axis, or its rest by a multiple of 4. */
function countsAlong(atom: Atom, name: string): boolean {
  if (atom.kind === 'axis') return atom.name === name && isMultipleOf4(atom.extent);
  if (atom.kind !== 'remainder' || !isMultipleOf4(atom.by) || !isAxis(atom.of, name)) return false;
  return countsAlong(atom.of.terms[0]!.atom, name);
}

/** Whether an atom is the same for four neighbours along an axis: without it, or a quotient of it by a multiple of 4. */
function isSameForFour(atom: Atom, name: string): boolean {
  if (!axesOf(indexOf([{ atom, coefficient: 1 }], 0)).has(name)) return true;
  return atom.kind === 'quotient' && isMultipleOf4(atom.by) && isAxis(atom.of, name);
}

/** Which element of an aligned vector an index is, where that is known. */
export function laneOf({ terms, offset }: Index): number | undefined {
  return terms.length > 0 && typeof offset === 'number' && offset >= 0 && terms.every(isAligned)
    ? offset % 4
    : undefined;
}

/** Row-major position of coordinates in a shape. */
export function linearise(coordinates: readonly Index[], shape: Shape): Index {
  let index = ZERO;
  for (const [at, coordinate] of coordinates.entries()) index = plus(times(index, shape[at]!), coordinate);
  return index;
}

/** Coordinates of a row-major position. The first is not reduced: positions are inside the shape. */
export function delinearise(index: Index, shape: Shape): Index[] {
  const coordinates = new Array<Index>(shape.length).fill(ZERO);
  let rest = index;
  // axes of 1 take no part; the outermost of the others needs no remainder
  const outermost = shape.findIndex((dim) => dim !== 1);
  for (let at = shape.length - 1; at >= 0; at--) {
    const dim = shape[at]!;
    if (dim === 1) continue;
    coordinates[at] = at === outermost ? rest : modulo(rest, dim);
    if (at !== outermost) rest = over(rest, dim);
  }
  return coordinates;
}

/** Coordinates in `from` of the element that has these coordinates in `to`, the same elements in the same order. */
export function reshapeCoordinates(coordinates: readonly Index[], to: Shape, from: Shape): Index[] {
  return segmentsOf(from, to).flatMap(({ from: [a, b], to: [c, d] }) => {
    const source = from.slice(a, b);
    const target = to.slice(c, d);
    const own = coordinates.slice(c, d);
    const places = source.flatMap((dim, at) => (dim === 1 ? [] : [at]));
    const kept = target.flatMap((dim, at) => (dim === 1 ? [] : [at]));
    if (places.length === kept.length && places.every((place, n) => equalDims(source[place]!, target[kept[n]!]!))) {
      return source.map((_, at) => (places.includes(at) ? own[kept[places.indexOf(at)]!]! : ZERO));
    }
    return delinearise(linearise(own, target), source);
  });
}

/** Runs of axes of two shapes with equal products: [2, 3, 4] and [6, 4] pair up as [2, 3]–[6] and [4]–[4]. */
interface Segment {
  readonly from: readonly [start: number, end: number];
  readonly to: readonly [start: number, end: number];
}

function segmentsOf(from: Shape, to: Shape): Segment[] {
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
