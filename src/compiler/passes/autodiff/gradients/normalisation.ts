/**
 * Gradients of the norms over the last axis, from centred and normalised values: no difference of large sums,
 * so rows far from zero keep their digits.
 */
import type { Gradients } from '../rule.ts';
import { once } from '../rule.ts';

export const NORMALISATION: Gradients<'layer_norm' | 'rms_norm'> = {
  // n = (x − mean)/√(variance + eps), g = dy · weight:
  // dx = (g − mean(g) − n · mean(g n)) / √(variance + eps), d weight = Σ dy n, d bias = Σ dy
  layer_norm: ({ emit, inputs: [x, weight], attributes: { eps }, upstream }) => {
    const axes = [emit.rankOf(x) - 1];
    const centred = once(() => emit.sub(x, emit.mean(x, axes)));
    const scale = once(() => {
      const variance = emit.mean(emit.mul(centred(), centred()), axes);
      return emit.plain('rsqrt', emit.add(variance, emit.scalar(eps)));
    });
    const normal = once(() => emit.mul(centred(), scale()));
    return [
      () => {
        const g = weight === undefined ? upstream() : emit.mul(upstream(), weight);
        const along = emit.mul(normal(), emit.mean(emit.mul(g, normal()), axes));
        return emit.mul(emit.sub(emit.sub(g, emit.mean(g, axes)), along), scale());
      },
      () => emit.mul(upstream(), normal()),
      () => upstream(),
    ];
  },
  // n = x/√(mean(x²) + eps), g = dy · weight: dx = (g − n · mean(g n)) / √(mean(x²) + eps), d weight = Σ dy n
  rms_norm: ({ emit, inputs: [x, weight], attributes: { eps }, upstream }) => {
    const axes = [emit.rankOf(x) - 1];
    const scale = once(() => {
      const meanSquare = emit.mean(emit.mul(x, x), axes);
      return emit.plain('rsqrt', emit.add(meanSquare, emit.scalar(eps)));
    });
    const normal = once(() => emit.mul(x, scale()));
    return [
      () => {
        const g = weight === undefined ? upstream() : emit.mul(upstream(), weight);
        return emit.mul(emit.sub(g, emit.mul(normal(), emit.mean(emit.mul(g, normal()), axes))), scale());
      },
      () => emit.mul(upstream(), normal()),
    ];
  },
};
