/**
 * Functions of one real number, f32 → f32, that programs call by the op's name: what each is, how it is differentiated and
 * what it costs. The table is what the language, the import of ONNX and the gradients know of them.
 */
import { erf, sigmoid } from '../../shared/special.ts';
import type { Op, Unary } from './declare.ts';
import { expectDType, F32 } from './rules.ts';
import type { Spec } from './spec.ts';
import { wide } from './strided.ts';

export interface RealFunctions {
  abs: Op<Unary>;
  exp: Op<Unary>;
  expm1: Op<Unary>;
  log: Op<Unary>;
  log1p: Op<Unary>;
  sqrt: Op<Unary>;
  rsqrt: Op<Unary>;
  reciprocal: Op<Unary>;
  sin: Op<Unary>;
  cos: Op<Unary>;
  atan: Op<Unary>;
  tanh: Op<Unary>;
  erf: Op<Unary>;
  sigmoid: Op<Unary>;
  relu: Op<Unary>;
  silu: Op<Unary>;
  softplus: Op<Unary>;
}

/** What derivatives are written with: autodiff makes nodes of them (passes/autodiff/emit.ts). */
export interface Formulas<V> {
  plain(op: 'exp' | 'sin' | 'cos' | 'sigmoid' | 'abs' | 'atan', x: V): V;
  plain(op: 'equal' | 'less' | 'less_equal' | 'and', a: V, b: V): V;
  scalar(value: number): V;
  add(a: V, b: V): V;
  sub(a: V, b: V): V;
  mul(a: V, b: V): V;
  div(a: V, b: V): V;
  neg(x: V): V;
  scale(x: V, factor: number): V;
  where(condition: V, a: V, b: V): V;
  /** x where the condition holds, else 0 */
  keep(condition: V, x: V): V;
}

/** Where a function y = f(x) is differentiated, and what flows back to y. */
export interface Point<V> {
  readonly x: V;
  readonly y: V;
  readonly dy: V;
}

export interface RealFunction<N extends keyof RealFunctions> extends Spec<RealFunctions[N], N> {
  readonly value: (x: number) => number;
  /** dx = dy · f′(x); reads y where f′ is shorter in it */
  gradient<V>(f: Formulas<V>, point: Point<V>): V;
}

interface Facts {
  readonly value: (x: number) => number;
  gradient<V>(f: Formulas<V>, point: Point<V>): V;
  /** made of an exponential or a logarithm */
  readonly transcendental?: true;
}

/** Simple operations of an exponential, a logarithm, and what is made of them. */
export const TRANSCENDENTAL = 8;

function real<N extends keyof RealFunctions>(
  name: N,
  doc: string,
  { value, gradient, transcendental }: Facts,
): RealFunction<N> {
  return {
    name,
    doc,
    operands: [{ name: 'x' }],
    traits: { pointwise: true },
    ...(transcendental ? { cost: TRANSCENDENTAL } : {}),
    infer: (inputs) => [expectDType(name, inputs, 0, 'x', F32)],
    evaluate: ([x]) => [wide(x.dtype, x.shape, x.data.map(value))],
    value,
    gradient,
  };
}

