/**
 * Which values of a row depend on other rows of the batch: in-batch negatives, what is centred by the batch's mean, ranks. Cut into
 * micro-batches, a row sees fewer others, so a step over them is not that of one batch.
 *
 * The batch is what leads the shapes of the graph's inputs and is no other axis of any: B of [B, T], not T. Rows that are picked by
 * computed indices are taken as they are: which rows an index means is for who feeds it to say.
 */
import { type Dim, equalDims, isSymbolic, type Shape } from '../../shared/dim.ts';
import { type AnyNode, type Graph, type Node, typeOf, type ValueId } from '../ir/graph.ts';
import type { OpName } from '../ops/attributes.ts';

/** Axes of the first operand along which an op lets elements see each other, where they are not the axes that it folds. */
type Along = { readonly [N in OpName]?: (node: Node<N>, shape: Shape) => readonly number[] };

const lastOf = (shape: Shape, count: number): number[] =>
  Array.from({ length: count }, (_, i) => shape.length - 1 - i).filter((axis) => axis >= 0);

const ALONG: Along = {
  softmax: ({ attributes: { axis } }) => [axis],
  log_softmax: ({ attributes: { axis } }) => [axis],
  cumsum: ({ attributes: { axis } }) => [axis],
  top_k: ({ attributes: { axis } }) => [axis],
  flip: ({ attributes: { axes } }) => axes,
  slice: ({ attributes: { starts, ends } }, shape) =>
    [...shape.keys()].filter((axis) => starts[axis] !== 0 || !equalDims(ends[axis]!, shape[axis]!)),
  split: ({ attributes: { axis } }) => [axis],
  layer_norm: (_, shape) => lastOf(shape, 1),
  rms_norm: (_, shape) => lastOf(shape, 1),
  attention: () => [2],
  conv2d: () => [2, 3],
  avg_pool2d: () => [2, 3],
  max_pool2d: () => [2, 3],
  interpolate: () => [2, 3],
};

/** Where a value that depends on other rows was made so. */
export type Mixing = ReadonlyMap<ValueId, AnyNode>;

/**
 * @param statistics what buffers become: batch statistics, from which rows are normalised in training. Those of a micro-batch are its
 * own, in PyTorch too, and what is computed from them counts as independent.
 */
export function mixedRows(graph: Graph, statistics: Iterable<ValueId> = []): Mixing {
  const batch = batchSymbols(graph);
  if (batch.size === 0) return new Map();
  const exempt = behind(graph, statistics, new Rows(graph, batch).whole);
  return new Rows(graph, batch, exempt).mixed;
}

function batchSymbols(graph: Graph): Set<string> {
  const shapes = graph.inputs.map(({ value }) => typeOf(graph, value).shape);
  const others = new Set(shapes.flatMap((shape) => shape.slice(1).flatMap(symbolsOf)));
  return new Set(
    shapes.flatMap(([first]) => (first === undefined ? [] : symbolsOf(first))).filter((s) => !others.has(s)),
  );
}

const symbolsOf = (dim: Dim): readonly string[] => (isSymbolic(dim) ? dim.terms.flatMap(({ symbols }) => symbols) : []);

/** What values of the whole batch these are computed from. */
function behind(graph: Graph, values: Iterable<ValueId>, whole: Mixing): Set<ValueId> {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const found = new Set<ValueId>();
  const open = [...values];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (found.has(value) || !whole.has(value)) continue;
    found.add(value);
    open.push(...(makers.get(value)?.inputs ?? []));
  }
  return found;
}

class Rows {
  /** values without an axis of the batch that its rows decide, and where */
  readonly whole = new Map<ValueId, AnyNode>();
  readonly mixed = new Map<ValueId, AnyNode>();
  private readonly graph: Graph;
  private readonly batch: ReadonlySet<string>;

  constructor(graph: Graph, batch: ReadonlySet<string>, exempt: ReadonlySet<ValueId> = new Set()) {
    this.graph = graph;
    this.batch = batch;
    for (const node of graph.nodes) this.visit(node, exempt);
  }

  private visit(node: AnyNode, exempt: ReadonlySet<ValueId>): void {
    const inputs: readonly ValueId[] = node.inputs;
    const before = inputs.flatMap((input) => this.mixed.get(input) ?? [])[0];
    const whole = inputs.flatMap((input) => this.whole.get(input) ?? [])[0];
    const decides = inputs.some((input) => this.batchAxes(input).length > 0) || this.isCount(node);
    for (const output of node.outputs) {
      const axes = this.batchAxes(output);
      const by = before ?? whole ?? this.mixing(node, axes);
      if (axes.length > 0) {
        if (by) this.mixed.set(output, by);
      } else if ((decides || by) && !exempt.has(output)) this.whole.set(output, by ?? node);
    }
  }

  private mixing(node: AnyNode, axes: readonly number[]): AnyNode | undefined {
    if (axes.length > 1 || node.outputs.some((output) => this.hasOddRows(output))) return node;
    const [x] = node.inputs;
    const along = (ALONG[node.op] as ((node: AnyNode, shape: Shape) => readonly number[]) | undefined)?.(
      node,
      x === undefined ? [] : typeOf(this.graph, x).shape,
    );
    return x !== undefined && along?.some((axis) => this.batchAxes(x).includes(axis)) ? node : undefined;
  }

  /** Rows beside those of the batch, `B + 1`: micro-batches have them once each. */
  private hasOddRows(value: ValueId): boolean {
    const ofBatch = (symbols: readonly string[]) => symbols.some((symbol) => this.batch.has(symbol));
    return typeOf(this.graph, value).shape.some(
      (dim) => isSymbolic(dim) && this.isOfBatch(dim) && !dim.terms.every(({ symbols }) => ofBatch(symbols)),
    );
  }

  /** The number of rows. */
  private isCount(node: AnyNode): boolean {
    return node.op === 'dim_size' && this.isOfBatch(node.attributes.dim);
  }

  private batchAxes(value: ValueId): number[] {
    return typeOf(this.graph, value).shape.flatMap((dim, axis) => (this.isOfBatch(dim) ? [axis] : []));
  }

  private isOfBatch(dim: Dim): boolean {
    return symbolsOf(dim).some((symbol) => this.batch.has(symbol));
  }
}
