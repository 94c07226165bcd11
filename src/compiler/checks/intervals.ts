/**
 * What is known of the integers of a graph without running it: low ≤ every element ≤ high, as dims (`T - 1`).
 *
 * Serves the proof that an index lies in its table, so an absent bound is always right. An interval is `exact` when its
 * bounds are elements of the tensor (iota, dim_size, and what adds a number to them): outside of a table it is a mistake then,
 * and not only unproven.
 */
import {
  addDims,
  atLeastZero,
  type Dim,
  isSymbolic,
  mulDims,
  subDims,
  substituteDim,
  symbol,
} from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import { integersOf } from '../ir/facts.ts';
import { type AnyNode, type Graph, type Requirement, typeOf, type ValueId } from '../ir/graph.ts';
import type { Integers } from '../ops/integers.ts';

export interface Interval {
  readonly low: Dim | undefined;
  readonly high: Dim | undefined;
  readonly exact: boolean;
  /** of floats: one may be NaN, which no bound holds for */
  readonly nan?: true;
}

const UNKNOWN: Interval = { low: undefined, high: undefined, exact: false };
const ANY_FLOAT: Interval = { ...UNKNOWN, nan: true };
/** Integers up to here are floats. */
const EXACT_FLOAT = 2 ** 24;

/** Whether a dim is at least 0 for all sizes that the graph runs with. */
export class Sizes {
  private readonly least: ReadonlyMap<string, Dim>;

  constructor(requires: readonly Requirement[]) {
    const least = new Map<string, Dim>();
    for (const { dim } of requires) {
      // T − 4 ≥ 0 makes T the sum of 4 and a size
      if (!isSymbolic(dim) || dim.terms.length !== 2) continue;
      const [{ coefficient, symbols }, constant] = [dim.terms[0]!, dim.terms[1]!];
      const [name] = symbols;
      if (coefficient !== 1 || symbols.length !== 1 || constant.symbols.length > 0) continue;
      const before = least.get(name!);
      const next = subDims(symbol(name!), constant.coefficient);
      if (before === undefined || atLeastZero(subDims(next, before)) === 'always') least.set(name!, next);
    }
    this.least = least;
  }

  holds(dim: Dim): boolean {
    return atLeastZero(substituteDim(dim, this.least)) === 'always';
  }

  /** The larger of two; `otherwise` where neither is known to be. */
  largest(a: Dim, b: Dim, otherwise: Dim | undefined): Dim | undefined {
    return this.holds(subDims(a, b)) ? a : this.holds(subDims(b, a)) ? b : otherwise;
  }

  smallest(a: Dim, b: Dim, otherwise: Dim | undefined): Dim | undefined {
    return this.holds(subDims(b, a)) ? a : this.holds(subDims(a, b)) ? b : otherwise;
  }
}

/** @param known intervals of inputs that are checked before the graph runs */
export function intervalsOf(
  graph: Graph,
  sizes: Sizes,
  known: ReadonlyMap<ValueId, Interval> = new Map(),
): (value: ValueId) => Interval {
  const intervals = new Map<ValueId, Interval>(known);
  for (const { value, tensor } of graph.constants) {
    if (tensor.data.length === 0 || tensor.data.some(Number.isNaN)) continue;
    // a target's floats: 4.99999999 is 5
    const data = tensor.dtype === 'f32' ? tensor.data.map(Math.fround) : tensor.data;
    const [low, high] = data.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [data[0]!, data[0]!]);
    intervals.set(value, { low, high, exact: true });
  }
  const of = (value: ValueId): Interval => intervals.get(value) ?? UNKNOWN_OF[typeOf(graph, value).dtype];
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const)));
  const rules = boundsOf(sizes);
  const types = (value: ValueId) => typeOf(graph, value);
  for (const node of graph.nodes) {
    const { dtype } = typeOf(graph, node.outputs[0]);
    if (dtype === 'bool') continue;
    const interval =
      dtype === 'f32'
        ? floatRule(graph, node, node.inputs.map(of))
        : node.op === 'where'
          ? chosen(sizes, node, of, producers)
          : (integersOf(node, types, rules, of) ?? UNKNOWN);
    for (const value of node.outputs) intervals.set(value, interval);
  }
  return of;
}

const UNKNOWN_OF = {
  i64: UNKNOWN,
  f32: ANY_FLOAT,
  bool: { low: 0, high: 1, exact: false },
} as const satisfies Readonly<Record<DType, Interval>>;

/** Floats that integers become on their way to a clamp and back. */
function floatRule(graph: Graph, node: AnyNode, [a = ANY_FLOAT, b = ANY_FLOAT]: readonly Interval[]): Interval {
  if (node.op === 'cast') {
    const { low, high } = a;
    const bound = (x: Dim | undefined) => (typeof x === 'number' && Math.abs(x) <= EXACT_FLOAT ? x : undefined);
    return typeOf(graph, node.inputs[0]).dtype === 'f32' ? a : { low: bound(low), high: bound(high), exact: false };
  }
  if (a.nan) return ANY_FLOAT;
  const bounds = ({ low, high }: Interval) =>
    [
      typeof low === 'number' ? low : Number.NEGATIVE_INFINITY,
      typeof high === 'number' ? high : Number.POSITIVE_INFINITY,
    ] as const;
  const [[low, high], [from, to]] = [bounds(a), bounds(b)];
  switch (node.op) {
    case 'clamp': {
      const [min, max] = [Math.fround(node.attributes.min), Math.fround(node.attributes.max)];
      return finite(Math.min(Math.max(low, min), max), Math.min(Math.max(high, min), max));
    }
    case 'maximum':
      return b.nan ? ANY_FLOAT : finite(Math.max(low, from), Math.max(high, to));
    case 'minimum':
      return b.nan ? ANY_FLOAT : finite(Math.min(low, from), Math.min(high, to));
    case 'reshape':
    case 'transpose':
    case 'expand':
      return a;
    default:
      return ANY_FLOAT;
  }
}

