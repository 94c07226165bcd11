/**
 * Gradients of attention and rotary.
 *
 * Attention recomputes its probabilities [B, H, T, S] from q and k instead of saving them: they are the largest
 * tensor of a layer, and one product makes them again. A target with a kernel for all of it gets one node instead.
 */
import type { Dim } from '../../../../shared/dim.ts';
import { isSymbolic, mulDims, subDims } from '../../../../shared/dim.ts';
import type { ValueId } from '../../../ir/graph.ts';
import { type AttentionAttributes, headsPerGroup, maskAndBias } from '../../../ops/attention-scores.ts';

import type { Emit } from '../emit.ts';
import type { Call, Gradients } from '../rule.ts';
import { notDifferentiable, once } from '../rule.ts';

/** Smallest float32: a hidden score. Finite, so that the softmax of a row without a visible key is no NaN. */
const HIDDEN = -3.4028234663852886e38;

/** bool [T, S]: query i sees keys 0 … S − T + i, with a window the last of them. */
function causalMask(emit: Emit, queries: Dim, keys: Dim, window: number | undefined): ValueId {
  const row = emit.node('iota', [], { shape: [queries, 1], axis: 0 });
  const offset = subDims(keys, queries);
  const past = isSymbolic(offset) ? emit.node('dim_size', [], { dim: offset }) : emit.scalar(offset, 'i64');
  const [all, last] = [emit.node('iota', [], { shape: [1, keys], axis: 1 }), emit.add(row, past)];
  const seen = emit.plain('less_equal', all, last);
  if (window === undefined) return seen;
  return emit.plain('and', seen, emit.plain('less', emit.sub(last, emit.scalar(window, 'i64')), all));
}

/** What each query sees, broadcast to [B, H, T, S]; undefined: everything. */
function visibility(
  emit: Emit,
  { causal, window }: AttentionAttributes,
  mask: ValueId | undefined,
  queries: Dim,
  keys: Dim,
): ValueId | undefined {
  const triangle = causal ? causalMask(emit, queries, keys, window) : undefined;
  if (mask === undefined) return triangle;
  const [batch, ...others] = emit.shapeOf(mask);
  const padding = others.length === 1 ? emit.reshape(mask, [batch!, 1, 1, keys]) : mask;
  return triangle === undefined ? padding : emit.plain('and', triangle, padding);
}

/** Keys or values [B, G, S, D] with zeros in place of those that a mask [B, S] hides: NaN there would reach dq through 0 · NaN. */
function shownRows(emit: Emit, rows: ValueId, mask: ValueId | undefined): ValueId {
  if (mask === undefined || emit.shapeOf(mask).length !== 2) return rows;
  const [batch, , keys] = emit.shapeOf(rows);
  return emit.keep(emit.reshape(mask, [batch!, 1, keys!, 1]), rows);
}

/** [B, H, T, width] → [B, G, H/G · T, width]: the queries' rows for each head of keys and values */
function together(emit: Emit, rows: ValueId, groups: Dim): ValueId {
  const [batch, heads, queries, width] = emit.shapeOf(rows) as [Dim, Dim, Dim, Dim];
  const shares = headsPerGroup(heads, groups)!;
  return shares === 1 ? rows : emit.reshape(rows, [batch, groups, mulDims(queries, shares), width]);
}

/** rows [B, H, T, …] · matrix [B, G, …] → [B, H, T, …] */
function perQuery(emit: Emit, rows: ValueId, matrix: ValueId, turned: boolean): ValueId {
  const [batch, heads, queries] = emit.shapeOf(rows) as [Dim, Dim, Dim];
  const groups = emit.shapeOf(matrix)[1]!;
  const product = emit.matmul(together(emit, rows, groups), matrix, { b: turned });
  if (headsPerGroup(heads, groups) === 1) return product;
  return emit.reshape(product, [batch, heads, queries, emit.shapeOf(product)[3]!]);
}

