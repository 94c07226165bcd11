/** Pointwise ops. Broadcasting is ONNX's own; scalars are shared constants. */
import type { ArithmeticOps } from '../../../ops/arithmetic.ts';
import type { OpName } from '../../../ops/attributes.ts';
import type { Formulas, RealFunctions } from '../../../ops/functions.ts';
import { eachOfTwo, type FunctionOfTwo, type FunctionsOfTwo } from '../../../ops/functions-of-two.ts';
import { HIGHEST_I64, LOWEST_I64, type PointwiseOps } from '../../../ops/pointwise.ts';
import type { Emitter } from '../emitter.ts';
import { PACKED_TYPE } from '../proto.ts';
import { cast, type Lowering, type Lowerings } from './rule.ts';

/** The op is an ONNX operator with the same operands. */
function same(opType: string): Lowering<OpName> {
  return (emit, { inputs }) => [
    emit.op(
      opType,
      inputs.map(({ name }) => name),
    ),
  ];
}

/** x/2 · (1 + erf(x/√2)) */
function geluExact(emit: Emitter, x: string): string {
  const erf = emit.op('Erf', [emit.op('Mul', [x, emit.scalar(Math.SQRT1_2)])]);
  return emit.op('Mul', [emit.op('Mul', [x, emit.scalar(0.5)]), emit.op('Add', [erf, emit.scalar(1)])]);
}

/** x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))) */
function geluTanh(emit: Emitter, x: string): string {
  const cube = emit.op('Mul', [emit.op('Mul', [x, x]), x]);
  const inner = emit.op('Add', [x, emit.op('Mul', [cube, emit.scalar(0.044715)])]);
  const tanh = emit.op('Tanh', [emit.op('Mul', [inner, emit.scalar(Math.sqrt(2 / Math.PI))])]);
  return emit.op('Mul', [emit.op('Mul', [x, emit.scalar(0.5)]), emit.op('Add', [tanh, emit.scalar(1)])]);
}

/** What int64 can hold: ONNX leaves the cast of any other number to the runtime. */
function whole(emit: Emitter, x: string): string {
  const inside = emit.op('Clip', [x, emit.scalar(LOWEST_I64), emit.scalar(HIGHEST_I64)]);
  return emit.op('Where', [emit.op('IsNaN', [x]), emit.scalar(0), inside]);
}

/** Functions that are an operator of ONNX, which the import reads too. */
export const OPERATORS = {
  abs: 'Abs',
  exp: 'Exp',
  log: 'Log',
  sqrt: 'Sqrt',
  reciprocal: 'Reciprocal',
  sin: 'Sin',
  cos: 'Cos',
  atan: 'Atan',
  tanh: 'Tanh',
  erf: 'Erf',
  sigmoid: 'Sigmoid',
  relu: 'Relu',
  softplus: 'Softplus',
} as const satisfies { readonly [N in keyof RealFunctions]?: string };

const operators = Object.fromEntries(
  Object.entries(OPERATORS).map(([op, opType]) => [op, same(opType)]),
) as unknown as Lowerings<keyof typeof OPERATORS>;

/** Where |x| < bound the formula of small numbers, elsewhere the plain one. */
function bySize(emit: Emitter, x: string, bound: number, small: string, plain: string): string {
  return emit.op('Where', [emit.op('Less', [emit.op('Abs', [x]), emit.scalar(bound)]), small, plain]);
}

/** eˣ − 1 = 2t / (1 − t), t = tanh(x/2): nothing cancels where x is small */
function expm1(emit: Emitter, x: string): string {
  const one = emit.scalar(1);
  const t = emit.op('Tanh', [emit.op('Mul', [x, emit.scalar(0.5)])]);
  const small = emit.op('Div', [emit.op('Mul', [t, emit.scalar(2)]), emit.op('Sub', [one, t])]);
  return bySize(emit, x, 1, small, emit.op('Sub', [emit.op('Exp', [x]), one]));
}

