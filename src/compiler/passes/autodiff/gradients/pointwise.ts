/** Gradients of pointwise ops of one operand: dx = dy · f′(x). y is the op's result, read again where f′ is shorter in it. */
import type { ValueId } from '../../../ir/graph.ts';
import type { OpName } from '../../../ops/attributes.ts';
import type { Emit } from '../emit.ts';
import type { Derivative, Gradients } from '../rule.ts';
import { notDifferentiable } from '../rule.ts';

type Unary =
  | ('neg' | 'abs' | 'exp' | 'log' | 'sqrt' | 'rsqrt' | 'reciprocal' | 'sin' | 'cos' | 'tanh' | 'erf' | 'sigmoid')
  | ('relu' | 'silu' | 'softplus' | 'round' | 'floor' | 'gelu' | 'clamp' | 'not' | 'cast');

interface Point {
  readonly x: ValueId;
  readonly y: ValueId;
  readonly dy: ValueId;
}

function unary<N extends OpName>(dx: (emit: Emit, point: Point) => ValueId): Derivative<N> {
  return ({ emit, inputs, outputs, upstream }) => [() => dx(emit, { x: inputs[0]!, y: outputs[0], dy: upstream() })];
}

/** Φ(x) + x φ(x): the derivative of x Φ(x), Φ and φ of the standard normal distribution */
function geluExact(emit: Emit, x: ValueId): ValueId {
  const cdf = emit.scale(emit.add(emit.plain('erf', emit.scale(x, Math.SQRT1_2)), emit.scalar(1)), 0.5);
  const bell = emit.plain('exp', emit.scale(emit.mul(x, x), -0.5));
  return emit.add(cdf, emit.scale(emit.mul(x, bell), 1 / Math.sqrt(2 * Math.PI)));
}

/** y = x σ(u), u = 2√(2/π) (x + 0.044715 x³): y′ = σ(u) (1 + x σ(−u) u′); σ(−u) is 1 − σ(u) without the cancellation */
function geluTanh(emit: Emit, x: ValueId): ValueId {
  const slope = 2 * Math.sqrt(2 / Math.PI);
  const square = emit.mul(x, x);
  const u = emit.mul(x, emit.add(emit.scale(square, slope * 0.044715), emit.scalar(slope)));
  const du = emit.add(emit.scale(square, 3 * slope * 0.044715), emit.scalar(slope));
  const rest = emit.mul(emit.mul(x, emit.plain('sigmoid', emit.neg(u))), du);
  return emit.mul(emit.plain('sigmoid', u), emit.add(rest, emit.scalar(1)));
}

const STEPS =
  'its derivative is 0 wherever it has one: say what goes back with `straight_through` or a `backward` clause';

export const POINTWISE: Gradients<Unary> = {
  // −dy
  neg: unary((emit, { dy }) => emit.neg(dy)),
  // dy · sign(x), 0 at 0 as torch
  abs: unary((emit, { x, dy }) => {
    const zero = emit.scalar(0);
    return emit.where(emit.plain('less', x, zero), emit.neg(dy), emit.keep(emit.plain('less', zero, x), dy));
  }),
  // dy · y
  exp: unary((emit, { y, dy }) => emit.mul(dy, y)),
  // dy / x
  log: unary((emit, { x, dy }) => emit.div(dy, x)),
  // dy / (2y)
  sqrt: unary((emit, { y, dy }) => emit.div(emit.scale(dy, 0.5), y)),
  // −dy · y³ / 2
  rsqrt: unary((emit, { y, dy }) => emit.mul(emit.scale(dy, -0.5), emit.mul(y, emit.mul(y, y)))),
  // −dy · y²
  reciprocal: unary((emit, { y, dy }) => emit.neg(emit.mul(dy, emit.mul(y, y)))),
  // dy · cos x
  sin: unary((emit, { x, dy }) => emit.mul(dy, emit.plain('cos', x))),
  // −dy · sin x
  cos: unary((emit, { x, dy }) => emit.neg(emit.mul(dy, emit.plain('sin', x)))),
  // dy · (1 − y²)
  tanh: unary((emit, { y, dy }) => emit.mul(dy, emit.sub(emit.scalar(1), emit.mul(y, y)))),
  // dy · 2/√π · e^(−x²)
  erf: unary((emit, { x, dy }) => {
    const bell = emit.plain('exp', emit.neg(emit.mul(x, x)));
    return emit.mul(dy, emit.scale(bell, 2 / Math.sqrt(Math.PI)));
  }),
  // dy · y (1 − y)
  sigmoid: unary((emit, { y, dy }) => emit.mul(dy, emit.mul(y, emit.sub(emit.scalar(1), y)))),
  // 0 where x ≤ 0, dy elsewhere, NaN included, as torch
  relu: unary((emit, { x, dy }) => emit.where(emit.plain('less_equal', x, emit.scalar(0)), emit.scalar(0), dy)),
  // dy · σ(x) (1 + x σ(−x))
  silu: unary((emit, { x, dy }) => {
    const rest = emit.mul(x, emit.plain('sigmoid', emit.neg(x)));
    return emit.mul(dy, emit.mul(emit.plain('sigmoid', x), emit.add(rest, emit.scalar(1))));
  }),
  // dy · σ(x)
  softplus: unary((emit, { x, dy }) => emit.mul(dy, emit.plain('sigmoid', x))),
  // torch sends zeros back, with which nothing below trains and nothing says so
  round: notDifferentiable(STEPS),
  floor: notDifferentiable(STEPS),
  // dy · gelu′(x)
  gelu: ({ emit, inputs: [x], attributes: { approximate }, upstream }) => [
    () => emit.mul(upstream(), approximate === 'tanh' ? geluTanh(emit, x) : geluExact(emit, x)),
  ],
  // dy where min ≤ x ≤ max, both ends included as torch
  clamp: ({ emit, inputs: [x], attributes: { min, max }, upstream }) => [
    () => {
      const above = emit.plain('less_equal', emit.scalar(min), x);
      return emit.keep(emit.plain('and', above, emit.plain('less_equal', x, emit.scalar(max))), upstream());
    },
  ],
  not: notDifferentiable('it maps masks to masks'),
  // dy: only f32 → f32 is on a path, the other casts give integers, masks, or read them
  cast: ({ upstream }) => [() => upstream()],
};