/** The pieces of attention's gradient as plain ops, each made when it is first asked for. */
function composed(
  emit: Emit,
  { inputs, attributes, upstream }: Pick<Call<'attention'>, 'inputs' | 'attributes' | 'upstream'>,
) {
  const [q, k, v, ...more] = inputs as [ValueId, ValueId, ValueId, ...ValueId[]];
  const { mask, bias } = maskAndBias(more, attributes);
  const { scale, soft_cap: cap } = attributes;
  const [, groups, keys] = emit.shapeOf(k) as [Dim, Dim, Dim];
  const [queries, width] = [emit.shapeOf(q)[2]!, emit.shapeOf(q)[3]!];
  const factor = once(() => {
    if (scale !== null) return emit.scalar(scale);
    return isSymbolic(width) ? emit.plain('rsqrt', emit.size(width)) : emit.scalar(1 / Math.sqrt(width));
  });
  const scaled = once(() => emit.mul(q, factor()));
  const [keysShown, valuesShown] = [once(() => shownRows(emit, k, mask)), once(() => shownRows(emit, v, mask))];
  // scores / soft_cap through tanh
  const bent = once(() => emit.plain('tanh', emit.scale(perQuery(emit, scaled(), keysShown(), true), 1 / cap!)));
  const probabilities = once(() => {
    const capped = cap === undefined ? perQuery(emit, scaled(), keysShown(), true) : emit.scale(bent(), cap);
    const scores = bias === undefined ? capped : emit.add(capped, bias);
    const seen = visibility(emit, attributes, mask, queries, keys);
    if (seen === undefined) return emit.node('softmax', [scores], { axis: 3 });
    const shown = emit.where(seen, scores, emit.scalar(HIDDEN));
    // the second selection is for queries that see no key: softmax makes their rows uniform
    return emit.keep(seen, emit.node('softmax', [shown], { axis: 3 }));
  });
  // of the scores with their bias
  const biased = once(() => {
    const p = probabilities();
    const dP = perQuery(emit, upstream(), valuesShown(), true);
    return emit.mul(p, emit.sub(dP, emit.sum(emit.mul(p, dP), [3])));
  });
  const scores = once(() => {
    if (cap === undefined) return biased();
    return emit.mul(biased(), emit.sub(emit.scalar(1), emit.mul(bent(), bent())));
  });
  const perKey = (rows: ValueId, of: ValueId) =>
    emit.matmul(together(emit, rows, groups), together(emit, of, groups), { a: true });
  return {
    dq: () => emit.mul(perQuery(emit, scores(), keysShown(), false), factor()),
    dk: () => perKey(scores(), scaled()),
    dv: () => perKey(probabilities(), upstream()),
    dbias: biased,
  };
}

export const ATTENTION: Gradients<'attention' | 'attention_grad' | 'rotary'> = {
  // P = softmax(scores) over the visible keys, 0 where hidden; dP = dy vᵀ; dS = P (dP − Σ P dP), · the soft cap's slope:
  // dq = scale · dS k, dk = scale · dSᵀ q, dv = Pᵀ dy, dbias = dS without the slope
  attention: (call) => {
    const { emit, inputs, attributes, upstream } = call;
    const [q, k, v, ...more] = inputs;
    const { dq, dk, dv, dbias } = composed(emit, call);
    const rest = [3, 4].map((operand) => (attributes.biased && operand === inputs.length - 1 ? dbias : null));
    // a bias [T, S] is in memory anyway, and with a mask beside it the one kernel would bind more than devices promise
    if (!emit.fusedAttention || inputs.length > 4) return [dq, dk, dv, ...rest];
    const gradients = once(() => emit.nodeOutputs('attention_grad', [q, k, v, upstream(), ...more], attributes));
    return [...[0, 1, 2].map((operand) => () => gradients()[operand]!), ...rest];
  },
  attention_grad: notDifferentiable('it is a gradient itself, and second derivatives of attention come from plain ops'),
  // a rotation's transpose is the rotation back
  rotary: ({ emit, inputs: [, positions], attributes: { inverse, ...rest }, upstream }) => [
    () => emit.node('rotary', [upstream(), positions], inverse ? rest : { ...rest, inverse: true }),
    null,
  ],
};
