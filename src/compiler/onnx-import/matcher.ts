/** Questions that patterns ask about a graph that is being rewritten. Values are those of the new graph. */
import { equalDims, equalShapes, type Shape } from '../../shared/dim.ts';
import type { AnyNode, Graph, Node, TensorType, ValueId } from '../ir/graph.ts';
import type { Rewriter } from '../ir/rewrite.ts';
import type { OpAttributes, Operands, OpName } from '../ops/attributes.ts';
import { wide } from '../ops/strided.ts';

/** Numbers of parameters, by key. */
export interface Tables {
  /** what a rotary embedding may be looked up in, [positions, pairs] */
  readonly matrices: ReadonlyMap<string, TableNumbers>;
  /** tensors with one axis that is not 1 */
  readonly vectors: ReadonlyMap<string, readonly number[]>;
}

export interface TableNumbers {
  readonly rows: number;
  readonly width: number;
  readonly data: ArrayLike<number>;
}

/** Constants of a formula are float32 in a file. */
const ROUNDING = 1e-6;
const MOST_FACTORS = 4;

const close = (a: number, b: number): boolean => Math.abs(a - b) <= ROUNDING * Math.abs(b);

export class Matcher {
  private readonly rewriter: Rewriter;
  /** uses of each old value */
  private readonly olds = new Map<ValueId, number>();
  private readonly uses = new Map<ValueId, number>();
  private readonly keys: ReadonlyMap<ValueId, string>;
  /** by attention's result: its scores, as they went into the softmax, and whether the file gives NaN where a query sees no key */
  readonly attended = new Map<ValueId, { readonly shown: ValueId; readonly open: boolean }>();
  private readonly tables: Tables;
  /** positions that rotary embeddings may have which the file computes for any */
  readonly positions: number | undefined;
  /** whether such embeddings are there and stay as they are */
  anyPosition = false;

  constructor(graph: Graph, rewriter: Rewriter, tables: Tables, positions: number | undefined) {
    this.tables = tables;
    this.positions = positions;
    this.keys = new Map(graph.parameters.map(({ key, value }) => [rewriter.valueOf(value), key]));
    this.rewriter = rewriter;
    const count = (value: ValueId): void => void this.olds.set(value, (this.olds.get(value) ?? 0) + 1);
    for (const node of graph.nodes) for (const value of node.inputs) count(value);
    for (const { value } of graph.outputs) count(value);
  }

  /** The new value of an old one is used as often. */
  count(old: ValueId): void {
    this.uses.set(this.rewriter.valueOf(old), this.olds.get(old) ?? 0);
  }

  type(value: ValueId): TensorType {
    return this.rewriter.typeOf(value);
  }

  emit<N extends OpName>(op: N, inputs: readonly ValueId[], attributes: OpAttributes[N], { origin }: AnyNode): ValueId {
    return this.rewriter.emit(op, inputs as unknown as Operands<N, ValueId>, attributes, origin)[0];
  }

  /** The node that makes a value; none for inputs, parameters and constants. */
  maker(value: ValueId): AnyNode | undefined {
    return this.rewriter.producerOf(value);
  }

  made<N extends OpName>(value: ValueId, op: N): Node<N> | undefined {
    const node = this.rewriter.producerOf(value);
    return node?.op === op ? (node as unknown as Node<N>) : undefined;
  }

  isUsedOnce(value: ValueId): boolean {
    return this.uses.get(value) === 1;
  }

  /** Numbers of a parameter [positions, pairs]. */
  table(value: ValueId): TableNumbers | undefined {
    return this.tables.matrices.get(this.keys.get(value) ?? '');
  }

  /** Numbers of a parameter of one axis. */
  vector(value: ValueId): readonly number[] | undefined {
    return this.tables.vectors.get(this.keys.get(value) ?? '');
  }

  /** What the value is a copy or another shape of. */
  root(value: ValueId): ValueId {
    const view = this.made(value, 'reshape') ?? this.made(value, 'expand');
    return view ? this.root(view.inputs[0]) : value;
  }

  reshape(value: ValueId, shape: Shape, node: AnyNode): ValueId {
    if (equalShapes(this.type(value).shape, shape)) return value;
    const before = this.made(value, 'reshape');
    return before ? this.reshape(before.inputs[0], shape, node) : this.emit('reshape', [value], { shape }, node);
  }

