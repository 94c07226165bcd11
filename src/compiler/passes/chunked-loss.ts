/**
 * Cross entropy without logits: where nothing but a cross entropy reads the logits, it is computed over chunks of the vocabulary, so
 * that no tensor of [tokens, vocabulary] exists. Each chunk is a product with the rows of the matrix that make its columns, and what is
 * computed of it element by element (bias, soft cap, LoRA); running statistics of each row go from chunk to chunk:
 *
 *   logits = linear(x, w) [N, V]          xᵢ = linear(x, wᵢ) [N, C]                         wᵢ = rows of chunk i of w
 *   cross_entropy(logits, target)    →    m' = max(m, max xᵢ)      s' = s · e^(m − m') + Σ e^(xᵢ − m')      p' = p + Σ [target in column] xᵢ
 *                                         loss = mean of m + log s − p over the targets that count
 *
 * (Milakov and Gimelshein 2018, arXiv 1805.02867; cut cross entropy, Wijmans et al. 2024, arXiv 2411.09009.) No gradient goes through m,
 * which cancels. The nodes of a chunk are a segment that the backward part computes again (autodiff/recompute.ts).
 */
import { equalDims, isSymbolic, type Shape } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import { type AnyNode, type Graph, type Node, type Origin, typeOf, type ValueId } from '../ir/graph.ts';
import { Rewriter } from '../ir/rewrite.ts';
import type { OpAttributes, Operands, OpName } from '../ops/attributes.ts';
import { specOf } from '../ops/index.ts';

export interface ChunkedLoss {
  readonly graph: Graph;
  /** paths of the chunks' nodes, for `recompute` */
  readonly segments: readonly string[];
  /** why a loss stays as it is: lower case, about its logits */
  readonly kept: readonly string[];
}

/** The lowest finite start of a running maximum: rows whose logits are all −∞ have no NaN before the end. */
const LOWEST = -3e38;

/** @param columns of a chunk; a loss of no more stays as it is */
export function chunkedLoss(graph: Graph, columns: number): ChunkedLoss {
  const logits = new Logits(graph);
  const segments: string[] = [];
  const kept: string[] = [];
  const losses = graph.nodes.flatMap((node): readonly Node<'cross_entropy'>[] => {
    if (node.op !== 'cross_entropy') return [];
    const vocabulary = typeOf(graph, node.inputs[0]).shape.at(-1)!;
    if (!isSymbolic(vocabulary) && columns >= vocabulary) return [];
    const reason = logits.reasonToKeep(node);
    if (reason === undefined) return [node];
    kept.push(reason);
    return [];
  });
  if (losses.length === 0) return { graph, segments, kept };
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    if (!losses.includes(node as Node<'cross_entropy'>)) {
      rewriter.copy(node);
      continue;
    }
    const own = new LossInChunks(
      graph,
      rewriter,
      logits,
      node as Node<'cross_entropy'>,
      losses.indexOf(node as Node<'cross_entropy'>),
    );
    const vocabulary = typeOf(graph, node.inputs[0]!).shape.at(-1) as number;
    rewriter.replace(node.outputs[0]!, own.write(vocabulary, columns));
    segments.push(...own.segments);
  }
  return { graph: rewriter.finish(), segments, kept };
}

/** How the columns of logits come about: products, and what is computed of them column by column. */
class Logits {
  readonly graph: Graph;
  readonly producers: ReadonlyMap<ValueId, AnyNode>;
  private readonly readers = new Map<ValueId, AnyNode[]>();
  private readonly outputs: ReadonlySet<ValueId>;

