/**
 * Composite ops → ops that the kernels are made of. Norms, softmax and losses become folds and pointwise ops, which
 * fusion puts together again into one kernel per row; everything else a target could lower well stays as it is.
 *
 * Each formula is that of the op's own record in float64, written so that f32 keeps its digits: variances of centred
 * values, softmax of differences from the maximum, cos and sin from a table.
 */
import { type Dim, equalDims, productOf, type Shape } from '../../../shared/dim.ts';
import { frequencyOf } from '../../../shared/rotary.ts';
import type { WideTensor } from '../../../shared/tensor.ts';
import type { ConstantPlan } from '../../../shared/webgpu.ts';
import type { AfterPass, AnyNode, Graph, Node, Origin, ValueId } from '../../ir/graph.ts';
import { Rewriter } from '../../ir/rewrite.ts';
import type { OpAttributes, Operands, OpName } from '../../ops/attributes.ts';
import { mapOperands } from '../../ops/operands.ts';
import { type Mode, TAPS } from '../../ops/resample.ts';
import { withStatistics } from './statistics.ts';

/** Writes nodes in the place of one. */
export class Writer {
  private readonly rewriter: Rewriter;
  private readonly origin: Origin;
  readonly tables: RotaryTables;

  constructor(rewriter: Rewriter, origin: Origin, tables: RotaryTables) {
    this.rewriter = rewriter;
    this.origin = origin;
    this.tables = tables;
  }

  shapeOf(value: ValueId): Shape {
    return this.rewriter.typeOf(value).shape;
  }

  node<N extends OpName>(op: N, inputs: Operands<N, ValueId>, attributes: OpAttributes[N]): ValueId {
    return this.rewriter.emit(op, inputs, attributes, this.origin)[0];
  }

  add = (a: ValueId, b: ValueId): ValueId => this.node('add', [a, b], {});
  sub = (a: ValueId, b: ValueId): ValueId => this.node('sub', [a, b], {});
  mul = (a: ValueId, b: ValueId): ValueId => this.node('mul', [a, b], {});
  div = (a: ValueId, b: ValueId): ValueId => this.node('div', [a, b], {});

  constant(tensor: WideTensor): ValueId {
    return this.rewriter.constant(tensor);
  }

  scalar(value: number, dtype: 'f32' | 'i64' = 'f32'): ValueId {
    return this.constant({ dtype, shape: [], data: Float64Array.of(value) });
  }

  reshape(x: ValueId, shape: Shape): ValueId {
    return this.node('reshape', [x], { shape });
  }

  transpose(x: ValueId, permutation: readonly number[]): ValueId {
    return this.node('transpose', [x], { permutation });
  }

  fold(op: 'sum' | 'mean' | 'max', x: ValueId, axis: number): ValueId {
    return this.node(op, [x], { axes: [axis], keepdims: true });
  }
}

/** Tables of cos and sin, one per setting and graph; the plan describes them by their formula. */
class RotaryTables {
  readonly described = new Map<WideTensor, ConstantPlan>();
  private readonly made = new Map<string, ValueId>();

  /** [positions, dims]: cos, then sin */
  table(write: Writer, of: Omit<ConstantPlan & { kind: 'rotary' }, 'kind'>): ValueId {
    const { positions, dims, theta, frequencies } = of;
    const key = JSON.stringify(Object.entries(of).sort());
    const before = this.made.get(key);
    if (before !== undefined) return before;
    const half = dims / 2;
    const data = new Float64Array(positions * dims);
    for (let at = 0; at < positions; at++) {
      for (let i = 0; i < half; i++) {
        const angle = at * frequencyOf(i, dims, theta, frequencies);
        data[at * dims + i] = Math.cos(angle);
        data[at * dims + half + i] = Math.sin(angle);
      }
    }
    const tensor: WideTensor = { dtype: 'f32', shape: [positions, dims], data };
    this.described.set(tensor, { kind: 'rotary', ...of });
    const value = write.constant(tensor);
    this.made.set(key, value);
    return value;
  }
}

export type Composite =
  | 'softmax'
  | 'log_softmax'
  | 'layer_norm'
  | 'rms_norm'
  | 'cross_entropy'
  | 'top_k'
  | 'rotary'
  | 'interpolate'
  | 'conv2d'
  | 'sum'
  | 'max'
  | 'min';

