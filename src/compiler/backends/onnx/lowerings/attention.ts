/**
 * Scaled dot-product attention.
 *
 * What each query sees is one boolean tensor, [T, S] or [B, 1, T, S], built once per graph and shared by all layers.
 *
 * Opset 23's Attention stands nowhere: ONNX Runtime's gives NaN to a query whose scores are all −∞, spreads NaN of a padded
 * key to the whole row, and refuses an empty batch, no query and no key. On its CPU it is no faster than the plain operators.
 */
import { type Dim, printDim, type Shape, subDims } from '../../../../shared/dim.ts';
import type { Emitter } from '../emitter.ts';
import { dimValue, isNothing, range } from '../shapes.ts';
import { neverZero } from '../symbols.ts';
import { type Lowerings, type Operand, reduce } from './rule.ts';

/** Smallest float32: what a hidden score becomes for the gradients, whose probabilities are masked once more. */
const HIDDEN = -3.4028234663852886e38;

interface Visibility {
  readonly name: string;
  readonly shape: Shape;
}

/** bool [T, S]: query i sees keys 0 … S − T + i */
function causalMask(emit: Emitter, queries: Dim, keys: Dim): Visibility {
  const name = emit.shared(`causal ${printDim(queries)} × ${printDim(keys)}`, () => {
    const row = emit.op('Unsqueeze', [range(emit, queries), emit.indices([1])]); // [T, 1]
    const last = emit.op('Add', [row, dimValue(emit, subDims(keys, queries))]);
    return emit.op('LessOrEqual', [range(emit, keys), last]);
  });
  return { name, shape: [queries, keys] };
}

/** bool [B, S] → [B, 1, 1, S] */
function keyMask(emit: Emitter, mask: Operand): Visibility {
  const [batch, keys] = [mask.type.shape[0]!, mask.type.shape[1]!];
  const name = emit.shared(`key mask ${mask.name}`, () => emit.op('Unsqueeze', [mask.name, emit.indices([1, 2])]));
  return { name, shape: [batch, 1, 1, keys] };
}

function visibility(
  emit: Emitter,
  causal: boolean,
  mask: Operand | undefined,
  queries: Dim,
  keys: Dim,
): Visibility | undefined {
  // the only query of a decoding step sees every key
  const triangle = causal && queries !== 1 ? causalMask(emit, queries, keys) : undefined;
  const padding = mask ? keyMask(emit, mask) : undefined;
  if (!triangle || !padding) return triangle ?? padding;
  const name = emit.shared(`${triangle.name} and ${padding.name}`, () => emit.op('And', [triangle.name, padding.name]));
  return { name, shape: [padding.shape[0]!, 1, queries, keys] };
}

/** Keys or values [B, H, S, D] with zeros in place of those that the mask hides: 0 · NaN is NaN in a product. */
function shownRows(emit: Emitter, rows: string, mask: Operand | undefined): string {
  if (!mask) return rows;
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

/** softmax(q · kᵀ · scale, hidden keys left out) · v; zeros where a query is blind */
function plainAttention(
  emit: Emitter,
  [q, k, v]: readonly string[],
  scale: number,
  seen: Visibility | undefined,
  keyCount: Dim,
): string {
  const keys = emit.op('Transpose', [k!], { perm: [0, 1, 3, 2] }); // [B, H, D, S]
  const scores = emit.op('MatMul', [emit.op('Mul', [q!, emit.scalar(scale)]), keys]); // [B, H, T, S]
  const shown = seen ? emit.op('Where', [seen.name, scores, emit.scalar(Number.NEGATIVE_INFINITY)]) : scores;
  const attended = emit.op('MatMul', [emit.op('Softmax', [shown], { axis: -1 }), v!]);
  return emit.op('Where', [blind(emit, shown, keyCount), emit.scalar(0), attended]);
}

function scaleOf(scale: number | null, width: Dim): number {
  if (scale === null && typeof width !== 'number') {
    throw new Error(`attention's default scale 1/√head_dim needs a static head_dim, and it is ${printDim(width)}`);
  }
  return scale ?? 1 / Math.sqrt(Number(width));
}

export const ATTENTION: Lowerings<'attention' | 'attention_grad'> = {
  attention: (emit, { inputs, attributes }) => {
    const [q, k, v, mask] = [inputs[0]!, inputs[1]!, inputs[2]!, inputs[3]];
    const [, , queries, width] = q.type.shape as [Dim, Dim, Dim, Dim];
    const keys = k.type.shape[2]!;
    const scale = scaleOf(attributes.scale, width);
    const seen = visibility(emit, attributes.causal, mask, queries, keys);
    return [plainAttention(emit, [q.name, k.name, shownRows(emit, v.name, mask)], scale, seen, keys)];
  },
  // ONNX has no operator for it. P = softmax(scale · q kᵀ), dP = dy vᵀ, dS = P (dP − Σ P dP):
  // dq = scale · dS k, dk = scale · dSᵀ q, dv = Pᵀ dy
  attention_grad: (emit, { inputs, attributes }) => {
    const [q, k, v, dy, mask] = [inputs[0]!, inputs[1]!, inputs[2]!, inputs[3]!, inputs[4]];
    const [, , queries, width] = q.type.shape as [Dim, Dim, Dim, Dim];
    const keys = k.type.shape[2]!;
    const turned = (x: string) => emit.op('Transpose', [x], { perm: [0, 1, 3, 2] });
    const seen = visibility(emit, attributes.causal, mask, queries, keys);
    const scale = emit.scalar(scaleOf(attributes.scale, width));
    const scaled = emit.op('Mul', [q.name, scale]);
    const [keyRows, values] = [shownRows(emit, k.name, mask), shownRows(emit, v.name, mask)];
    const scores = emit.op('MatMul', [scaled, turned(keyRows)]); // [B, H, T, S]
    const shown = seen ? emit.op('Where', [seen.name, scores, emit.scalar(HIDDEN)]) : scores;
    const softmax = emit.op('Softmax', [shown], { axis: -1 });
    // a query that sees no key: the softmax of nothing is uniform
    const p = seen ? emit.op('Where', [seen.name, softmax, emit.scalar(0)]) : softmax;
    const dP = emit.op('MatMul', [dy.name, turned(values)]);
    const sum = reduce(emit, 'ReduceSum', emit.op('Mul', [p, dP]), [3], true);
    const dS = emit.op('Mul', [p, emit.op('Sub', [dP, sum])]);
    return [
      emit.op('Mul', [emit.op('MatMul', [dS, keyRows]), scale]),
      emit.op('MatMul', [turned(dS), scaled]),
      emit.op('MatMul', [turned(p), dy.name]),
    ];
  },
};
