/**
 * i64 in 32 bits: which integers of a graph can leave them, and what watches those that can.
 *
 *   inputs, parameters     in 32 bits, which the runtime checks where they enter; inputs that index a table in its range
 *   constants              in 32 bits, or the graph cannot be compiled
 *   results                an interval each, from the operands' intervals: in 32 bits for good, or watched
 *
 * A result that is watched is computed a second time in f32, which does not wrap around, and both are compared: the
 * 32-bit sum is the true one modulo 2³², so they differ by next to nothing or by 2³² and more. The numbers of elements that differ
 * are the graph's last output, one for each watched result, and the runtime refuses a run where one is not 0.
 */
import type { IntegerRange } from '../../../shared/artifact.ts';
import { type Dim, mulDims, printDim, productOf } from '../../../shared/dim.ts';
import type { WatchedInteger } from '../../../shared/webgpu.ts';
import { indicesOf, integersOf } from '../../ir/facts.ts';
import { type AnyNode, type Graph, type Requirement, type TensorType, typeOf, type ValueId } from '../../ir/graph.ts';
import { made } from '../../ir/made.ts';
import { Rewriter } from '../../ir/rewrite.ts';
import type { OpAttributes, Operands, OpName } from '../../ops/attributes.ts';
import { specOf } from '../../ops/index.ts';
import type { Integers } from '../../ops/integers.ts';
import { IntegerError } from './plan/integer-error.ts';

const LOWEST = -(2 ** 31);
const HIGHEST = 2 ** 31 - 1;
/** Sizes of tensors on a device, whose buffers have fewer than 2³² bytes; the runtime refuses larger ones. */
const LARGEST_SIZE = 2 ** 30 - 1;

interface Interval {
  readonly low: number;
  readonly high: number;
}
const ANY: Interval = { low: LOWEST, high: HIGHEST };

/** Of a modular op, the 32-bit result is the true one modulo 2³², and f32 computes it as well. */
const wraps = ({ op }: AnyNode): boolean => specOf(op).traits.modular === true;

export interface SafeIntegers {
  /** with the counts as an output after the others, where there are any */
  readonly graph: Graph;
  readonly watched: readonly WatchedInteger[];
  /** of sizes that are integers in the graph */
  readonly requires: readonly Requirement[];
}

/**
 * @param ranges of inputs, by name, that are checked before a run
 * @throws IntegerError when a number that is known does not fit
 */
export function safeIntegers(graph: Graph, ranges: ReadonlyMap<string, IntegerRange>): SafeIntegers {
  const users = new Map<ValueId, AnyNode>();
  for (const node of graph.nodes) for (const value of node.inputs) if (!users.has(value)) users.set(value, node);
  const intervals = new Map<ValueId, Interval>();
  for (const { name, value } of graph.inputs) intervals.set(value, fromRange(ranges.get(name)));
  for (const { value, tensor } of graph.constants) {
    if (tensor.dtype !== 'i64') continue;
    const own = hull(Array.from(tensor.data, (each) => ({ low: each, high: each })));
    refuse(graph, users.get(value), own.low < LOWEST ? own.low : own.high);
    intervals.set(value, own);
  }
  const types = (value: ValueId): TensorType => typeOf(graph, value);
  const unsure = new Set<AnyNode>();
  const requires: Requirement[] = [];
  for (const node of graph.nodes) {
    for (const number of numbersOf(graph, node)) refuse(graph, node, number);
    const [result] = node.outputs;
    if (typeOf(graph, result!).dtype !== 'i64') continue;
    const size = sizeOf(node);
    if (size !== undefined && typeof size !== 'number' && largest(size) > HIGHEST) {
      const dim = { kind: 'symbolic' as const, terms: [...negated(size), { coefficient: HIGHEST, symbols: [] }] };
      requires.push({ dim, what: `the integer ${printDim(size)}, which has 32 bits on WebGPU,`, origin: node.origin });
    }
    const own = integersOf(node, types, IN_32_BITS, (value) => intervals.get(value) ?? knownOf(graph, value)) ?? ANY;
    if (own.low > HIGHEST || own.high < LOWEST) refuse(graph, node, own.low > HIGHEST ? own.low : own.high);
    if (own.low < LOWEST || own.high > HIGHEST) {
      if (wraps(node) || node.op === 'cast') unsure.add(node);
      else if (typeof size === 'number') refuse(graph, node, size);
    }
    const inside = { low: Math.max(own.low, LOWEST), high: Math.min(own.high, HIGHEST) };
    for (const value of node.outputs) intervals.set(value, inside);
  }
  if (unsure.size === 0) return { graph, watched: [], requires };
  return { graph: watching(graph, unsure), watched: [...unsure].map(watchedOf), requires };
}

const watchedOf = ({ op, origin: { source, path } }: AnyNode): WatchedInteger => ({
  op,
  origin: [path, source].filter((text) => text !== undefined && text !== '').join(' · '),
});

/** @param user of a constant */
function refuse(graph: Graph, user: AnyNode | undefined, value: number): void {
  if (value >= LOWEST && value <= HIGHEST) return;
  throw new IntegerError({ entry: graph.name, value, origin: user ? watchedOf(user).origin : graph.name });
}

/** Integers that stand in a kernel's text. */
function numbersOf(graph: Graph, node: AnyNode): readonly number[] {
  if (node.op === 'cross_entropy') return [node.attributes.ignore_index];
  return node.op === 'pad' && typeOf(graph, node.outputs[0]).dtype === 'i64' ? [node.attributes.value] : [];
}