/** The value in place of the node's result, or a list of them for its results; undefined: the node stays. Inputs are values of the new graph. */
type Rule<N extends Composite> = (write: Writer, node: Node<N>) => ValueId | readonly ValueId[] | undefined;

const RULES: { readonly [N in Composite]: Rule<N> } = {
  // e^(x − max) / Σ e^(x − max)
  softmax: (write, { inputs: [x], attributes: { axis } }) => {
    const e = write.node('exp', [write.sub(x, write.fold('max', x, axis))], {});
    return write.div(e, write.fold('sum', e, axis));
  },
  // x − max − log Σ e^(x − max)
  log_softmax: (write, { inputs: [x], attributes: { axis } }) => {
    const shifted = write.sub(x, write.fold('max', x, axis));
    return write.sub(shifted, logSum(write, shifted, axis));
  },
  // (x − mean) / √(mean((x − mean)²) + eps) · weight + bias
  layer_norm: (write, { inputs: [x, weight, bias], attributes: { eps } }) => {
    const axis = write.shapeOf(x).length - 1;
    const centred = write.sub(x, write.fold('mean', x, axis));
    const variance = write.fold('mean', write.mul(centred, centred), axis);
    const normal = write.mul(centred, write.node('rsqrt', [write.add(variance, write.scalar(eps))], {}));
    const scaled = weight === undefined ? normal : write.mul(normal, weight);
    return bias === undefined ? scaled : write.add(scaled, bias);
  },
  // x / √(mean(x²) + eps) · weight
  rms_norm: (write, { inputs: [x, weight], attributes: { eps } }) => {
    const axis = write.shapeOf(x).length - 1;
    const square = write.fold('mean', write.mul(x, x), axis);
    const normal = write.mul(x, write.node('rsqrt', [write.add(square, write.scalar(eps))], {}));
    return weight === undefined ? normal : write.mul(normal, weight);
  },
  // Σ [target ≠ ignored] (max + log Σ e^(x − max) − x[target]) / Σ [target ≠ ignored]
  cross_entropy: (write, { inputs: [logits, target], attributes: { ignore_index } }) => {
    const rows = write.shapeOf(target);
    const axis = rows.length;
    const ignored = write.node('equal', [target, write.scalar(ignore_index, 'i64')], {});
    const safe = write.node('where', [ignored, write.scalar(0, 'i64'), target], {});
    const largest = write.fold('max', logits, axis);
    const total = write.add(largest, logSum(write, write.sub(logits, largest), axis));
    const picked = write.node('gather_elements', [logits, write.reshape(safe, [...rows, 1])], { axis });
    const surprise = write.reshape(write.sub(total, picked), rows);
    const all = { axes: rows.map((_, i) => i), keepdims: false };
    const sum = write.node('sum', [write.node('where', [ignored, write.scalar(0), surprise], {})], all);
    const counted = write.node('cast', [write.node('not', [ignored], {})], { to: 'f32' });
    return write.div(sum, write.node('sum', [counted], all));
  },
  // rank[i] = how many elements come before element i; index[r] = Σ [rank[i] = r] · i
  top_k: (write, { inputs: [x], attributes: { axis, k } }) => {
    const shape = write.shapeOf(x);
    const size = shape[axis]!;
    const after = shape.slice(axis + 1).map(() => 1);
    const own = write.reshape(x, shape.toSpliced(axis + 1, 0, 1)); // […, i, 1, …]
    const other = write.reshape(x, shape.toSpliced(axis, 0, 1)); // […, 1, j, …]
    const both = (op: 'and' | 'or' | 'less' | 'equal', a: ValueId, b: ValueId): ValueId => write.node(op, [a, b], {});
    const not = (a: ValueId): ValueId => write.node('not', [a], {});
    const [ownOdd, otherOdd] = [not(both('equal', own, own)), not(both('equal', other, other))];
    const places = write.node('iota', [], { shape: [size, 1, ...after], axis: 0 });
    const earlier = both('less', write.node('iota', [], { shape: [1, size, ...after], axis: 1 }), places);
    const tied = both('and', both('or', both('equal', own, other), both('and', ownOdd, otherOdd)), earlier);
    const larger = both('or', both('less', own, other), both('and', otherOdd, not(ownOdd)));
    const before = write.node('cast', [both('or', larger, tied)], { to: 'i64' });
    const ranks = write.node('sum', [before], { axes: [axis + 1], keepdims: false }); // […, n, …]
    const wanted = write.node('iota', [], { shape: [k, 1, ...after], axis: 0 });
    const found = both('equal', wanted, write.reshape(ranks, shape.toSpliced(axis, 0, 1))); // […, k, n, …]
    const indices = write.node('iota', [], { shape: [1, size, ...after], axis: 1 });
    const chosen = write.node('where', [found, indices, write.scalar(0, 'i64')], {});
    return write.node('sum', [chosen], { axes: [axis + 1], keepdims: false });
  },
  // y[c] = x[c] · cos + x[partner(c)] · ±sin for c < dims, x[c] beyond: partner is c + half, or c − half with the sign +
  rotary: (write, { inputs: [x, positions], attributes: { dims, theta, max_positions, frequencies, inverse } }) => {
    const [batch, , length, width] = write.shapeOf(x) as [Dim, Dim, Dim, Dim];
    const half = dims / 2;
    const one = (value: number): ValueId => write.scalar(value, 'i64');
    const c = write.node('iota', [], { shape: [width], axis: 0 });
    const first = write.node('less', [c, one(half)], {});
    const inside = write.node('less', [c, one(dims)], {});
    const choose = (a: ValueId, b: ValueId, rest: ValueId): ValueId =>
      write.node('where', [first, a, write.node('where', [inside, b, rest], {})], {});
    const partner = choose(write.add(c, one(half)), write.sub(c, one(half)), c);
    const column = choose(c, write.sub(c, one(half)), one(0));
    const sign = choose(write.scalar(inverse ? 1 : -1), write.scalar(inverse ? -1 : 1), write.scalar(0));
    const given = frequencies ? { frequencies } : {};
    const table = write.tables.table(write, { positions: max_positions, dims, theta, ...given });
    const rows = write.node('gather', [table, positions], { axis: 0 }); // [B or 1, T, dims]
    const places = write.shapeOf(positions)[0]!;
    const along = (at: ValueId): ValueId =>
      write.reshape(write.node('gather', [rows, at], { axis: 2 }), [places, 1, length, width]);
    const cos = write.node('where', [inside, along(column), write.scalar(1)], {});
    const sin = write.mul(along(write.add(column, one(half))), sign);
    const turned = write.node('gather', [x, partner], { axis: 3 });
    const y = write.add(write.mul(x, cos), write.mul(turned, sin));
    return equalDims(write.shapeOf(y)[0]!, batch) ? y : undefined;
  },
  interpolate: (write, { inputs: [x], attributes: { mode, size } }) =>
    resized(write, resized(write, x, 2, size[0], mode), 3, size[1], mode),
  // patches that do not overlap: one linear layer over each patch
  conv2d: (write, { inputs: [x, weight, bias], attributes: { stride, padding, dilation, groups } }) => {
    const [n, c, height, width] = write.shapeOf(x) as [Dim, Dim, number, number];
    const [out, , kh, kw] = write.shapeOf(weight) as [Dim, Dim, number, number];
    const patches = stride[0] === kh && stride[1] === kw && height % kh === 0 && width % kw === 0;
    const plain = [...padding, dilation[0] - 1, dilation[1] - 1, groups - 1].every((value) => value === 0);
    if (!patches || !plain || kh * kw === 1) return undefined;
    const [rows, columns] = [height / kh, width / kw];
    const cut = write.transpose(write.reshape(x, [n, c, rows, kh, columns, kw]), [0, 2, 4, 1, 3, 5]);
    const inner = productOf([c, kh, kw]);
    const [patch, kernel] = [write.reshape(cut, [n, rows * columns, inner]), write.reshape(weight, [out, inner])];
    const y = write.node('linear', bias === undefined ? [patch, kernel] : [patch, kernel, bias], {});
    return write.reshape(write.transpose(y, [0, 2, 1]), [n, out, rows, columns]);
  },
  sum: rowsFirst('sum'),
  max: rowsFirst('max'),
  min: rowsFirst('min'),
};