  constructor(graph: Graph) {
    this.graph = graph;
    this.producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const)));
    this.outputs = new Set(graph.outputs.map(({ value }) => value));
    for (const node of graph.nodes)
      for (const value of new Set(node.inputs)) this.readers.set(value, [...(this.readers.get(value) ?? []), node]);
  }

  reasonToKeep(loss: Node<'cross_entropy'>): string | undefined {
    const inside = new Set<AnyNode>([loss]);
    const open: ValueId[] = [loss.inputs[0]];
    let products = 0;
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      const node = this.producers.get(value);
      const wide = node && this.wideOperands(node, value);
      if (!node || !wide) {
        if (!this.isSource(value))
          return `they are made by ${node?.op}, whose columns cannot be computed by themselves`;
        continue;
      }
      inside.add(node);
      if (isProduct(node)) products++;
      else open.push(...wide);
    }
    if (products === 0) return 'no product makes them';
    for (const node of inside) {
      if (node === loss) continue;
      const reader = this.readers.get(node.outputs[0]!)!.find((other) => !inside.has(other));
      if (reader) return `${reader.op}${reader.origin.source ? ` at ${reader.origin.source}` : ''} reads them too`;
      if (this.outputs.has(node.outputs[0]!)) return 'they are an output too';
    }
    return undefined;
  }

  /** The operands that have the columns of a result, where each column needs only itself of them; undefined for other ops. */
  wideOperands(node: AnyNode, value: ValueId): readonly ValueId[] | undefined {
    const columns = this.columns(value);
    if (node.outputs.length > 1 || this.isRow(value)) return undefined;
    const inputs: readonly ValueId[] = node.inputs;
    if (specOf(node.op).traits.pointwise) return inputs.filter((operand) => !equalDims(this.columns(operand), 1));
    const rank = (operand: ValueId) => typeOf(this.graph, operand).shape.length;
    switch (node.op) {
      case 'linear':
        return inputs.slice(1);
      case 'matmul':
        return inputs.every((operand) => rank(operand) >= 2) ? [node.inputs[1]] : undefined;
      case 'slice': {
        const { starts, ends, steps } = node.attributes;
        const whole = starts.at(-1) === 0 && steps.at(-1) === 1 && equalDims(ends.at(-1)!, columns);
        return whole && equalDims(this.columns(node.inputs[0]), columns) ? inputs : undefined;
      }
      case 'reshape':
        return equalDims(this.columns(node.inputs[0]), columns) ? inputs : undefined;
      default:
        return undefined;
    }
  }

  /** The last axis; 1 for a scalar. */
  private columns(value: ValueId) {
    return typeOf(this.graph, value).shape.at(-1) ?? 1;
  }

  /** Whether a value is there anyway, or no larger than a row of logits. */
  private isSource(value: ValueId): boolean {
    return !this.producers.has(value) || this.isRow(value);
  }

  private isRow(value: ValueId): boolean {
    const leading = typeOf(this.graph, value).shape.slice(0, -1);
    return leading.every((dim) => dim === 1);
  }
}

type Product = Node<'linear'> | Node<'matmul'>;

const isProduct = (node: AnyNode): node is Product => node.op === 'linear' || node.op === 'matmul';

/** Whether each row of a product is made of one row of its first operand, as it lies. */
const isRowwise = (node: AnyNode, graph: Graph): node is Product =>
  node.op === 'linear' ||
  (node.op === 'matmul' && !node.attributes.transpose_a && typeOf(graph, node.inputs[1]).shape.length === 2);

/** Statistics of each row so far, [..., 1] f32. */
interface Running {
  readonly largest: ValueId;
  readonly sum: ValueId;
  readonly picked: ValueId;
}

/** Writes one loss. Values are of the new graph where nothing else is said. */
class LossInChunks {
  readonly segments: string[] = [];
  private readonly old: Graph;
  private readonly rewriter: Rewriter;
  private readonly logits: Logits;
  private readonly loss: Node<'cross_entropy'>;
  private readonly number: number;
  private readonly parts = new Map<string, readonly ValueId[]>();
  /** by slice of the old graph */
  private readonly rows = new Map<ValueId, ValueId>();
  private origin: Origin;

