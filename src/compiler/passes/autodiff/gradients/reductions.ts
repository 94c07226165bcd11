/** Gradients of ops that fold axes or scan one. */
import type { Shape } from '../../../../shared/dim.ts';
import { productOf } from '../../../../shared/dim.ts';
import type { ValueId } from '../../../ir/graph.ts';
import type { OpAttributes } from '../../../ops/attributes.ts';
import type { Emit } from '../emit.ts';
import type { Call, Gradients } from '../rule.ts';
import { notDifferentiable } from '../rule.ts';

type Reduction = 'sum' | 'mean' | 'max' | 'min' | 'argmax' | 'top_k' | 'cumsum' | 'softmax' | 'log_softmax';

const kept = (shape: Shape, axes: readonly number[]): Shape =>
  shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));

/** A value of the folded shape with the folded axes back as 1. */
function unfold(emit: Emit, value: ValueId, shape: Shape, { axes }: OpAttributes['sum']): ValueId {
  return emit.reshape(value, kept(shape, axes));
}

/**
 * dy to the elements that equal the extreme; several equal ones share it evenly. NaN equals nothing, and no share of dy
 * is its: all elements get NaN. As torch.amax.
 */
function extreme({
  emit,
  inputs: [x],
  outputs: [y],
  attributes,
  upstream,
}: Call<'max' | 'min'>): readonly (() => ValueId)[] {
  return [
    () => {
      const shape = emit.shapeOf(x);
      const best = emit.plain('equal', x, unfold(emit, y, shape, attributes));
      const shares = emit.sum(emit.cast(best, 'f32'), attributes.axes);
      const share = emit.div(unfold(emit, upstream(), shape, attributes), shares);
      const nobody = emit.plain('equal', shares, emit.scalar(0));
      return emit.where(best, share, emit.where(nobody, emit.scalar(Number.NaN), emit.scalar(0)));
    },
  ];
}

export const REDUCTIONS: Gradients<Reduction> = {
  // dy along the folded axes
  sum: ({ emit, inputs: [x], attributes, upstream }) => [
    () => emit.expand(unfold(emit, upstream(), emit.shapeOf(x), attributes), emit.shapeOf(x)),
  ],
  // dy / n along the folded axes, n their number of elements
  mean: ({ emit, inputs: [x], attributes, upstream }) => [
    () => {
      const shape = emit.shapeOf(x);
      const count = productOf(attributes.axes.map((axis) => shape[axis]!));
      const share = emit.div(unfold(emit, upstream(), shape, attributes), emit.size(count));
      return emit.expand(share, shape);
    },
  ],
  max: extreme,
  min: extreme,
  argmax: notDifferentiable('its result is an index'),
  top_k: notDifferentiable('its results are indices, and gather_elements at them has a gradient'),
  // reversed prefix sum: dx[i] = Σ dy[j], j ≥ i
  cumsum: ({ emit, attributes: { axis }, upstream }) => [
    () => {
      const reverse = (value: ValueId) => emit.node('flip', [value], { axes: [axis] });
      return reverse(emit.node('cumsum', [reverse(upstream())], { axis }));
    },
  ],
  // y (dy − Σ y dy)
  softmax: ({ emit, outputs: [y], attributes: { axis }, upstream }) => [
    () => emit.mul(y, emit.sub(upstream(), emit.sum(emit.mul(y, upstream()), [axis]))),
  ],
  // dy − eʸ Σ dy
  log_softmax: ({ emit, outputs: [y], attributes: { axis }, upstream }) => [
    () => emit.sub(upstream(), emit.mul(emit.plain('exp', y), emit.sum(upstream(), [axis]))),
  ],
};