/** The sum of what each tap sees, scaled, along an axis of known length. */
function resized(write: Writer, x: ValueId, axis: number, to: number, mode: Mode): ValueId {
  const from = Number(write.shapeOf(x)[axis]);
  const taps = Array.from({ length: to }, (_, i) => TAPS[mode](i, from, to));
  const shape = write.shapeOf(x).map((_, other) => (other === axis ? to : 1));
  const terms = taps[0]!.flatMap((_, tap) => {
    const places = Float64Array.from(taps, (all) => all[tap]!.at);
    const weights = Float64Array.from(taps, (all) => all[tap]!.weight);
    if (weights.every((weight) => weight === 0)) return [];
    const seen = write.node('gather', [x, write.constant({ dtype: 'i64', shape: [to], data: places })], { axis });
    if (weights.every((weight) => weight === 1)) return [seen];
    const scale = write.constant({ dtype: 'f32', shape, data: weights });
    if (!weights.includes(0)) return [write.mul(seen, scale)];
    const unseen = write.node('equal', [scale, write.scalar(0)], {});
    return [write.node('where', [unseen, write.scalar(0), write.mul(seen, scale)], {})];
  });
  return terms.reduce(write.add);
}

/** Rows from which a fold of everything is worth a dispatch more: what one invocation, or one workgroup, would do alone. */
const MANY_ROWS = 64;

