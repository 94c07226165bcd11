/**
 * Scaled dot-product attention.
 *
 * What each query sees is one boolean tensor, [T, S] or [B, 1 or H, T, S], built once per graph and shared by all layers.
 * Heads that share keys and values are rows of one product, [B, G, H/G · T, D]: nothing is repeated.
 *
 * Opset 23's Attention stands nowhere: ONNX Runtime's gives NaN to a query whose scores are all −∞, spreads NaN of a padded
 * key to the whole row, and refuses an empty batch, no query and no key. On its CPU it is no faster than the plain operators.
 */
import { type Dim, mulDims, printDim, type Shape, subDims } from '../../../../shared/dim.ts';
import { type AttentionAttributes, headsPerGroup, maskAndBias } from '../../../ops/attention-scores.ts';
import type { Emitter } from '../emitter.ts';
import { dimValue, isNothing, range, reshape } from '../shapes.ts';
import { neverZero } from '../symbols.ts';
import { type Lowerings, type Operand, reduce } from './rule.ts';

/** Smallest float32: what a hidden score becomes for the gradients, whose probabilities are masked once more. */
const HIDDEN = -3.4028234663852886e38;

/** bool [T, S]: query i sees keys 0 … S − T + i, with a window the last of them. */
function causalMask(emit: Emitter, queries: Dim, keys: Dim, window: number | undefined): string {
  const kind = window === undefined ? 'causal' : `causal, the last ${window}`;
  return emit.shared(`${kind} ${printDim(queries)} × ${printDim(keys)}`, () => {
    const row = emit.op('Unsqueeze', [range(emit, queries), emit.indices([1])]); // [T, 1]
    const last = emit.op('Add', [row, dimValue(emit, subDims(keys, queries))]);
    const all = range(emit, keys);
    const past = emit.op('LessOrEqual', [all, last]);
    if (window === undefined) return past;
    return emit.op('And', [past, emit.op('Less', [emit.op('Sub', [last, emit.indices([window])]), all])]);
  });
}

/** bool [B, S] → [B, 1, 1, S]; [B, 1 or H, T, S] as it is */
function spread(emit: Emitter, mask: Operand): string {
  if (mask.type.shape.length === 4) return mask.name;
  return emit.shared(`key mask ${mask.name}`, () => emit.op('Unsqueeze', [mask.name, emit.indices([1, 2])]));
}

function visibility(
  emit: Emitter,
  { causal, window }: AttentionAttributes,
  mask: Operand | undefined,
  queries: Dim,
  keys: Dim,
): string | undefined {
  // the only query of a decoding step sees every key
  const triangle =
    causal && (queries !== 1 || window !== undefined) ? causalMask(emit, queries, keys, window) : undefined;
  const padding = mask && spread(emit, mask);
  if (!triangle || !padding) return triangle ?? padding;
  return emit.shared(`${triangle} and ${padding}`, () => emit.op('And', [triangle, padding]));
}

/** Keys or values [B, G, S, D] with zeros in place of those that a mask [B, S] hides: 0 · NaN is NaN in a product. */
function shownRows(emit: Emitter, rows: string, mask: Operand | undefined): string {
  if (mask?.type.shape.length !== 2) return rows;
  const column = emit.shared(`rows of ${mask.name}`, () => emit.op('Unsqueeze', [mask.name, emit.indices([1, 3])]));
  return emit.op('Where', [column, rows, emit.scalar(0)]); // [B, 1, S, 1]
}

/**
 * bool [B, H, T, 1]: whether all scores of a query are −∞, as where it sees no key. Their maximum says so but where it drops
 * NaN, and their sum but where finite scores overflow.
 */
function blind(emit: Emitter, shown: string, keys: Dim): string {
  const lowest = (operator: string) =>
    emit.op('Equal', [reduce(emit, operator, shown, [3], true), emit.scalar(Number.NEGATIVE_INFINITY)]);
  const rows = emit.op('And', [lowest('ReduceMax'), lowest('ReduceSum')]);
  return neverZero(keys) ? rows : emit.op('Or', [rows, isNothing(emit, keys)]);
}

function scaleOf(scale: number | null, width: Dim): number {
  if (scale === null && typeof width !== 'number') {
    throw new Error(`attention's default scale 1/√head_dim needs a static head_dim, and it is ${printDim(width)}`);
  }
  return scale ?? 1 / Math.sqrt(Number(width));
}

/** Products with keys and values that heads share. */
class Groups {
  private readonly emit: Emitter;
  private readonly sizes: readonly [batch: Dim, heads: Dim, groups: Dim, queries: Dim];
  private readonly shares: number;

  constructor(emit: Emitter, q: Operand, k: Operand) {
    this.emit = emit;
    const [batch, heads, queries] = q.type.shape as [Dim, Dim, Dim];
    const groups = k.type.shape[1]!;
    this.sizes = [batch, heads, groups, queries];
    this.shares = headsPerGroup(heads, groups)!;
  }

  /** [B, H, T, width] → [B, G, H/G · T, width] */
  together(x: string, width: Dim): string {
    const [batch, heads, groups, queries] = this.sizes;
    if (this.shares === 1) return x;
    const rows: Shape = [batch, groups, mulDims(queries, this.shares), width];
    return reshape(this.emit, x, [batch, heads, queries, width], rows);
  }

