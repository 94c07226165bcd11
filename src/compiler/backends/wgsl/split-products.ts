/**
 * Products with a parameter that is larger than a binding: one for each buffer that it lies in, so that each reads one buffer,
 * and as vectors.
 *
 *   y = linear(x, w, b)     w [51200, 2560] in four   →   y = concat(linear(x, w0, b[0 … 12800)), linear(x, w1, …), …)
 *   x = matmul(y, w)                                  →   x = matmul(y[…, 0 … 12800), w0) + matmul(y[…, 12800 …), w1) + …
 *
 *   w0, w1 … = split(w, axis 0)               →   slices of flat buffers, which begin at a base (plan/buffer.ts): of the part that each lies in
 *
 * What looks single rows up finds the buffer of each (see Evaluator.shardReader), as long as a kernel may bind them all; else
 * several kernels look, each in some of them:
 *
 *   y = gather(w, i)        →   y = where(i < 12800, gather(w0, i), where(i < 25600, gather(w1, i − 12800), …))
 */

import { isSymbolic } from '../../../shared/dim.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import { GraphEditor } from '../../ir/editor.ts';
import type { AnyNode, Graph, GraphParameter, Node, ValueId } from '../../ir/graph.ts';
import { KERNELS, type ParameterPart } from './dialect.ts';

/** Buffers of a kernel that looks rows up, beside those of the table: indices, the result and one that it goes on with. */
const BESIDE_A_TABLE = 3;

export interface Parts {
  /** elements at which a parameter's second and further buffers begin */
  startsOf(parameter: GraphParameter): readonly number[];
  /** buffers that a kernel may bind */
  readonly most: number;
}

export function splitProducts(graph: Graph, { startsOf, most }: Parts): Graph {
  const large = graph.parameters.flatMap((parameter) => {
    const rows = rowsOf(graph, parameter, startsOf(parameter));
    return rows ? [[parameter.value, { parameter, rows }] as const] : [];
  });
  const splits = graph.nodes.some((node) => isInRows(node, graph));
  return large.length === 0 && !splits ? graph : new Splitting(graph, new Map(large), most - BESIDE_A_TABLE).run();
}

/** Rows at which the parts of a matrix begin, and its last; undefined where it is in one piece or a part breaks a row. */
function rowsOf({ types }: Graph, { value }: GraphParameter, starts: readonly number[]): number[] | undefined {
  const shape = types[value]!.shape as readonly number[];
  const width = sizeOf(shape.slice(1));
  if (starts.length === 0 || shape.length !== 2 || starts.some((start) => start % width !== 0)) return undefined;
  return [0, ...starts.map((start) => start / width), shape[0]!];
}

/** A split of the rows of a tensor of known size: what a chunked loss makes of a matrix. */
function isInRows(node: AnyNode, { types }: Graph): node is Node<'split'> {
  return node.op === 'split' && node.attributes.axis === 0 && !types[node.inputs[0]]!.shape.some(isSymbolic);
}

interface Large {
  readonly parameter: GraphParameter;
  readonly rows: readonly number[];
}

class Splitting {
  private readonly graph: Graph;
  private readonly large: ReadonlyMap<ValueId, Large>;
  private readonly edit: GraphEditor;
  private readonly parts = new Map<ValueId, readonly ParameterPart[]>();

  /** parts of a table that one kernel looks rows up in */
  private readonly looked: number;

  constructor(graph: Graph, large: ReadonlyMap<ValueId, Large>, looked: number) {
    this.graph = graph;
    this.large = large;
    this.looked = looked;
    this.edit = new GraphEditor(graph, { nodes: 'none', dialect: KERNELS });
  }

  run(): Graph {
    for (const node of this.graph.nodes) {
      if (node.op === 'linear' && this.large.has(node.inputs[1]!)) this.linear(node);
      else if (node.op === 'matmul' && this.large.has(node.inputs[1]!) && !node.attributes.transpose_a)
        this.matmul(node);
      else if (node.op === 'gather' && this.isLookedUpInParts(node)) this.lookUp(node);
      else if (isInRows(node, this.graph)) this.pieces(node);
      else this.edit.keep(node);
    }
    return this.edit.build();
  }