  constructor(old: Graph, rewriter: Rewriter, logits: Logits, loss: Node<'cross_entropy'>, number: number) {
    this.old = old;
    this.rewriter = rewriter;
    this.logits = logits;
    this.loss = loss;
    this.number = number;
    this.origin = loss.origin;
  }

  /** @returns the loss, f32 [] */
  write(vocabulary: number, columns: number): ValueId {
    const { rewriter, loss } = this;
    const [logits, target] = [loss.inputs[0], rewriter.valueOf(loss.inputs[1])];
    const rows = rewriter.typeOf(target).shape;
    const ignored = this.node('equal', [target, this.scalar(loss.attributes.ignore_index, 'i64')], {});
    // looked up in the table of its columns, so that a target outside of it is found as any index is
    const table = rewriter.constant({
      dtype: 'i64',
      shape: [vocabulary],
      data: Float64Array.from({ length: vocabulary }, (_, i) => i),
    });
    const safe = this.node('where', [ignored, this.scalar(0, 'i64'), target], {});
    const column = this.reshape(this.node('gather', [table, safe], { axis: 0 }), [...rows, 1]);
    const sizes = chunkSizes(vocabulary, columns);
    const numbers = this.split(table, 0, sizes);
    const fill = (value: number) => this.node('expand', [this.scalar(value)], { shape: [...rows, 1] });
    let running: Running = { largest: fill(LOWEST), sum: fill(0), picked: fill(0) };
    for (const chunk of sizes.keys()) {
      const path = `${loss.origin.path === '' ? '' : `${loss.origin.path}.`}cross_entropy.${this.number}.${chunk}`;
      this.segments.push(path);
      this.origin = { ...loss.origin, path };
      const x = this.columnsOf(logits, chunk, sizes);
      running = this.take(running, x, this.node('equal', [column, numbers[chunk]!], {}), rows.length);
    }
    this.origin = loss.origin;
    const surprise = this.node(
      'sub',
      [this.add(running.largest, this.node('log', [running.sum], {})), running.picked],
      {},
    );
    const all = { axes: rows.map((_, axis) => axis), keepdims: false };
    const counted = this.node('cast', [this.node('not', [ignored], {})], { to: 'f32' });
    const taken = this.node('where', [ignored, this.scalar(0), this.reshape(surprise, rows)], {});
    return this.node('div', [this.node('sum', [taken], all), this.node('sum', [counted], all)], {});
  }

  /** @param mine bool [..., C]: the column is the row's target */
  private take({ largest, sum, picked }: Running, x: ValueId, mine: ValueId, axis: number): Running {
    const fold = { axes: [axis], keepdims: true };
    const top = this.node('maximum', [largest, this.node('max', [x], fold)], {});
    const next = this.node('stop_gradient', [top], {});
    const before = this.node('mul', [sum, this.node('exp', [this.node('sub', [largest, next], {})], {})], {});
    const own = this.node('sum', [this.node('exp', [this.node('sub', [x, next], {})], {})], fold);
    const found = this.node('sum', [this.node('where', [mine, x, this.scalar(0)], {})], fold);
    // behind barriers: else a target may compute the statistics of all chunks at once, and keep all columns until then
    const done = (value: ValueId) => this.node('barrier', [value, next], {});
    return { largest: next, sum: done(this.add(before, own)), picked: done(this.add(picked, found)) };
  }