  /** The product of queries' rows [B, H, T, inner] with a matrix [B, G, inner, width]: [B, H, T, width] */
  matmul(rows: string, inner: Dim, matrix: string, width: Dim): string {
    const [batch, heads, groups, queries] = this.sizes;
    const product = this.emit.op('MatMul', [this.together(rows, inner), matrix]);
    if (this.shares === 1) return product;
    const from: Shape = [batch, groups, mulDims(queries, this.shares), width];
    return reshape(this.emit, product, from, [batch, heads, queries, width]);
  }
}

interface Scores {
  /** [B, H, T, S], before what is hidden */
  readonly scores: string;
  /** the derivative of the capped scores by the scores, where there is a soft cap */
  readonly slope: () => string | undefined;
}

/** soft_cap · tanh(q kᵀ / soft_cap) + bias, of scaled queries */
function scoresOf(emit: Emitter, product: string, bias: Operand | undefined, cap: number | undefined): Scores {
  const bent = cap === undefined ? undefined : emit.op('Tanh', [emit.op('Div', [product, emit.scalar(cap)])]);
  const capped = bent === undefined ? product : emit.op('Mul', [bent, emit.scalar(cap!)]);
  return {
    scores: bias ? emit.op('Add', [capped, bias.name]) : capped,
    slope: () => bent && emit.op('Sub', [emit.scalar(1), emit.op('Mul', [bent, bent])]),
  };
}

const turned = (emit: Emitter, x: string): string => emit.op('Transpose', [x], { perm: [0, 1, 3, 2] });

export const ATTENTION: Lowerings<'attention' | 'attention_grad'> = {
  // softmax(scores, hidden keys left out) · v; zeros where a query is blind
  attention: (emit, { inputs, attributes }) => {
    const [q, k, v, ...more] = inputs as [Operand, Operand, Operand, ...Operand[]];
    const { mask, bias } = maskAndBias(more, attributes);
    const [, , queries, width] = q.type.shape as [Dim, Dim, Dim, Dim];
    const keys = k.type.shape[2]!;
    const groups = new Groups(emit, q, k);
    const seen = visibility(emit, attributes, mask, queries, keys);
    const values = shownRows(emit, v.name, mask);
    const columns = turned(emit, k.name); // [B, G, D, S]
    const scaled = emit.op('Mul', [q.name, emit.scalar(scaleOf(attributes.scale, width))]);
    const { scores } = scoresOf(emit, groups.matmul(scaled, width, columns, keys), bias, attributes.soft_cap);
    const shown = seen ? emit.op('Where', [seen, scores, emit.scalar(Number.NEGATIVE_INFINITY)]) : scores;
    const p = emit.op('Softmax', [shown], { axis: -1 });
    const attended = groups.matmul(p, keys, values, v.type.shape[3]!);
    return [emit.op('Where', [blind(emit, shown, keys), emit.scalar(0), attended])];
  },
  // ONNX has no operator for it. P = softmax(scores), dP = dy vᵀ, dS = P (dP − Σ P dP) · slope:
  // dq = scale · dS k, dk = scale · dSᵀ q, dv = Pᵀ dy
  attention_grad: (emit, { inputs, attributes }) => {
    const [q, k, v, dy, ...more] = inputs as [Operand, Operand, Operand, Operand, ...Operand[]];
    const { mask, bias } = maskAndBias(more, attributes);
    const [, , queries, width] = q.type.shape as [Dim, Dim, Dim, Dim];
    const [keys, valueWidth] = [k.type.shape[2]!, v.type.shape[3]!];
    const groups = new Groups(emit, q, k);
    const seen = visibility(emit, attributes, mask, queries, keys);
    const scale = emit.scalar(scaleOf(attributes.scale, width));
    const scaled = emit.op('Mul', [q.name, scale]);
    const [keyRows, values] = [shownRows(emit, k.name, mask), shownRows(emit, v.name, mask)];
    const product = groups.matmul(scaled, width, turned(emit, keyRows), keys); // [B, H, T, S]
    const { scores, slope } = scoresOf(emit, product, bias, attributes.soft_cap);
    const shown = seen ? emit.op('Where', [seen, scores, emit.scalar(HIDDEN)]) : scores;
    const softmax = emit.op('Softmax', [shown], { axis: -1 });
    // a query that sees no key: the softmax of nothing is uniform
    const p = seen ? emit.op('Where', [seen, softmax, emit.scalar(0)]) : softmax;
    const dP = groups.matmul(dy.name, valueWidth, turned(emit, values), keys);
    const sum = reduce(emit, 'ReduceSum', emit.op('Mul', [p, dP]), [3], true);
    const inner = emit.op('Mul', [p, emit.op('Sub', [dP, sum])]);
    const bent = slope();
    const dS = bent === undefined ? inner : emit.op('Mul', [inner, bent]);
    // the heads that share keys and values are summed by the product
    const perKey = (rows: string, of: string, ofWidth: Dim) =>
      emit.op('MatMul', [turned(emit, groups.together(rows, keys)), groups.together(of, ofWidth)]);
    return [
      emit.op('Mul', [groups.matmul(dS, keys, keyRows, width), scale]),
      perKey(dS, scaled, width),
      perKey(p, dy.name, valueWidth),
    ];
  },
};
