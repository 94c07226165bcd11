/**
 * What gradient rules write IR with: a GraphBuilder that knows which forward node is being differentiated, and
 * the few compositions that many rules share (zeros, the number of elements of axes, the undoing of a broadcast).
 */
import type { Dim, Shape } from '../../../shared/dim.ts';
import { equalDims, equalShapes, isSymbolic, printShape, productOf } from '../../../shared/dim.ts';
import type { DType } from '../../../shared/dtype.ts';
import type { WideTensor } from '../../../shared/tensor.ts';
import type { GraphBuilder } from '../../ir/builder.ts';
import type { Origin, ValueId } from '../../ir/graph.ts';
import type { OpAttributes, Operands, OpName } from '../../ops/attributes.ts';
import type { Results } from '../../ops/declare.ts';

/** Ops of the IR without attributes: `emit.plain('mul', a, b)`. */
type PlainOp = { [N in OpName]: [keyof OpAttributes[N]] extends [never] ? N : never }[OpName];

export class Emit {
  private readonly builder: GraphBuilder;
  private readonly constants = new Map<ValueId, WideTensor>();
  private origin: Origin = { path: '' };
  /** whether the gradients of attention are one node (attention_grad), or composed of plain ops */
  readonly fusedAttention: boolean;

  constructor(builder: GraphBuilder, options: { readonly fusedAttention?: boolean } = {}) {
    this.builder = builder;
    this.fusedAttention = options.fusedAttention ?? false;
  }

  /** Nodes made from now on come from here. */
  from(origin: Origin): void {
    this.origin = origin;
  }

  shapeOf(value: ValueId): Shape {
    return this.builder.typeOf(value).shape;
  }

  rankOf(value: ValueId): number {
    return this.shapeOf(value).length;
  }

  dtypeOf(value: ValueId): DType {
    return this.builder.typeOf(value).dtype;
  }

  constant(tensor: WideTensor): ValueId {
    const scalar = tensor.shape.length === 0;
    const value = scalar ? this.builder.scalar(tensor.data[0]!, tensor.dtype) : this.builder.constant(tensor);
    this.constants.set(value, tensor);
    return value;
  }

  /** The number that a value is a constant of, when it is one with a single element. */
  scalarOf(value: ValueId): number | undefined {
    const tensor = this.constants.get(value);
    return tensor?.data.length === 1 ? tensor.data[0] : undefined;
  }

  scalar(value: number, dtype: DType = 'f32'): ValueId {
    return this.builder.scalar(value, dtype);
  }

  node<N extends OpName>(op: N, inputs: Operands<N, ValueId>, attributes: OpAttributes[N]): ValueId {
    return this.builder.node(op, inputs, attributes, this.origin);
  }

  /** A node of several outputs. */
  nodeOutputs<N extends OpName>(op: N, inputs: Operands<N, ValueId>, attributes: OpAttributes[N]): Results<ValueId> {
    return this.builder.nodeOutputs(op, inputs, attributes, this.origin);
  }

  plain<N extends PlainOp>(op: N, ...inputs: Operands<N, ValueId>): ValueId {
    return this.node(op, inputs, {} as OpAttributes[N]);
  }

  add(a: ValueId, b: ValueId): ValueId {
    return this.plain('add', a, b);
  }

  sub(a: ValueId, b: ValueId): ValueId {
    return this.plain('sub', a, b);
  }

  mul(a: ValueId, b: ValueId): ValueId {
    return this.plain('mul', a, b);
  }

  div(a: ValueId, b: ValueId): ValueId {
    return this.plain('div', a, b);
  }

  neg(x: ValueId): ValueId {
    return this.plain('neg', x);
  }

  /** x · factor */
  scale(x: ValueId, factor: number): ValueId {
    return factor === 1 ? x : this.mul(x, this.scalar(factor));
  }

  where(condition: ValueId, a: ValueId, b: ValueId): ValueId {
    return this.plain('where', condition, a, b);
  }

  /** x where the condition holds, else 0. */
  keep(condition: ValueId, x: ValueId): ValueId {
    return this.where(condition, x, this.scalar(0));
  }

  cast(x: ValueId, to: DType): ValueId {
    return this.dtypeOf(x) === to ? x : this.node('cast', [x], { to });
  }

  reshape(x: ValueId, shape: Shape): ValueId {
    return equalShapes(this.shapeOf(x), shape) ? x : this.node('reshape', [x], { shape });
  }

  expand(x: ValueId, shape: Shape): ValueId {
    return equalShapes(this.shapeOf(x), shape) ? x : this.node('expand', [x], { shape });
  }

  sum(x: ValueId, axes: readonly number[], keepdims = true): ValueId {
    return axes.length === 0 ? x : this.node('sum', [x], { axes, keepdims });
  }

  mean(x: ValueId, axes: readonly number[]): ValueId {
    return this.node('mean', [x], { axes, keepdims: true });
  }

  matmul(a: ValueId, b: ValueId, transposed: { readonly a?: boolean; readonly b?: boolean } = {}): ValueId {
    return this.node('matmul', [a, b], { transpose_a: transposed.a ?? false, transpose_b: transposed.b ?? false });
  }

  /** Elements start … end − 1 of one axis. */
  cut(x: ValueId, axis: number, start: Dim, end: Dim): ValueId {
    const shape = this.shapeOf(x);
    if (equalDims(start, 0) && equalDims(end, shape[axis]!)) return x;
    return this.node('slice', [x], {
      starts: shape.map((_, other) => (other === axis ? start : 0)),
      ends: shape.map((dim, other) => (other === axis ? end : dim)),
      steps: shape.map(() => 1),
    });
  }

  zeros(shape: Shape): ValueId {
    return this.expand(this.scalar(0), shape);
  }

  /** The value of a dim as an f32 scalar. */
  size(dim: Dim): ValueId {
    return isSymbolic(dim) ? this.cast(this.node('dim_size', [], { dim }), 'f32') : this.scalar(dim);
  }

  /**
   * Undoes a broadcast from `target`: sums over the axes that `target` lacks or has 1 of. A symbolic axis
   * stands for itself or 1 in the IR, never for both, so this is known at compile time.
   * @throws Error when x is no broadcast of `target`
   */
  sumTo(x: ValueId, target: Shape): ValueId {
    const shape = this.shapeOf(x);
    const missing = shape.length - target.length;
    const axes: number[] = [];
    for (const [axis, dim] of shape.entries()) {
      const wanted = axis < missing ? 1 : target[axis - missing]!;
      if (axis < missing || (equalDims(wanted, 1) && !equalDims(dim, 1))) axes.push(axis);
      else if (!equalDims(dim, wanted))
        throw new Error(`${printShape(shape)} is no broadcast of ${printShape(target)}`);
    }
    if (missing < 0) throw new Error(`${printShape(shape)} is no broadcast of ${printShape(target)}`);
    return this.reshape(this.sum(x, axes), target);
  }

  /** x [..., n] as a matrix [rows, n]. */
  rows(x: ValueId): ValueId {
    const shape = this.shapeOf(x);
    return this.reshape(x, [productOf(shape.slice(0, -1)), shape.at(-1)!]);
  }
}
