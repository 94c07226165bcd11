/**
 * Layer and RMS norm over the last axis.
 *
 * LayerNormalization is one operator at both opsets: ONNX Runtime's kernel subtracts the mean before it squares, so
 * rows far from zero keep their digits (error below 3e-7 at mean 10, standard deviation 1; 3e-6 at mean 100). It and
 * RMSNormalization refuse rows without elements, so where the last axis may be 0 plain operators stand in their place.
 */
import type { Emitter } from '../emitter.ts';
import { float } from '../proto.ts';
import { neverZero } from '../symbols.ts';
import { type Lowerings, lastDim, type Operand, reduce } from './rule.ts';

/** Both operators demand a scale. */
function scaleOf(emit: Emitter, width: number, weight: Operand | undefined): string {
  if (weight) return weight.name;
  return emit.constant({ dtype: 'f32', shape: [width], data: new Float32Array(width).fill(1) });
}

/** x / √(mean(x²) + eps) · weight + bias */
function plainNorm(
  emit: Emitter,
  x: string,
  rank: number,
  [weight, bias]: readonly (Operand | undefined)[],
  eps: number,
): string {
  const meanSquare = reduce(emit, 'ReduceMean', emit.op('Mul', [x, x]), [rank - 1], true);
  const root = emit.op('Sqrt', [emit.op('Add', [meanSquare, emit.scalar(eps)])]);
  const normal = emit.op('Div', [x, root]);
  const scaled = weight ? emit.op('Mul', [normal, weight.name]) : normal;
  return bias ? emit.op('Add', [scaled, bias.name]) : scaled;
}

export const NORM: Lowerings<'layer_norm' | 'rms_norm'> = {
  layer_norm: (emit, { inputs, attributes: { eps } }) => {
    const [x, weight, bias] = [inputs[0], inputs[1], inputs[2]];
    const [rank, width] = [x.type.shape.length, lastDim(x)];
    if (typeof width !== 'number' || !neverZero(width)) {
      const centred = emit.op('Sub', [x.name, reduce(emit, 'ReduceMean', x.name, [rank - 1], true)]);
      return [plainNorm(emit, centred, rank, [weight, bias], eps)];
    }
    const operands = [x.name, scaleOf(emit, width, weight), ...(bias ? [bias.name] : [])];
    return [emit.op('LayerNormalization', operands, { axis: -1, epsilon: float(eps) })];
  },
  rms_norm: (emit, { inputs, attributes: { eps } }) => {
    const [x, weight] = [inputs[0], inputs[1]];
    const width = lastDim(x);
    if (emit.opset < 23 || typeof width !== 'number' || !neverZero(width)) {
      return [plainNorm(emit, x.name, x.type.shape.length, [weight], eps)];
    }
    const operands = [x.name, scaleOf(emit, width, weight)];
    return [emit.op('RMSNormalization', operands, { axis: -1, epsilon: float(eps) })];
  },
};
