/**
 * Indices outside of their tables are errors on every target, at the lowest price that finds them:
 *
 *   proof        the interval of a computed index lies in its table (argmax, iota, max(i, 0), …)          nothing
 *   requirement  the interval comes from sizes alone: `gather(w, iota(T))` needs T ≤ rows                 once per run
 *   range        an index is an input's element, up to a number: the session checks what is fed            on the host
 *   check        all else: the graph computes the smallest and the largest index beside its outputs        a reduction each
 *
 * The last is made of plain ops, so every target, the interpreter and files for other clients have it: one more output, an
 * i64 vector, that a session reads with the others and takes from what it returns. Runs last, on finished graphs.
 */
import type { EntryChecks, IndexCheck, IntegerRange } from '../../shared/artifact.ts';
import { addDims, atLeastZero, type Dim, isSymbolic, printDim, productOf, subDims } from '../../shared/dim.ts';
import { GraphEditor } from '../ir/editor.ts';
import type { AnyNode, Graph, Requirement, ValueId } from '../ir/graph.ts';
import { type Demand, demandsOf } from './demands.ts';
import { InputRanges } from './input-ranges.ts';
import { type Interval, intervalsOf, Sizes } from './intervals.ts';

export interface Guarded {
  readonly graph: Graph;
  /** of inputs, for the session to check before a run */
  readonly ranges: ReadonlyMap<ValueId, IntegerRange>;
  /** for it to check after a run; absent: nothing is left to check */
  readonly checks?: EntryChecks;
  /** by row of `checks`: the nodes that look up with the index */
  readonly checked?: readonly (readonly AnyNode[])[];
}

type Bound = IndexCheck['bound'];

/** A demand whose bounds are not all proven. */
interface Open {
  readonly demand: Asked;
  readonly bounds: readonly Bound[];
}

export function guard(graph: Graph): Guarded {
  const demands = distinct(demandsOf(graph));
  if (demands.length === 0) return { graph, ranges: new Map() };
  const sizes = new Sizes(graph.requires);
  const inputs = new InputRanges(graph);
  const before = intervalsOf(graph, sizes);
  const fits = (value: ValueId, low: number, high: Dim): boolean =>
    unproven(before(value), low, high, sizes).length === 0;
  const uncovered = demands.filter((demand) => !fits(demand.value, 0, demand.size) && !inputs.cover(demand, fits));
  const after = intervalsOf(graph, sizes, inputs.intervals());
  const requires: Requirement[] = [...graph.requires];
  const open = uncovered.flatMap((demand): Open[] => {
    const interval = after(demand.value);
    const needs = fromSizes(interval, demand);
    if (needs) {
      for (const need of needs)
        if (!requires.some(({ dim }) => printDim(dim) === printDim(need.dim))) requires.push(need);
      return [];
    }
    const bounds = unproven(interval, 0, demand.size, sizes);
    return bounds.length === 0 ? [] : [{ demand, bounds }];
  });
  const ranges = inputs.ranges();
  const required = requires.length === graph.requires.length ? graph : { ...graph, requires };
  return open.length === 0 ? { graph: required, ranges } : { ranges, ...withChecks(required, open) };
}

/** A demand with all the nodes that have it. */
interface Asked extends Demand {
  readonly nodes: AnyNode[];
}

/** One demand for each index and table size: the gradient of a gather asks what the gather asks. */
function distinct(demands: readonly Demand[]): Asked[] {
  const first = new Map<string, Asked>();
  for (const demand of demands) {
    const key = `${demand.value} ${printDim(demand.size)} ${demand.also}`;
    const before = first.get(key);
    if (before) before.nodes.push(demand.node);
    else first.set(key, { ...demand, nodes: [demand.node] });
  }
  return [...first.values()];
}

/** Which of low ≤ x and x < high are not known to hold. */
function unproven(interval: Interval, low: number, high: Dim, sizes: Sizes): Bound[] {
  const bounds: Bound[] = [];
  if (interval.low === undefined || !sizes.holds(subDims(interval.low, low))) bounds.push('low');
  if (interval.high === undefined || !sizes.holds(subDims(addDims(high, -1), interval.high))) bounds.push('high');
  return bounds;
}

/** What the sizes must be, where an index is made of nothing else and some sizes are right. */
function fromSizes({ low, high, exact }: Interval, { node, size }: Demand): Requirement[] | undefined {
  if (!exact || low === undefined || high === undefined) return undefined;
  const needs = [low, subDims(addDims(size, -1), high)].filter((dim) => atLeastZero(dim) !== 'always');
  if (needs.some((dim) => atLeastZero(dim) === 'never')) return undefined;
  return needs.map((dim) => ({ dim, what: `the indices of ${node.op}`, origin: node.origin }));
}

function withChecks(graph: Graph, open: readonly Open[]): Required<Pick<Guarded, 'graph' | 'checks' | 'checked'>> {
  const b = new GraphEditor(graph);
  const values: ValueId[] = [];
  const rows: IndexCheck[] = [];
  for (const { demand, bounds } of open) {
    const { node, value, size, also } = demand;
    const { source } = node.origin;
    for (const bound of bounds) {
      values.push(extreme(b, value, bound, also));
      rows.push({
        kind: 'index',
        bound,
        op: node.op,
        size: isSymbolic(size) ? printDim(size) : size,
        ...(source === undefined ? {} : { source }),
      });
    }
  }
  const taken = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  let output = 'checks';
  while (taken.has(output)) output = `_${output}`;
  b.output(output, values.length === 1 ? values[0]! : b.node('concat', values, { axis: 0 }));
  const checked = open.flatMap(({ demand, bounds }) => bounds.map(() => demand.nodes));
  return { graph: b.build(), checks: { output, rows }, checked };
}

/** i64 [1]: the smallest element, or the largest; 0 or −1, which is in every table or before it, where there is none. */
function extreme(b: GraphEditor, value: ValueId, bound: Bound, also: number | undefined): ValueId {
  const none = b.constant({ dtype: 'i64', shape: [1], data: Float64Array.of(bound === 'low' ? 0 : -1) });
  const count = productOf(b.typeOf(value).shape);
  let flat = b.node('reshape', [value], { shape: [count] });
  if (also !== undefined) {
    const passedOver = b.node('equal', [flat, b.scalar(also, 'i64')], {});
    flat = b.node('where', [passedOver, none, flat], {});
  }
  // a dynamic size may be 0
  if (isSymbolic(count) || count === 0) flat = b.node('concat', [flat, none], { axis: 0 });
  return b.node(bound === 'low' ? 'min' : 'max', [flat], { axes: [0], keepdims: true });
}