  /** Columns of a chunk of an old value that has them all. */
  private columnsOf(value: ValueId, chunk: number, sizes: readonly number[]): ValueId {
    const node = this.logits.producers.get(value);
    const wide = node && this.logits.wideOperands(node, value);
    if (!node || !wide)
      return this.split(this.rewriter.valueOf(value), typeOf(this.old, value).shape.length - 1, sizes)[chunk]!;
    const of = (operand: ValueId) =>
      wide.includes(operand) ? this.columnsOf(operand, chunk, sizes) : this.rewriter.valueOf(operand);
    const columns = sizes[chunk]!;
    switch (node.op) {
      case 'linear':
      case 'matmul':
        return this.product(node, chunk, sizes, this.rewriter.valueOf(node.inputs[0]));
      case 'slice': {
        const product = this.logits.producers.get(node.inputs[0]);
        const { starts, ends, steps } = node.attributes;
        if (product && isRowwise(product, this.old))
          return this.product(product, chunk, sizes, this.rowsOf(product.inputs[0], node));
        return this.node('slice', [of(node.inputs[0])], { starts, ends: ends.with(-1, columns), steps });
      }
      case 'reshape':
        return this.reshape(of(node.inputs[0]), node.attributes.shape.with(-1, columns));
      default:
        return this.again(node, of);
    }
  }

  /** Columns of a product of x, a value of the new graph. */
  private product(node: Product, chunk: number, sizes: readonly number[], x: ValueId): ValueId {
    const part = (operand: ValueId, axis: number) => this.split(this.rewriter.valueOf(operand), axis, sizes)[chunk]!;
    if (node.op === 'linear') {
      const [, weight, bias] = node.inputs as [ValueId, ValueId, ValueId?];
      return this.node('linear', [x, part(weight, 0), ...(bias === undefined ? [] : [part(bias, 0)])], {});
    }
    const [, y] = node.inputs;
    const rank = typeOf(this.old, y).shape.length;
    return this.node('matmul', [x, part(y, node.attributes.transpose_b ? rank - 2 : rank - 1)], node.attributes);
  }

  /** The rows of a product's first operand that a slice of its result has: one copy for all chunks, in place of one for each. */
  private rowsOf(x: ValueId, { outputs: [key], attributes: { starts, ends, steps } }: Node<'slice'>): ValueId {
    const before = this.rows.get(key);
    if (before !== undefined) return before;
    const width = typeOf(this.old, x).shape.at(-1)!;
    const attributes = { starts, ends: ends.with(-1, width), steps };
    const rows = this.rewriter.emit('slice', [this.rewriter.valueOf(x)], attributes, this.loss.origin)[0];
    this.rows.set(key, rows);
    return rows;
  }

  /** A pointwise node over other operands. */
  private again(node: AnyNode, of: (operand: ValueId) => ValueId): ValueId {
    const { op, inputs, attributes } = node as unknown as Node<OpName>;
    return this.rewriter.emit(op, inputs.map(of), attributes, this.origin)[0];
  }

  /** The chunks of an axis, side by side in the order of the axis. They belong to no segment: views of what is there. */
  private split(value: ValueId, axis: number, sizes: readonly number[]): readonly ValueId[] {
    const key = `${value} ${axis}`;
    const before = this.parts.get(key);
    if (before) return before;
    const parts = this.rewriter.emit('split', [value], { axis, sizes }, this.loss.origin);
    this.parts.set(key, parts);
    return parts;
  }

  private node<N extends OpName>(op: N, inputs: Operands<N, ValueId>, attributes: OpAttributes[N]): ValueId {
    return this.rewriter.emit(op, inputs, attributes, this.origin)[0];
  }

  private add(a: ValueId, b: ValueId): ValueId {
    return this.node('add', [a, b], {});
  }

  private reshape(value: ValueId, shape: Shape): ValueId {
    return this.node('reshape', [value], { shape });
  }

  private scalar(value: number, dtype: DType = 'f32'): ValueId {
    return this.rewriter.constant({ dtype, shape: [], data: Float64Array.of(value) });
  }
}

/** Equal chunks; the last has what is left. */
function chunkSizes(vocabulary: number, columns: number): readonly number[] {
  const whole = Math.floor(vocabulary / columns);
  const rest = vocabulary - whole * columns;
  return [...new Array<number>(whole).fill(columns), ...(rest > 0 ? [rest] : [])];
}