/** The size that an op makes an integer of, or that its integers stay below. */
function sizeOf(node: AnyNode): Dim | undefined {
  if (node.op === 'dim_size') return node.attributes.dim;
  return node.op === 'iota' ? node.attributes.shape[node.attributes.axis] : undefined;
}

/** The largest value of a dim whose sizes are of tensors on a device; a term that is taken away may be 0. */
function largest(dim: Dim): number {
  if (typeof dim === 'number') return dim;
  return dim.terms.reduce(
    (sum, { coefficient, symbols }) =>
      sum + Math.max(symbols.length > 0 ? 0 : coefficient, coefficient * LARGEST_SIZE ** symbols.length),
    0,
  );
}

const negated = (dim: Exclude<Dim, number>) => dim.terms.map((term) => ({ ...term, coefficient: -term.coefficient }));

/** How many elements these sizes can make, of a tensor that exists. */
function count(dims: readonly Dim[]): number {
  const all = productOf(dims);
  return typeof all === 'number' ? all : LARGEST_SIZE;
}

function hull(intervals: readonly Interval[]): Interval {
  return intervals.reduce((a, b) => ({ low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) }), {
    low: Number.POSITIVE_INFINITY,
    high: Number.NEGATIVE_INFINITY,
  });
}

function fromRange(range: IntegerRange | undefined): Interval {
  if (!range || range.from) return ANY;
  const also = (range.also ?? []).map((each) => ({ low: each, high: each }));
  const high = typeof range.high === 'number' ? range.high - 1 : HIGHEST;
  return hull([{ low: range.low, high }, ...also]);
}

/** Up to n of them together. */
const times = ({ low, high }: Interval, n: number): Interval => ({
  low: Math.min(0, low * n),
  high: Math.max(0, high * n),
});

/** The rules of the ops' records over bounds that are numbers. */
export const IN_32_BITS: Integers<Interval> = {
  between: (low, high) => ({ low: 0 - largest(mulDims(low, -1)), high: Math.max(largest(low), largest(high)) }),
  any: (...of) => hull(of),
  sum: (a, b) => ({ low: a.low + b.low, high: a.high + b.high }),
  difference: (a, b) => ({ low: a.low - b.high, high: a.high - b.low }),
  product(a, b) {
    const corners = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
    return { low: Math.min(...corners), high: Math.max(...corners) };
  },
  larger: (a, b) => ({ low: Math.max(a.low, b.low), high: Math.max(a.high, b.high) }),
  smaller: (a, b) => ({ low: Math.min(a.low, b.low), high: Math.min(a.high, b.high) }),
  total: (of, most) => times(of, count(most)),
  truncated: () => ({ low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }),
};

const knownOf = (graph: Graph, value: ValueId): Interval =>
  typeOf(graph, value).dtype === 'bool' ? { low: 0, high: 1 } : ANY;

/** The graph with, as its last output, how many elements of each of these nodes left 32 bits. */
function watching(graph: Graph, unsure: ReadonlySet<AnyNode>): Graph {
  const rewriter = new Rewriter(graph);
  const counts: ValueId[] = [];
  for (const node of graph.nodes) {
    rewriter.copy(node);
    if (!unsure.has(node)) continue;
    const emit = <N extends OpName>(op: N, inputs: Operands<N, ValueId>, attributes: OpAttributes[N]): ValueId =>
      rewriter.emit(op, inputs, attributes, node.origin)[0];
    const number = (value: number): ValueId =>
      rewriter.constant({ dtype: 'f32', shape: [], data: Float64Array.of(value) });
    const left = hasLeft(node, rewriter, emit, number);
    const { shape } = rewriter.typeOf(left);
    const ones = emit('where', [left, number(1), number(0)], {});
    const all = emit('sum', [ones], { axes: [...shape.keys()], keepdims: false });
    counts.push(emit('reshape', [all], { shape: [1] }));
  }
  const output = counts.length === 1 ? counts[0]! : rewriter.emit('concat', counts, { axis: 0 }, NOWHERE)[0];
  const counted = rewriter.finish();
  return made({ ...counted, outputs: [...counted.outputs, { name: 'integers past 32 bits', value: output }] });
}

const NOWHERE = { path: '' };

type Emit = <N extends OpName>(op: N, inputs: Operands<N, ValueId>, attributes: OpAttributes[N]) => ValueId;

/** Whether each element of the node's result left 32 bits. */
function hasLeft(node: AnyNode, rewriter: Rewriter, emit: Emit, number: (value: number) => ValueId): ValueId {
  const inputs = node.inputs.map((value) => rewriter.valueOf(value));
  if (!wraps(node)) {
    const above = emit('less_equal', [number(2 ** 31), inputs[0]!], {});
    return emit('or', [above, emit('less', [inputs[0]!, number(LOWEST)], {})], {});
  }
  const real = (value: ValueId): ValueId => emit('cast', [value], { to: 'f32' });
  const indices = indicesOf(node, (value) => rewriter.typeOf(rewriter.valueOf(value)))?.operand;
  const operands = inputs.map((value, operand) => (operand === indices ? value : real(value)));
  const truth = emit<OpName>(node.op, operands, node.attributes);
  const off = emit('abs', [emit('sub', [truth, real(rewriter.valueOf(node.outputs[0]))], {})], {});
  return emit('less', [number(2 ** 30), off], {});
}
