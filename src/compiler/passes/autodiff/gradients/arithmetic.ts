/** Gradients of pointwise ops of several operands. The driver undoes the broadcasting. */
import type { ValueId } from '../../../ir/graph.ts';
import type { ArithmeticOps } from '../../../ops/arithmetic.ts';
import { eachOfTwo, type FunctionOfTwo, type FunctionsOfTwo } from '../../../ops/functions-of-two.ts';
import type { Derivative, Gradients } from '../rule.ts';
import { notDifferentiable } from '../rule.ts';

const step = notDifferentiable('its result is a mask, which does not change by small steps');

/** dy to all but the loser, half of it to each where they are equal, as torch: where one is NaN, to both. */
function extreme<N extends 'maximum' | 'minimum'>({ larger }: { readonly larger: boolean }): Derivative<N> {
  return ({ emit, inputs: [a, b], upstream }) => {
    const share = (own: number, other: number) => () => {
      const [low, high] = larger ? [own, other] : [other, own];
      const dy = upstream();
      const [half, zero] = [emit.scale(dy, 0.5), emit.scalar(0)];
      return emit.where(emit.plain('equal', own, other), half, emit.where(emit.plain('less', low, high), zero, dy));
    };
    return [share(a, b), share(b, a)];
  };
}

/** The record of a function has its formulas. */
const ofTwo =
  <N extends keyof FunctionsOfTwo>({ gradient }: FunctionOfTwo<N>): Derivative<keyof FunctionsOfTwo> =>
  ({ emit, inputs: [a, b], upstream }) => [
    () => gradient<ValueId>(emit, { a, b, dy: upstream() })[0](),
    () => gradient<ValueId>(emit, { a, b, dy: upstream() })[1](),
  ];

export const ARITHMETIC: Gradients<keyof ArithmeticOps> = {
  ...eachOfTwo(ofTwo),
  // da = dy, db = dy
  add: ({ upstream }) => [() => upstream(), () => upstream()],
  // da = dy, db = −dy
  sub: ({ emit, upstream }) => [() => upstream(), () => emit.neg(upstream())],
  // da = dy · b, db = dy · a
  mul: ({ emit, inputs: [a, b], upstream }) => [() => emit.mul(upstream(), b), () => emit.mul(upstream(), a)],
  // da = dy / b, db = −dy · (a/b) / b
  div: ({ emit, inputs: [, b], outputs: [y], upstream }) => [
    () => emit.div(upstream(), b),
    () => emit.neg(emit.div(emit.mul(upstream(), y), b)),
  ],
  // da = dy · b · aᵇ⁻¹, 0 where b = 0; db = dy · y · log a, 0 where a = 0 and b ≥ 0; as torch
  pow: ({ emit, inputs: [a, b], outputs: [y], upstream }) => [
    () => {
      const exponent = emit.scalarOf(b);
      const dy = upstream();
      if (exponent === 0) return emit.zeros(emit.shapeOf(dy));
      if (exponent === 2) return emit.mul(dy, emit.scale(a, 2));
      const lower = emit.plain(
        'pow',
        a,
        exponent === undefined ? emit.sub(b, emit.scalar(1)) : emit.scalar(exponent - 1),
      );
      const da = emit.mul(dy, emit.mul(b, lower));
      if (exponent !== undefined) return da;
      return emit.where(emit.plain('equal', b, emit.scalar(0)), emit.scalar(0), da);
    },
    () => {
      const zero = emit.scalar(0);
      const flat = emit.plain('and', emit.plain('equal', a, zero), emit.plain('less_equal', zero, b));
      return emit.where(flat, zero, emit.mul(upstream(), emit.mul(y, emit.plain('log', a))));
    },
  ],
  maximum: extreme({ larger: true }),
  minimum: extreme({ larger: false }),
  equal: step,
  less: step,
  less_equal: step,
  and: step,
  or: step,
  // da = dy where the condition holds, db = dy elsewhere
  where: ({ emit, inputs: [condition], upstream }) => [
    null,
    () => emit.keep(condition, upstream()),
    () => emit.where(condition, emit.scalar(0), upstream()),
  ],
};