/** log(1 + eˣ) without overflow, and with its digits where eˣ is small. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export const FUNCTIONS: { readonly [N in keyof RealFunctions]: RealFunction<N> } = {
  abs: real('abs', '|x|', {
    value: Math.abs,
    // dy · sign(x), 0 at 0 as torch
    gradient(f, { x, dy }) {
      const zero = f.scalar(0);
      return f.where(f.plain('less', x, zero), f.neg(dy), f.keep(f.plain('less', zero, x), dy));
    },
  }),
  exp: real('exp', 'eˣ', {
    value: Math.exp,
    gradient: (f, { y, dy }) => f.mul(dy, y),
    transcendental: true,
  }),
  expm1: real('expm1', 'eˣ − 1, with its digits where x is small.', {
    value: Math.expm1,
    // y + 1 would lose the digits of eˣ where x is very negative
    gradient: (f, { x, dy }) => f.mul(dy, f.plain('exp', x)),
    transcendental: true,
  }),
  log: real('log', 'Natural logarithm; NaN below 0.', {
    value: Math.log,
    gradient: (f, { x, dy }) => f.div(dy, x),
    transcendental: true,
  }),
  log1p: real('log1p', 'log(1 + x), with its digits where x is small; NaN below −1.', {
    value: Math.log1p,
    gradient: (f, { x, dy }) => f.div(dy, f.add(x, f.scalar(1))),
    transcendental: true,
  }),
  sqrt: real('sqrt', '√x; NaN below 0.', {
    value: Math.sqrt,
    // dy / (2y)
    gradient: (f, { y, dy }) => f.div(f.scale(dy, 0.5), y),
  }),
  rsqrt: real('rsqrt', '1/√x', {
    value: (x) => 1 / Math.sqrt(x),
    // −dy · y³ / 2
    gradient: (f, { y, dy }) => f.mul(f.scale(dy, -0.5), f.mul(y, f.mul(y, y))),
  }),
  reciprocal: real('reciprocal', '1/x', {
    value: (x) => 1 / x,
    // −dy · y²
    gradient: (f, { y, dy }) => f.neg(f.mul(dy, f.mul(y, y))),
  }),
  sin: real('sin', 'sin x, x in radians', {
    value: Math.sin,
    gradient: (f, { x, dy }) => f.mul(dy, f.plain('cos', x)),
    transcendental: true,
  }),
  cos: real('cos', 'cos x, x in radians', {
    value: Math.cos,
    gradient: (f, { x, dy }) => f.neg(f.mul(dy, f.plain('sin', x))),
    transcendental: true,
  }),
  atan: real('atan', 'The angle in radians whose tangent is x, between −π/2 and π/2.', {
    value: Math.atan,
    // dy / (1 + x²)
    gradient: (f, { x, dy }) => f.div(dy, f.add(f.mul(x, x), f.scalar(1))),
    transcendental: true,
  }),
  tanh: real('tanh', 'tanh x', {
    value: Math.tanh,
    // dy · (1 − y²)
    gradient: (f, { y, dy }) => f.mul(dy, f.sub(f.scalar(1), f.mul(y, y))),
    transcendental: true,
  }),
  erf: real('erf', '2/√π ∫₀ˣ e^(−t²) dt', {
    value: erf,
    // dy · 2/√π · e^(−x²)
    gradient(f, { x, dy }) {
      const bell = f.plain('exp', f.neg(f.mul(x, x)));
      return f.mul(dy, f.scale(bell, 2 / Math.sqrt(Math.PI)));
    },
    transcendental: true,
  }),
  sigmoid: real('sigmoid', '1/(1 + e^(−x))', {
    value: sigmoid,
    // dy · y (1 − y)
    gradient: (f, { y, dy }) => f.mul(dy, f.mul(y, f.sub(f.scalar(1), y))),
    transcendental: true,
  }),
  relu: real('relu', 'max(x, 0)', {
    value: (x) => Math.max(x, 0),
    // 0 where x ≤ 0, dy elsewhere, NaN included, as torch
    gradient: (f, { x, dy }) => f.where(f.plain('less_equal', x, f.scalar(0)), f.scalar(0), dy),
  }),
  silu: real('silu', 'x · sigmoid(x)', {
    value: (x) => x * sigmoid(x),
    // dy · σ(x) (1 + x σ(−x))
    gradient(f, { x, dy }) {
      const rest = f.mul(x, f.plain('sigmoid', f.neg(x)));
      return f.mul(dy, f.mul(f.plain('sigmoid', x), f.add(rest, f.scalar(1))));
    },
    transcendental: true,
  }),
  softplus: real('softplus', 'log(1 + eˣ) = max(x, 0) + log(1 + e^(−|x|))', {
    value: softplus,
    // dy · σ(x)
    gradient: (f, { x, dy }) => f.mul(dy, f.plain('sigmoid', x)),
    transcendental: true,
  }),
};

/** A table that has the same for each of the functions. */
export function eachFunction<T>(make: <N extends keyof RealFunctions>(spec: RealFunction<N>) => T): {
  readonly [N in keyof RealFunctions]: T;
} {
  const made = Object.entries(FUNCTIONS).map(([name, spec]) => [name, make(spec as RealFunction<keyof RealFunctions>)]);
  return Object.fromEntries(made) as { readonly [N in keyof RealFunctions]: T };
}