  /** Each result of a split of rows as a piece of the buffer that it lies in; one that lies in several is a piece of the whole. */
  private pieces({ inputs: [whole], outputs, attributes: { sizes }, origin }: Node<'split'>): void {
    const { edit } = this;
    const rows = this.large.get(whole)?.rows ?? [];
    const width = sizeOf((edit.typeOf(whole).shape as readonly number[]).slice(1));
    const flats = new Map<ValueId, ValueId>();
    const flat = (value: ValueId): ValueId => {
      const shape = [sizeOf(edit.typeOf(value).shape as readonly number[])];
      if (!flats.has(value)) flats.set(value, edit.node('reshape', [value], { shape }, { origin }));
      return flats.get(value)!;
    };
    let from = 0;
    for (const [index, output] of outputs.entries()) {
      const to = from + (sizes[index] as number);
      const part = rows.slice(1).findIndex((end, at) => from >= rows[at]! && to <= end);
      const [source, begin] = part < 0 ? [whole, 0] : [this.partsOf(whole)[part]!.value, rows[part]!];
      const range = { starts: [(from - begin) * width], ends: [(to - begin) * width], steps: [1] };
      const piece = edit.node('slice', [flat(source)], range, { origin });
      edit.node('reshape', [piece], { shape: edit.typeOf(output).shape }, { origin, as: [output] });
      from = to;
    }
  }

  private isLookedUpInParts({ inputs: [table], attributes: { axis } }: Node<'gather'>): boolean {
    const parts = (this.large.get(table)?.rows.length ?? 0) - 1;
    return axis === 0 && parts > this.looked;
  }

  /** A row of the first part that ends behind its index. What the other parts would give is not selected. */
  private lookUp({ inputs: [table, at], attributes, outputs, origin }: Node<'gather'>): void {
    const { edit } = this;
    const { shape } = edit.typeOf(at);
    const parts = this.partsOf(table).map(({ value }, part) => {
      const [start] = this.range(table, part);
      const own = start === 0 ? at : edit.node('sub', [at, edit.scalar(start, 'i64')], {}, { origin });
      return { start, row: edit.node('gather', [value, own], attributes, { origin }) };
    });
    const [first, ...others] = parts;
    others.reduce((found, { start, row }, index) => {
      const before = edit.node('less', [at, edit.scalar(start, 'i64')], {}, { origin });
      const whole = edit.node('reshape', [before], { shape: [...shape, 1] }, { origin });
      const as = index === others.length - 1 ? { as: outputs } : {};
      return edit.node('where', [whole, found, row], {}, { origin, ...as });
    }, first!.row);
  }

  private linear(node: Node<'linear'>): void {
    const [x, weight, bias] = node.inputs as [ValueId, ValueId, ValueId?];
    const results = this.partsOf(weight).map(({ value }, part) => {
      const own = bias === undefined ? [] : [this.slice(node, bias, ...this.range(weight, part))];
      return this.edit.node('linear', [x, value, ...own], {}, { origin: node.origin });
    });
    this.concat(node, results);
  }

  private matmul(node: Node<'matmul'>): void {
    const { edit } = this;
    const { attributes, origin } = node;
    const [a, b] = node.inputs as [ValueId, ValueId];
    if (attributes.transpose_b) {
      this.concat(
        node,
        this.partsOf(b).map(({ value }) => edit.node('matmul', [a, value], attributes, { origin })),
      );
      return;
    }
    const products = this.partsOf(b).map(({ value }, part) => {
      const own = this.slice(node, a, ...this.range(b, part));
      return edit.node('matmul', [own, value], attributes, { origin });
    });
    const last = products.pop()!;
    const sum = products.reduce((before, product) => edit.node('add', [before, product], {}, { origin }));
    edit.node('add', [sum, last], {}, { origin, as: node.outputs });
  }

  private concat({ origin, outputs: as }: AnyNode, results: readonly ValueId[]): void {
    const axis = this.edit.typeOf(as[0]).shape.length - 1;
    this.edit.node('concat', results, { axis }, { origin, as });
  }

  /** `from` … `to` of the last axis. */
  private slice({ origin }: AnyNode, value: ValueId, from: number, to: number): ValueId {
    const { shape } = this.edit.typeOf(value);
    const starts = shape.map(() => 0).with(-1, from);
    const attributes = { starts, ends: shape.with(-1, to), steps: shape.map(() => 1) };
    return this.edit.node('slice', [value], attributes, { origin });
  }

  private partsOf(weight: ValueId): readonly ParameterPart[] {
    const before = this.parts.get(weight);
    if (before) return before;
    const { parameter, rows } = this.large.get(weight)!;
    const { dtype, shape } = this.edit.typeOf(weight);
    const made = rows
      .slice(1)
      .map((to, part) =>
        this.edit.parameter({ key: parameter.key, part }, { dtype, shape: shape.with(0, to - rows[part]!) }),
      );
    this.parts.set(weight, made);
    return made;
  }

  private range(weight: ValueId, part: number): [from: number, to: number] {
    const { rows } = this.large.get(weight)!;
    return [rows[part]!, rows[part + 1]!];
  }
}
