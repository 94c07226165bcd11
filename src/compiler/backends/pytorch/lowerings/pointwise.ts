/** Pointwise ops. Numbers stay Python's, which broadcast as scalars do. */
import type { ArithmeticOps } from '../../../ops/arithmetic.ts';
import type { OpsOf } from '../../../ops/attributes.ts';
import type { Binary, Unary } from '../../../ops/declare.ts';
import type { PointwiseOps } from '../../../ops/pointwise.ts';
import { call, type Expr, float, infix, method, numberExpr, PREC, within } from '../python.ts';
import { asTensor, type Call, type Family, type Rule, tensors } from './rule.ts';

/** `x.exp()`. */
const named =
  (name: string): Rule<OpsOf<Unary>> =>
  (c) =>
    method(tensors(c)[0], name);

/** `F.silu(x)`. */
const functional =
  (name: string): Rule<OpsOf<Unary>> =>
  (c) =>
    call(name, tensors(c));

const operator =
  (text: string, prec: number): Rule<OpsOf<Binary>> =>
  ({ inputs: [a, b] }) =>
    infix(a, text, b, prec);

/**
 * Python has no 1.0 / 0.0, 0.0 ** -1.0 or 10.0 ** 400.0, and a complex (-1.0) ** 0.5: two of its numbers are tensors here, which have
 * infinities and NaN. Numbers that are written out and cannot be that stay.
 */
const asTensors = <N extends OpsOf<Binary>>(c: Call<N>): readonly [Expr, Expr] => {
  const [a, b] = c.inputs;
  return a.number && b.number ? [asTensor(c, a, c.types[0]), b] : [a, b];
};

/** `10.0`, not `x` and not `0.0`. */
const isNonzero = ({ text }: Expr): boolean => Number.isFinite(Number(text)) && Number(text) !== 0;

function div(c: Call<'div'>): Expr {
  const [a, b] = isNonzero(c.inputs[1]) ? c.inputs : asTensors(c);
  return infix(a, '/', b, PREC.product);
}

function pow(c: Call<'pow'>): Expr {
  const [a, b] = asTensors(c);
  const text = `${within(a, PREC.atom)} ** ${within(b, PREC.unary)}`;
  return { ...infix(a, '**', b, PREC.power), text };
}

/** Comparisons of Python do not chain here: `(a < b) == c`. */
const comparison =
  (text: string): Rule<OpsOf<Binary>> =>
  (c) => {
    const [first, b] = c.inputs;
    const a = first.number && b.number ? asTensor(c, first, c.types[0]) : first;
    const [left, right] = [within(a, PREC.or), within(b, PREC.or)];
    return {
      text: `${left} ${text} ${right}`,
      prec: PREC.comparison,
      effects: [...a.effects, ...b.effects],
      ...(text === '==' ? { negated: `${left} != ${right}` } : {}),
    };
  };

/**
 * The larger or the smaller, of two tensors or of one and a number; NaN wins in all of them. A tie sends half of the gradient to each, where
 * clamp with one bound sends none: it serves integers, which have no gradient.
 */
const extreme =
  (pair: 'maximum' | 'minimum', bound: 'min' | 'max'): Rule<OpsOf<Binary>> =>
  (c) => {
    const [a, b] = c.inputs;
    if (a.number === b.number) return call(`torch.${pair}`, tensors(c));
    const [x, number] = a.number ? [b, a] : [a, b];
    if (c.types[0].dtype === 'i64') return method(x, 'clamp', [`${bound}=${number.text}`]);
    return call(`torch.${pair}`, [x, call('torch.tensor', [number])]);
  };

function cast(c: Call<'cast'>): Expr {
  const { inputs, types, attributes } = c;
  const [[x], [from], { to }] = [inputs, types, attributes];
  if (from.dtype === to) return x;
  // int() of Python has no infinities; float() would fix a dynamic size while torch exports
  if (x.number && to !== 'bool' && from.dtype !== 'f32') {
    const name = to === 'f32' ? 'torch.sym_float' : 'int';
    return { ...numberExpr(`${name}(${x.text})`), effects: x.effects };
  }
  const operand = asTensor(c, x, from);
  if (to === 'f32') return method(operand, 'float');
  if (to === 'bool') return { ...infix(operand, '!=', numberExpr('0'), PREC.comparison), prec: PREC.comparison };
  return from.dtype === 'bool' ? method(operand, 'long') : call(c.helper('to_int64'), [operand]);
}

function where(c: Call<'where'>): Expr {
  const [condition, a, b] = c.inputs;
  return call('torch.where', [asTensor(c, condition, c.types[0]), a, b]);
}

export const POINTWISE: Family<keyof PointwiseOps | keyof ArithmeticOps> = {
  neg: ({ inputs: [x] }) => ({ ...x, text: `-${within(x, PREC.unary)}`, prec: PREC.unary }),
  abs: named('abs'),
  exp: named('exp'),
  expm1: named('expm1'),
  log: named('log'),
  log1p: named('log1p'),
  sqrt: named('sqrt'),
  rsqrt: named('rsqrt'),
  reciprocal: named('reciprocal'),
  sin: named('sin'),
  cos: named('cos'),
  atan: named('atan'),
  tanh: named('tanh'),
  erf: functional('torch.erf'),
  sigmoid: named('sigmoid'),
  relu: functional('F.relu'),
  silu: functional('F.silu'),
  softplus: functional('F.softplus'),
  round: named('round'),
  floor: named('floor'),
  round_f16: (c) => method(method(tensors(c)[0], 'half'), 'float'),
  gelu: (c) => call('F.gelu', tensors(c), c.attributes.approximate === 'tanh' ? ['approximate="tanh"'] : []),
  clamp: (c) => method(tensors(c)[0], 'clamp', [float(c.attributes.min), float(c.attributes.max)]),
  not: (c) => {
    const [x] = tensors(c);
    if (x.negated !== undefined) return { text: x.negated, prec: PREC.comparison, effects: x.effects };
    return { ...x, text: `~${within(x, PREC.unary)}`, prec: PREC.unary };
  },
  cast,
  add: operator('+', PREC.sum),
  sub: operator('-', PREC.sum),
  mul: operator('*', PREC.product),
  div,
  pow,
  // a zero is +0: its sign does not count
  atan2: (c) =>
    call(
      'torch.atan2',
      tensors(c).map((x) => infix(x, '+', numberExpr('0.0'), PREC.sum)),
    ),
  maximum: extreme('maximum', 'min'),
  minimum: extreme('minimum', 'max'),
  equal: comparison('=='),
  less: comparison('<'),
  less_equal: comparison('<='),
  and: (c) => infix(asTensor(c, c.inputs[0], c.types[0]), '&', c.inputs[1], PREC.and),
  or: (c) => infix(asTensor(c, c.inputs[0], c.types[0]), '|', c.inputs[1], PREC.or),
  where,
};

/** A constant of the graph, if it is a scalar. */
export function literal(value: number, dtype: 'f32' | 'i64' | 'bool'): Expr {
  if (dtype === 'bool') return numberExpr(value === 0 ? 'False' : 'True');
  const text = dtype === 'f32' ? float(value) : String(value);
  return text.startsWith('-') ? numberExpr(text, PREC.unary) : numberExpr(text);
}
