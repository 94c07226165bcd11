/**
 * Layer and RMS norm over the last axis.
 *
 * LayerNormalization is one operator at both opsets: ONNX Runtime's kernel subtracts the mean before it squares, so
 * rows far from zero keep their digits (error below 3e-7 at mean 10, standard deviation 1; 3e-6 at mean 100).
 */
import type { Emitter } from '../emitter.ts';
import { float } from '../proto.ts';
import { dimValue } from '../shapes.ts';
import { type Lowerings, lastDim, type Operand, reduce } from './rule.ts';

/** Both operators demand a scale. */
function scaleOf(emit: Emitter, x: Operand, weight: Operand | undefined): string {
  if (weight) return weight.name;
  const width = lastDim(x);
  if (typeof width !== 'number') return emit.op('Expand', [emit.scalar(1), dimValue(emit, width)]);
  return emit.constant({ dtype: 'f32', shape: [width], data: new Float32Array(width).fill(1) });
}

export const NORM: Lowerings<'layer_norm' | 'rms_norm'> = {
  layer_norm: (emit, { inputs, attributes: { eps } }) => {
    const [x, weight, bias] = [inputs[0]!, inputs[1], inputs[2]];
    const operands = [x.name, scaleOf(emit, x, weight), ...(bias ? [bias.name] : [])];
    return [emit.op('LayerNormalization', operands, { axis: -1, epsilon: float(eps) })];
  },
  rms_norm: (emit, { inputs, attributes: { eps } }) => {
    const [x, weight] = [inputs[0]!, inputs[1]];
    if (emit.opset >= 23) {
      return [emit.op('RMSNormalization', [x.name, scaleOf(emit, x, weight)], { axis: -1, epsilon: float(eps) })];
    }
    const axis = x.type.shape.length - 1;
    const meanSquare = reduce(emit, 'ReduceMean', emit.op('Mul', [x.name, x.name]), [axis], true);
    const root = emit.op('Sqrt', [emit.op('Add', [meanSquare, emit.scalar(eps)])]);
    const normal = emit.op('Div', [x.name, root]);
    return [weight ? emit.op('Mul', [normal, weight.name]) : normal];
  },
};
