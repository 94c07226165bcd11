/**
 * Products with a parameter that is larger than a binding: one for each buffer that it lies in, so that each reads one buffer,
 * and as vectors.
 *
 *   y = linear(x, w, b)     w [51200, 2560] in four   →   y = concat(linear(x, w0, b[0 … 12800)), linear(x, w1, …), …)
 *   x = matmul(y, w)                                  →   x = matmul(y[…, 0 … 12800), w0) + matmul(y[…, 12800 …), w1) + …
 *
 * What looks single rows up finds the buffer of each (see Evaluator.shardReader).
 */

import type { Shape } from '../../../shared/dim.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import type { AnyNode, Graph, GraphParameter, Node, TensorType, ValueId } from '../../ir/graph.ts';
import { made } from '../../ir/made.ts';
import type { OpAttributes, OpName } from '../../ops/attributes.ts';
import { KERNELS, type ParameterPart } from './dialect.ts';

/** @param startsOf elements at which a parameter's second and further buffers begin */
export function splitProducts(graph: Graph, startsOf: (parameter: GraphParameter) => readonly number[]): Graph {
  const large = graph.parameters.flatMap((parameter) => {
    const rows = rowsOf(graph, parameter, startsOf(parameter));
    return rows ? [[parameter.value, { parameter, rows }] as const] : [];
  });
  return large.length === 0 ? graph : new Splitting(graph, new Map(large)).run();
}

/** Rows at which the parts of a matrix begin, and its last; undefined where it is in one piece or a part breaks a row. */
function rowsOf({ types }: Graph, { value }: GraphParameter, starts: readonly number[]): number[] | undefined {
  const shape = types[value]!.shape as readonly number[];
  const width = sizeOf(shape.slice(1));
  if (starts.length === 0 || shape.length !== 2 || starts.some((start) => start % width !== 0)) return undefined;
  return [0, ...starts.map((start) => start / width), shape[0]!];
}

interface Large {
  readonly parameter: GraphParameter;
  readonly rows: readonly number[];
}

class Splitting {
  private readonly graph: Graph;
  private readonly large: ReadonlyMap<ValueId, Large>;
  private readonly types: TensorType[];
  private readonly parts = new Map<ValueId, readonly ParameterPart[]>();
  private nodes: AnyNode[] = [];

  constructor(graph: Graph, large: ReadonlyMap<ValueId, Large>) {
    this.graph = graph;
    this.large = large;
    this.types = [...graph.types];
  }

  run(): Graph {
    for (const node of this.graph.nodes) {
      if (node.op === 'linear' && this.large.has(node.inputs[1]!)) this.linear(node);
      else if (node.op === 'matmul' && this.large.has(node.inputs[1]!) && !node.attributes.transpose_a)
        this.matmul(node);
      else this.nodes.push(node);
    }
    const parts: readonly GraphParameter[] = [...this.parts.values()].flat();
    const parameters = [...this.graph.parameters, ...parts];
    return made({ ...this.graph, types: this.types, parameters, nodes: this.nodes }, KERNELS);
  }

  private linear(node: Node<'linear'>): void {
    const [x, weight, bias] = node.inputs as [ValueId, ValueId, ValueId?];
    const results = this.partsOf(weight).map(({ value }, part) => {
      const [from, to] = this.range(weight, part);
      const own = bias === undefined ? [] : [this.slice(node, bias, from, to)];
      return this.emit(node, 'linear', [x, value, ...own], this.typeOf(node).shape.with(-1, to - from), {});
    });
    this.concat(node, results);
  }

  private matmul(node: Node<'matmul'>): void {
    const [a, b] = node.inputs as [ValueId, ValueId];
    const { shape } = this.typeOf(node);
    if (node.attributes.transpose_b) {
      const results = this.partsOf(b).map(({ value }, part) => {
        const [from, to] = this.range(b, part);
        return this.emit(node, 'matmul', [a, value], shape.with(-1, to - from), node.attributes);
      });
      this.concat(node, results);
      return;
    }
    const products = this.partsOf(b).map(({ value }, part) => {
      const own = this.slice(node, a, ...this.range(b, part));
      return this.emit(node, 'matmul', [own, value], shape, node.attributes);
    });
    const last = products.pop()!;
    const sum = products.reduce((before, product) => this.emit(node, 'add', [before, product], shape, {}));
    this.nodes.push({ op: 'add', inputs: [sum, last], outputs: node.outputs, attributes: {}, origin: node.origin });
  }

  private concat(node: AnyNode, results: readonly ValueId[]): void {
    const axis = this.typeOf(node).shape.length - 1;
    this.nodes.push({
      op: 'concat',
      inputs: results,
      outputs: node.outputs,
      attributes: { axis },
      origin: node.origin,
    });
  }

  /** `from` … `to` of the last axis. */
  private slice(node: AnyNode, value: ValueId, from: number, to: number): ValueId {
    const { shape } = this.types[value]!;
    const starts = shape.map(() => 0).with(-1, from);
    const attributes = { starts, ends: shape.with(-1, to), steps: shape.map(() => 1) };
    return this.emit(node, 'slice', [value], shape.with(-1, to - from), attributes);
  }

  private partsOf(weight: ValueId): readonly ParameterPart[] {
    const before = this.parts.get(weight);
    if (before) return before;
    const { parameter, rows } = this.large.get(weight)!;
    const { dtype, shape } = this.types[weight]!;
    const made = rows.slice(1).map((to, part): ParameterPart => {
      const value = this.types.push({ dtype, shape: shape.with(0, to - rows[part]!) }) - 1;
      return { key: parameter.key, value, part };
    });
    this.parts.set(weight, made);
    return made;
  }

  private range(weight: ValueId, part: number): [from: number, to: number] {
    const { rows } = this.large.get(weight)!;
    return [rows[part]!, rows[part + 1]!];
  }

  private typeOf({ outputs: [value] }: AnyNode): TensorType {
    return this.types[value!]!;
  }

  private emit<N extends OpName>(
    { origin }: AnyNode,
    op: N,
    inputs: readonly ValueId[],
    shape: Shape,
    attributes: OpAttributes[N],
  ): ValueId {
    const value = this.types.push({ dtype: 'f32', shape }) - 1;
    this.nodes.push({ op, inputs, outputs: [value], attributes, origin } as unknown as AnyNode);
    return value;
  }
}