function finite(low: number, high: number): Interval {
  const bound = (x: number) => (Number.isFinite(x) ? x : undefined);
  return { low: bound(low), high: bound(high), exact: false };
}

/** `where`: what its condition says of a branch narrows it, as in `where(i < 0, 0, i)`. */
function chosen(
  sizes: Sizes,
  { inputs }: AnyNode,
  of: (value: ValueId) => Interval,
  producers: ReadonlyMap<ValueId, AnyNode>,
): Interval {
  const [condition, yes, no] = inputs as [ValueId, ValueId, ValueId];
  /** the branch where the condition is `holds` */
  const narrowed = (value: ValueId, by: ValueId, holds: boolean, interval: Interval): Interval => {
    const node = producers.get(by);
    if (node?.op === 'not') return narrowed(value, node.inputs[0], !holds, interval);
    if (node?.op === (holds ? 'and' : 'or'))
      return node.inputs.reduce((before, one) => narrowed(value, one, holds, before), interval);
    if (node?.op === 'equal' && holds && node.inputs.includes(value))
      return within(sizes, interval, of(node.inputs[node.inputs[0] === value ? 1 : 0]));
    if (node?.op !== 'less' && node?.op !== 'less_equal') return interval;
    // a < b where it holds, b ≤ a where it does not; a ≤ b, b < a
    const [a, b] = holds ? node.inputs : node.inputs.toReversed();
    const apart = (node.op === 'less') === holds ? 1 : 0;
    const less = (bound: Dim | undefined, by_: number) => (bound === undefined ? undefined : addDims(bound, by_));
    if (a === value) return within(sizes, interval, { ...UNKNOWN, high: less(of(b).high, -apart) });
    return b === value ? within(sizes, interval, { ...UNKNOWN, low: less(of(a).low, apart) }) : interval;
  };
  return hull(sizes, [narrowed(yes, condition, true, of(yes)), narrowed(no, condition, false, of(no))]);
}

/** Both hold. */
function within(sizes: Sizes, a: Interval, b: Interval): Interval {
  return {
    low: either(a.low, b.low, (x, y) => sizes.largest(x, y, x)),
    high: either(a.high, b.high, (x, y) => sizes.smallest(x, y, x)),
    exact: false,
  };
}

/** The rules of the ops' records over bounds that are dims. */
const boundsOf = (sizes: Sizes): Integers<Interval> => ({
  between: (low, high, exact) => ({ low, high, exact: exact === true }),
  any: (...of) => hull(sizes, of),
  sum,
  difference: (a, b) => sum(a, scaled(b, -1)),
  product(a, b) {
    const [factor, other] = isNumber(a) ? [a.low, b] : isNumber(b) ? [b.low, a] : [undefined, UNKNOWN];
    return factor === undefined ? UNKNOWN : scaled(other, factor as number);
  },
  larger: (a, b) => ({
    low: either(a.low, b.low, (x, y) => sizes.largest(x, y, x)),
    high: hull(sizes, [a, b]).high,
    exact: false,
  }),
  smaller: (a, b) => ({
    low: hull(sizes, [a, b]).low,
    high: either(a.high, b.high, (x, y) => sizes.smallest(x, y, x)),
    exact: false,
  }),
  // of numbers that are not negative
  total({ low, high }, most, least) {
    if (low === undefined || !sizes.holds(low)) return UNKNOWN;
    return {
      low: least === 0 ? 0 : low,
      high: high === undefined ? undefined : most.reduce<Dim>(mulDims, high),
      exact: false,
    };
  },
  truncated: whole,
});

/** Floats without what is behind the point. */
function whole({ low, high, nan }: Interval): Interval {
  if (nan) return UNKNOWN;
  const trunc = (x: Dim | undefined) => (typeof x === 'number' ? Math.trunc(x) : undefined);
  return { low: trunc(low), high: trunc(high), exact: false };
}

const isNumber = ({ low, high }: Interval): boolean => typeof low === 'number' && low === high;

const either = (
  a: Dim | undefined,
  b: Dim | undefined,
  choose: (a: Dim, b: Dim) => Dim | undefined,
): Dim | undefined => (a === undefined ? b : b === undefined ? a : choose(a, b));

const both = <T>(a: Dim | undefined, b: Dim | undefined, f: (a: Dim, b: Dim) => T): T | undefined =>
  a === undefined || b === undefined ? undefined : f(a, b);

function sum(a: Interval, b: Interval): Interval {
  const point = ({ low, high }: Interval): boolean => both(low, high, subDims) === 0;
  return {
    low: both(a.low, b.low, addDims),
    high: both(a.high, b.high, addDims),
    exact: a.exact && b.exact && (point(a) || point(b)),
  };
}

function scaled({ low, high, exact }: Interval, by: number): Interval {
  const [from, to] = by < 0 ? [high, low] : [low, high];
  const times = (bound: Dim | undefined): Dim | undefined => (bound === undefined ? undefined : mulDims(by, bound));
  return { low: times(from), high: times(to), exact };
}

function hull(sizes: Sizes, intervals: readonly Interval[]): Interval {
  const { low, high } = intervals.reduce((a, b) => ({
    low: both(a.low, b.low, (x, y) => sizes.smallest(x, y, undefined)),
    high: both(a.high, b.high, (x, y) => sizes.largest(x, y, undefined)),
    exact: false,
  }));
  return { low, high, exact: false };
}