/** A fold of a whole tensor to one number: each row first, so that all of a device takes part, then the rows' results. */
function rowsFirst<N extends 'sum' | 'max' | 'min'>(op: N): Rule<N> {
  return (write, { inputs: [x], attributes }) => {
    const { axes, keepdims } = attributes as OpAttributes['sum'];
    const shape = write.shapeOf(x);
    const leading = productOf(shape.slice(0, -1));
    const last = shape.length - 1;
    if (axes.length < shape.length || !(Number(leading) >= MANY_ROWS && Number(shape[last]) > 1)) return undefined;
    const fold = (of: ValueId, over: readonly number[]): ValueId =>
      write.node<'sum' | 'max' | 'min'>(op, [of], { axes: over, keepdims });
    return fold(fold(x, [last]), [...Array(last).keys()]);
  };
}

/** log Σ eˣ over the axis, kept */
function logSum(write: Writer, x: ValueId, axis: number): ValueId {
  return write.node('log', [write.fold('sum', write.node('exp', [x], {}), axis)], {});
}

export interface Decomposed {
  readonly graph: Graph;
  /** constants that the plan gives by a formula */
  readonly described: ReadonlyMap<WideTensor, ConstantPlan>;
}

export function decompose(graph: Graph, after?: AfterPass): Decomposed {
  const rewriter = new Rewriter(graph);
  const tables = new RotaryTables();
  for (const node of graph.nodes) {
    const made = isComposite(node)
      ? rewrite(node, new Writer(rewriter, { ...node.origin, op: node.op }, tables), rewriter)
      : undefined;
    if (made === undefined) rewriter.copy(node);
    else for (const [index, value] of made.entries()) rewriter.replace(node.outputs[index]!, value);
  }
  const decomposed = rewriter.finish();
  after?.('decompose', decomposed);
  const finished = withStatistics(decomposed);
  after?.('statistics', finished);
  return { graph: finished, described: tables.described };
}

function rewrite<N extends Composite>(
  node: Node<N>,
  write: Writer,
  rewriter: Rewriter,
): readonly ValueId[] | undefined {
  const inputs = mapOperands(node.op, node.inputs, (value) => rewriter.valueOf(value));
  // a softmax or norm of rows without elements: none of the formula's folds exists
  const shaped =
    node.op === 'softmax' || node.op === 'log_softmax' || node.op === 'layer_norm' || node.op === 'rms_norm';
  if (shaped && write.shapeOf(inputs[0]).includes(0)) return [inputs[0]];
  const made = RULES[node.op](write, { ...node, inputs });
  return typeof made === 'number' ? [made] : made;
}

function isComposite(node: AnyNode): node is { [N in Composite]: Node<N> }[Composite] {
  return Object.hasOwn(RULES, node.op);
}
