/**
 * Functions of two real numbers, f32 × f32 → f32 with broadcasting, that programs call by the op's name: as functions.ts, and
 * beside it how each is written by simpler ones, for targets without an operator of it.
 */
import { binary } from './binary.ts';
import type { Binary, Op } from './declare.ts';
import { type Formulas, TRANSCENDENTAL } from './functions.ts';
import { F32 } from './rules.ts';
import type { Spec } from './spec.ts';

export interface FunctionsOfTwo {
  atan2: Op<Binary>;
}

/** Where a function y = f(a, b) is differentiated, and what flows back to y. */
export interface PointOfTwo<V> {
  readonly a: V;
  readonly b: V;
  readonly dy: V;
}

export interface FunctionOfTwo<N extends keyof FunctionsOfTwo> extends Spec<FunctionsOfTwo[N], N> {
  readonly value: (a: number, b: number) => number;
  expressed<V>(f: Formulas<V>, a: V, b: V): V;
  /** da, then db */
  gradient<V>(f: Formulas<V>, point: PointOfTwo<V>): readonly [() => V, () => V];
}

type Facts<N extends keyof FunctionsOfTwo> = Pick<
  FunctionOfTwo<N>,
  'doc' | 'value' | 'expressed' | 'gradient' | 'cost'
>;

const ofTwo = <N extends keyof FunctionsOfTwo>(name: N, facts: Facts<N>): FunctionOfTwo<N> => ({
  ...binary(name, facts.doc, { allowed: F32 }, facts.value),
  ...facts,
});

export const FUNCTIONS_OF_TWO: { readonly [N in keyof FunctionsOfTwo]: FunctionOfTwo<N> } = {
  atan2: ofTwo('atan2', {
    doc: 'The angle in radians of the point (b, a), between −π and π: atan(a / b) in the quadrant of the point; 0 for (0, 0). The sign of a zero does not count.',
    value: (a, b) => Math.atan2(a + 0, b + 0),
    cost: 2 * TRANSCENDENTAL,
    expressed(f, a, b) {
      const [zero, one] = [f.scalar(0), f.scalar(1)];
      const positive = f.plain('less', zero, a);
      const behind = f.plain('less', b, zero);
      const along = f.plain('equal', b, zero);
      // ∞ / ∞ is the diagonal
      const diagonal = f.where(f.plain('equal', positive, behind), f.neg(one), one);
      const infinite = (x: typeof a): typeof a =>
        f.plain('equal', f.plain('abs', x), f.scalar(Number.POSITIVE_INFINITY));
      // a zero of b without its sign
      const ratio = f.where(f.plain('and', infinite(a), infinite(b)), diagonal, f.div(a, f.where(along, zero, b)));
      const half = f.where(behind, f.where(f.plain('less', a, zero), f.scalar(-Math.PI), f.scalar(Math.PI)), zero);
      const angle = f.add(f.plain('atan', ratio), half);
      return f.where(f.plain('and', f.plain('equal', a, zero), along), zero, angle);
    },
    // da = dy · b / (a² + b²), db = −dy · a / (a² + b²)
    gradient(f, { a, b, dy }) {
      const over = (x: typeof a): typeof a => f.div(f.mul(dy, x), f.add(f.mul(a, a), f.mul(b, b)));
      return [() => over(b), () => f.neg(over(a))];
    },
  }),
};

/** A table that has the same for each of the functions. */
export function eachOfTwo<T>(make: <N extends keyof FunctionsOfTwo>(spec: FunctionOfTwo<N>) => T): {
  readonly [N in keyof FunctionsOfTwo]: T;
} {
  const made = Object.entries(FUNCTIONS_OF_TWO).map(([name, spec]) => [name, make(spec)]);
  return Object.fromEntries(made) as { readonly [N in keyof FunctionsOfTwo]: T };
}