/** log(1 + x) = 2 artanh(x / (2 + x)), which keeps the digits that 1 + x loses */
function log1p(emit: Emitter, x: string): string {
  const ratio = emit.op('Div', [x, emit.op('Add', [x, emit.scalar(2)])]);
  const small = emit.op('Mul', [emit.op('Atanh', [ratio]), emit.scalar(2)]);
  return bySize(emit, x, 0.5, small, emit.op('Log', [emit.op('Add', [x, emit.scalar(1)])]));
}

/** What formulas are written with. */
const formulas = (emit: Emitter): Formulas<string> => {
  const plain = (op: keyof typeof PLAIN, ...inputs: readonly string[]): string => emit.op(PLAIN[op], [...inputs]);
  const where = (condition: string, a: string, b: string): string => emit.op('Where', [condition, a, b]);
  return {
    plain,
    scalar: (value) => emit.scalar(value),
    add: (a, b) => emit.op('Add', [a, b]),
    sub: (a, b) => emit.op('Sub', [a, b]),
    mul: (a, b) => emit.op('Mul', [a, b]),
    div: (a, b) => emit.op('Div', [a, b]),
    neg: (x) => emit.op('Neg', [x]),
    scale: (x, factor) => emit.op('Mul', [x, emit.scalar(factor)]),
    where,
    keep: (condition, x) => where(condition, x, emit.scalar(0)),
  };
};
const PLAIN = { ...OPERATORS, equal: 'Equal', less: 'Less', less_equal: 'LessOrEqual', and: 'And' } as const;

const ofTwo =
  <N extends keyof FunctionsOfTwo>({ expressed }: FunctionOfTwo<N>): Lowering<keyof FunctionsOfTwo> =>
  (emit, { inputs }) => [expressed(formulas(emit), inputs[0].name, inputs[1].name)];

export const POINTWISE: Lowerings<keyof PointwiseOps | keyof ArithmeticOps> = {
  ...operators,
  ...eachOfTwo(ofTwo),
  neg: same('Neg'),
  expm1: (emit, { inputs }) => [expm1(emit, inputs[0].name)],
  log1p: (emit, { inputs }) => [log1p(emit, inputs[0].name)],
  rsqrt: (emit, { inputs }) => [emit.op('Reciprocal', [emit.op('Sqrt', [inputs[0].name])])],
  silu: (emit, { inputs }) => {
    const x = inputs[0].name;
    return [emit.op('Mul', [x, emit.op('Sigmoid', [x])])];
  },
  round: same('Round'),
  floor: same('Floor'),
  round_f16: (emit, { inputs }) => [cast(emit, emit.op('Cast', [inputs[0].name], { to: PACKED_TYPE.f16 }), 'f32')],
  gelu: (emit, { inputs, attributes: { approximate } }) => {
    const x = inputs[0].name;
    if (emit.opset >= 20) return [emit.op('Gelu', [x], { approximate })];
    return [approximate === 'tanh' ? geluTanh(emit, x) : geluExact(emit, x)];
  },
  clamp: (emit, { inputs, attributes: { min, max } }) => [
    emit.op('Clip', [inputs[0].name, emit.scalar(min), emit.scalar(max)]),
  ],
  not: same('Not'),
  cast: (emit, { inputs, attributes: { to } }) => {
    const { name, type } = inputs[0];
    if (type.dtype === 'f32' && to === 'i64') return [cast(emit, whole(emit, name), to)];
    return [type.dtype === to ? name : cast(emit, name, to)];
  },

  add: same('Add'),
  sub: same('Sub'),
  mul: same('Mul'),
  div: same('Div'),
  pow: same('Pow'),
  maximum: same('Max'),
  minimum: same('Min'),
  equal: same('Equal'),
  less: same('Less'),
  less_equal: same('LessOrEqual'),
  and: same('And'),
  or: same('Or'),
  where: (emit, { inputs, outputs }) => {
    const [condition, a, b] = [inputs[0].name, inputs[1].name, inputs[2].name];
    if (outputs[0].dtype !== 'bool') return [emit.op('Where', [condition, a, b])];
    // ONNX Runtime has no Where for bool: (c and a) or (not c and b)
    const otherwise = emit.op('And', [emit.op('Not', [condition]), b]);
    return [emit.op('Or', [emit.op('And', [condition, a]), otherwise])];
  },
};
