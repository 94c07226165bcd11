/**
 * Gradients of attention and rotary.
 *
 * Attention recomputes its probabilities [B, H, T, S] from q and k instead of saving them: they are the largest
 * tensor of a layer, and one product makes them again. A target with a kernel for all of it gets one node instead.
 */
import type { Dim } from '../../../../shared/dim.ts';
import { isSymbolic, subDims } from '../../../../shared/dim.ts';
import type { ValueId } from '../../../ir/graph.ts';
import type { Emit } from '../emit.ts';
import type { Gradients } from '../rule.ts';
import { notDifferentiable, once } from '../rule.ts';

/** Smallest float32: a hidden score. Finite, so that the softmax of a row without a visible key is no NaN. */
const HIDDEN = -3.4028234663852886e38;

/** bool [T, S]: query i sees keys 0 … S − T + i */
function causalMask(emit: Emit, queries: Dim, keys: Dim): ValueId {
  const row = emit.node('iota', [], { shape: [queries, 1], axis: 0 });
  const offset = subDims(keys, queries);
  const past = isSymbolic(offset) ? emit.node('dim_size', [], { dim: offset }) : emit.scalar(offset, 'i64');
  return emit.plain('less_equal', emit.node('iota', [], { shape: [1, keys], axis: 1 }), emit.add(row, past));
}

/** What each query sees, broadcast to [B, 1, T, S]; undefined: everything. */
function visibility(
  emit: Emit,
  causal: boolean,
  mask: ValueId | undefined,
  queries: Dim,
  keys: Dim,
): ValueId | undefined {
  const triangle = causal ? causalMask(emit, queries, keys) : undefined;
  if (mask === undefined) return triangle;
  const [batch] = emit.shapeOf(mask);
  const padding = emit.reshape(mask, [batch!, 1, 1, keys]);
  return triangle === undefined ? padding : emit.plain('and', triangle, padding);
}

/** Keys or values [B, H, S, D] with zeros in place of those that the mask hides: NaN there would reach dq through 0 · NaN. */
function shownRows(emit: Emit, rows: ValueId, mask: ValueId | undefined): ValueId {
  if (mask === undefined) return rows;
  const [batch, , keys] = emit.shapeOf(rows);
  return emit.keep(emit.reshape(mask, [batch!, 1, keys!, 1]), rows);
}

export const ATTENTION: Gradients<'attention' | 'attention_grad' | 'rotary'> = {
  // P = softmax(scale · q kᵀ) over the visible keys, 0 where hidden; dP = dy vᵀ; dS = P (dP − Σ P dP):
  // dq = scale · dS k, dk = scale · dSᵀ q, dv = Pᵀ dy
  attention: ({ emit, inputs: [q, k, v, mask], attributes: { causal, scale }, upstream }) => {
    if (emit.fusedAttention) {
      let gradients: readonly ValueId[] | undefined;
      const gradient = (operand: number) => () => {
        const operands = [q!, k!, v!, upstream(), ...(mask === undefined ? [] : [mask])];
        gradients ??= emit.nodeOutputs('attention_grad', operands, { causal, scale });
        return gradients[operand]!;
      };
      return [gradient(0), gradient(1), gradient(2), null];
    }
    const [queries, keys, width] = [emit.shapeOf(q!)[2]!, emit.shapeOf(k!)[2]!, emit.shapeOf(q!)[3]!];
    const factor = once(() => {
      if (scale !== null) return emit.scalar(scale);
      return isSymbolic(width) ? emit.plain('rsqrt', emit.size(width)) : emit.scalar(1 / Math.sqrt(width));
    });
    const scaled = once(() => emit.mul(q!, factor()));
    const [keysShown, valuesShown] = [once(() => shownRows(emit, k!, mask)), once(() => shownRows(emit, v!, mask))];
    const probabilities = once(() => {
      const scores = emit.matmul(scaled(), keysShown(), { b: true });
      const seen = visibility(emit, causal, mask, queries, keys);
      if (seen === undefined) return emit.node('softmax', [scores], { axis: 3 });
      const shown = emit.where(seen, scores, emit.scalar(HIDDEN));
      // the second selection is for queries that see no key: softmax makes their rows uniform
      return emit.keep(seen, emit.node('softmax', [shown], { axis: 3 }));
    });
    const scores = once(() => {
      const p = probabilities();
      const dP = emit.matmul(upstream(), valuesShown(), { b: true });
      return emit.mul(p, emit.sub(dP, emit.sum(emit.mul(p, dP), [3])));
    });
    return [
      () => emit.mul(emit.matmul(scores(), keysShown()), factor()),
      () => emit.matmul(scores(), scaled(), { a: true }),
      () => emit.matmul(probabilities(), upstream(), { a: true }),
      null,
    ];
  },
  attention_grad: notDifferentiable('it is a gradient itself, and second derivatives of attention come from plain ops'),
  // a rotation's transpose is the rotation back
  rotary: ({ emit, inputs: [, positions], attributes: { inverse, ...rest }, upstream }) => [
    () => emit.node('rotary', [upstream(), positions!], inverse ? rest : { ...rest, inverse: true }),
    null,
  ],
};
