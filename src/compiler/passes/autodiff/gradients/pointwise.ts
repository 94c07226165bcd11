/** Gradients of pointwise ops of one operand: dx = dy · f′(x). */
import type { ValueId } from '../../../ir/graph.ts';
import { eachFunction, type RealFunction, type RealFunctions } from '../../../ops/functions.ts';
import type { PointwiseOps } from '../../../ops/pointwise.ts';
import type { Emit } from '../emit.ts';
import type { Derivative, Gradients } from '../rule.ts';
import { notDifferentiable } from '../rule.ts';

/** Φ(x) + x φ(x): the derivative of x Φ(x), Φ and φ of the standard normal distribution */
function geluExact(emit: Emit, x: ValueId): ValueId {
  const cdf = emit.scale(emit.add(emit.plain('erf', emit.scale(x, Math.SQRT1_2)), emit.scalar(1)), 0.5);
  const bell = emit.plain('exp', emit.scale(emit.mul(x, x), -0.5));
  return emit.add(cdf, emit.scale(emit.mul(x, bell), 1 / Math.sqrt(2 * Math.PI)));
}

/** From here on σ(u) of `geluTanh` is 0 or 1 in f32 and y′ with it, while x³ and u′ leave f32 for larger x: 0 · ∞ */
const GELU_TAIL = 16;

/** y = x σ(u), u = 2√(2/π) (x + 0.044715 x³): y′ = σ(u) (1 + x σ(−u) u′); σ(−u) is 1 − σ(u) without the cancellation */
function geluTanh(emit: Emit, given: ValueId): ValueId {
  const x = emit.node('clamp', [given], { min: -GELU_TAIL, max: GELU_TAIL });
  const slope = 2 * Math.sqrt(2 / Math.PI);
  const square = emit.mul(x, x);
  const u = emit.mul(x, emit.add(emit.scale(square, slope * 0.044715), emit.scalar(slope)));
  const du = emit.add(emit.scale(square, 3 * slope * 0.044715), emit.scalar(slope));
  const rest = emit.mul(emit.mul(x, emit.plain('sigmoid', emit.neg(u))), du);
  return emit.mul(emit.plain('sigmoid', u), emit.add(rest, emit.scalar(1)));
}

const STEPS =
  'its derivative is 0 wherever it has one: say what goes back with `straight_through` or a `backward` clause';

/** The record of a function has its formula. */
const ofFunction =
  <N extends keyof RealFunctions>({ gradient }: RealFunction<N>): Derivative<keyof RealFunctions> =>
  ({ emit, inputs: [x], outputs: [y], upstream }) => [() => gradient<ValueId>(emit, { x, y, dy: upstream() })];

export const POINTWISE: Gradients<keyof PointwiseOps> = {
  ...eachFunction(ofFunction),
  // −dy
  neg: ({ emit, upstream }) => [() => emit.neg(upstream())],
  // torch sends zeros back, with which nothing below trains and nothing says so
  round: notDifferentiable(STEPS),
  floor: notDifferentiable(STEPS),
  round_f16: notDifferentiable(STEPS),
  // dy · gelu′(x)
  gelu: ({ emit, inputs: [x], attributes: { approximate }, upstream }) => [
    () => emit.mul(upstream(), approximate === 'tanh' ? geluTanh(emit, x) : geluExact(emit, x)),
  ],
  // dy where min < x < max: 0 at both ends, as torch 2.15
  clamp: ({ emit, inputs: [x], attributes: { min, max }, upstream }) => [
    () => {
      const above = emit.plain('less', emit.scalar(min), x);
      return emit.keep(emit.plain('and', above, emit.plain('less', x, emit.scalar(max))), upstream());
    },
  ],
  not: notDifferentiable('it maps masks to masks'),
  // dy: only f32 → f32 is on a path, the other casts give integers, masks, or read them
  cast: ({ upstream }) => [() => upstream()],
};
