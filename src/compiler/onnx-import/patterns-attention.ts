/** softmax(scale · q kᵀ) v as attention: without a mask both mean the same. */
import { equalDims } from '../../shared/dim.ts';
import type { AnyNode, ValueId } from '../ir/graph.ts';
import type { Matcher } from './matcher.ts';

/** A value without the number that it is multiplied by. */
function unscaled(m: Matcher, value: ValueId): readonly [ValueId, number] {
  const product = m.madeOnce(value, 'mul');
  for (const [x, by] of product ? [product.inputs, product.inputs.toReversed()] : []) {
    const scale = by === undefined ? undefined : m.scalar(by);
    if (scale !== undefined) return [x!, scale];
  }
  const quotient = m.madeOnce(value, 'div');
  const divisor = quotient && m.scalar(quotient.inputs[1]!);
  return divisor === undefined ? [value, 1] : [quotient!.inputs[0]!, 1 / divisor];
}

/** Keys [B, H, S, D] of what queries are multiplied by, [B, H, D, S]. */
function keysOf(m: Matcher, value: ValueId, node: AnyNode): ValueId | undefined {
  const turned = m.made(value, 'transpose');
  if (!turned) return undefined;
  const [x] = turned.inputs as [ValueId];
  const order = turned.attributes.permutation.join();
  if (order === '0,1,3,2') return x;
  return order === '0,2,3,1' ? m.emit('transpose', [x], { permutation: [0, 2, 1, 3] }, node) : undefined;
}

export function attentionOf(m: Matcher, node: AnyNode): ValueId | undefined {
  const [p, v] = node.inputs as [ValueId, ValueId];
  const softmax = m.madeOnce(p, 'softmax');
  if (softmax?.attributes.axis !== 3 || m.type(v).shape.length !== 4) return undefined;
  const [scores, outer] = unscaled(m, softmax.inputs[0]!);
  const product = m.madeOnce(scores, 'matmul');
  if (!product || product.attributes.transpose_a || product.attributes.transpose_b) return undefined;
  const [q, queryScale] = unscaled(m, product.inputs[0]!);
  const [turned, keyScale] = unscaled(m, product.inputs[1]!);
  if (m.type(q).shape.length !== 4 || m.type(turned).shape.length !== 4) return undefined;
  const [qShape, kShape, vShape] = [m.type(q).shape, m.type(turned).shape, m.type(v).shape];
  // the product would broadcast what attention does not
  const fits = [0, 1].every(
    (axis) => equalDims(qShape[axis]!, kShape[axis]!) && equalDims(qShape[axis]!, vShape[axis]!),
  );
  if (!fits || typeof qShape[3] !== 'number') return undefined;
  const k = keysOf(m, turned, node);
  if (k === undefined) return undefined;
  const scale = outer * queryScale * keyScale;
  const usual = Math.abs(scale * Math.sqrt(qShape[3]) - 1) < 1e-6;
  return m.emit('attention', [q, k, v], { causal: false, scale: usual ? null : scale }, node);
}
