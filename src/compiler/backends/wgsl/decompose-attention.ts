/**
 * attention_grad as products, folds and pointwise ops, over tensors [B, H, T, S].
 *
 *     P = exp(s − max s) / Σ over the visible keys, dP = dy vᵀ, dS = P (dP − Σ P dP)
 *     dq = scale · dS k, dk = scale · dSᵀ q, dv = Pᵀ dy
 */
import { type Dim, isSymbolic, subDims } from '../../../shared/dim.ts';
import type { ValueId } from '../../ir/graph.ts';
import type { OpAttributes } from '../../ops/attributes.ts';
import type { Writer } from './decompose.ts';

/** What each query sees, as a broadcast to [B, H, T, S]; undefined: everything. */
function visible(
  write: Writer,
  causal: boolean,
  mask: ValueId | undefined,
  queries: Dim,
  keys: Dim,
): ValueId | undefined {
  const padding = mask === undefined ? undefined : write.reshape(mask, [write.shapeOf(mask)[0]!, 1, 1, keys]);
  if (!causal) return padding;
  const offset = subDims(keys, queries);
  const past = isSymbolic(offset) ? write.node('dim_size', [], { dim: offset }) : write.scalar(offset, 'i64');
  const row = write.add(write.node('iota', [], { shape: [queries, 1], axis: 0 }), past);
  const triangle = write.node('less_equal', [write.node('iota', [], { shape: [1, keys], axis: 1 }), row], {});
  return padding === undefined ? triangle : write.node('and', [triangle, padding], {});
}

export function attentionGradient(
  write: Writer,
  [q, k, v, dy, mask]: readonly ValueId[],
  { causal, scale }: OpAttributes['attention_grad'],
): readonly ValueId[] {
  const [, , queries, width] = write.shapeOf(q!) as [Dim, Dim, Dim, Dim];
  const product = (a: ValueId, b: ValueId, turned: { readonly a?: true; readonly b?: true } = {}): ValueId =>
    write.node('matmul', [a, b], { transpose_a: turned.a ?? false, transpose_b: turned.b ?? false });
  const factor = write.scalar(scale ?? 1 / Math.sqrt(Number(width)));
  const scaled = write.mul(q!, factor);
  const seen = visible(write, causal, mask, queries, write.shapeOf(k!)[2]!);
  const hide = (x: ValueId, by: number): ValueId =>
    seen === undefined ? x : write.node('where', [seen, x, write.scalar(by)], {});
  // a hidden score is finite: the row of a query that sees nothing must not become NaN
  const scores = hide(product(scaled, k!, { b: true }), -3.4028234663852886e38);
  const e = write.node('exp', [write.sub(scores, write.fold('max', scores, 3))], {});
  const p = hide(write.div(e, write.fold('sum', e, 3)), 0);
  const dP = product(dy!, v!, { b: true });
  const dS = write.mul(p, write.sub(dP, write.fold('sum', write.mul(p, dP), 3)));
  return [write.mul(product(dS, k!), factor), product(dS, scaled, { a: true }), product(p, dy!, { a: true })];
}