  expand(value: ValueId, shape: Shape, node: AnyNode): ValueId {
    return equalShapes(this.type(value).shape, shape) ? value : this.emit('expand', [value], { shape }, node);
  }

  /** A number of rank 0. */
  number(value: number): ValueId {
    return this.rewriter.constant(wide('f32', [], Float64Array.of(value)));
  }

  /** The number that every element is. */
  filled(value: ValueId): number | undefined {
    return this.scalar(this.root(value));
  }

  /** Whether the first is true where the second is NaN, and nowhere else. */
  isNaNOf(condition: ValueId, x: ValueId): boolean {
    const differs = this.made(condition, 'not');
    const equal = differs && this.made(differs.inputs[0], 'equal');
    return equal?.inputs[0] === x && equal.inputs[1] === x;
  }

  /** What makes the value, where one node uses it. */
  madeOnce<N extends OpName>(value: ValueId, op: N): Node<N> | undefined {
    return this.uses.get(value) === 1 ? this.made(value, op) : undefined;
  }

  scalar(value: ValueId): number | undefined {
    const tensor = this.rewriter.constantOf(value);
    return tensor?.shape.length === 0 ? tensor.data[0] : undefined;
  }

  /** The operands of a product of products. */
  factors({ inputs }: AnyNode): readonly ValueId[] {
    const [a, b] = inputs as [ValueId, ValueId];
    const [left, right] = [this.madeOnce(a, 'mul'), this.madeOnce(b, 'mul')];
    const all = [...(left ? left.inputs : [a]), ...(right ? right.inputs : [b])];
    return all.length > MOST_FACTORS ? [] : all;
  }

  /** The others, where one of the values is this number. */
  withoutScalar(values: readonly ValueId[], number: number): readonly ValueId[] | undefined {
    const at = values.findIndex((value) => close(this.scalar(value) ?? Number.NaN, number));
    return at < 0 ? undefined : values.filter((_, index) => index !== at);
  }

  /** v of v + number */
  plusScalar(value: ValueId, number: number): ValueId | undefined {
    const sum = this.made(value, 'add');
    const rest = sum && this.withoutScalar(sum.inputs, number);
    return rest?.length === 1 ? rest[0] : undefined;
  }

  /** Whether the value is x times a number, written as a product or a quotient. */
  scaledBy(value: ValueId, x: ValueId, by: number): boolean {
    const product = this.made(value, 'mul');
    if (product) return this.withoutScalar(product.inputs, by)?.[0] === x;
    const quotient = this.made(value, 'div');
    return quotient?.inputs[0] === x && close(this.scalar(quotient.inputs[1]) ?? Number.NaN, 1 / by);
  }

  /** Whether a product is `by` · x³. */
  isCube({ inputs }: Node<'mul'>, x: ValueId, by: number): boolean {
    const rest = this.withoutScalar(inputs, by);
    const [cube] = rest ?? [];
    if (cube === undefined) return false;
    const power = this.made(cube, 'pow');
    if (power) return power.inputs[0] === x && this.scalar(power.inputs[1]) === 3;
    const product = this.made(cube, 'mul');
    const square = product?.inputs.find((value) => value !== x);
    const factors = square === undefined ? undefined : this.made(square, 'mul');
    return product?.inputs.includes(x) === true && factors?.inputs.every((value) => value === x) === true;
  }

  /** x of its mean over the last axis, which stays */
  meanOfLast(value: ValueId): ValueId | undefined {
    const mean = this.made(value, 'mean');
    if (!mean?.attributes.keepdims) return undefined;
    const [x] = mean.inputs as [ValueId];
    const rank = this.type(x).shape.length;
    return mean.attributes.axes.length === 1 && mean.attributes.axes[0] === rank - 1 ? x : undefined;
  }

  /** x of x − mean(x) over the last axis */
  centred(value: ValueId): ValueId | undefined {
    const difference = this.made(value, 'sub');
    const [x, mean] = difference?.inputs ?? [];
    return x !== undefined && this.meanOfLast(mean!) === x ? x : undefined;
  }

  sameShape(a: ValueId, b: ValueId): boolean {
    const [x, y] = [this.type(a).shape, this.type(b).shape];
    return x.length === y.length && x.every((dim, axis) => equalDims(dim, y[axis]!));
  }
}
