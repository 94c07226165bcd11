/** Pointwise ops. Broadcasting is ONNX's own; scalars are shared constants. */
import type { OpName } from '../../../ops/attributes.ts';
import { HIGHEST_I64, LOWEST_I64 } from '../../../ops/pointwise.ts';
import type { Emitter } from '../emitter.ts';
import { cast, type Lowering, type Lowerings } from './rule.ts';

type Pointwise =
  | (
      | 'neg'
      | 'abs'
      | 'exp'
      | 'log'
      | 'sqrt'
      | 'rsqrt'
      | 'reciprocal'
      | 'sin'
      | 'cos'
      | 'tanh'
      | 'erf'
      | 'sigmoid'
      | 'relu'
    )
  | ('silu' | 'softplus' | 'round' | 'floor' | 'gelu' | 'clamp' | 'not' | 'cast')
  | ('add' | 'sub' | 'mul' | 'div' | 'pow' | 'maximum' | 'minimum')
  | ('equal' | 'less' | 'less_equal' | 'and' | 'or' | 'where');

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

export const POINTWISE: Lowerings<Pointwise> = {
  neg: same('Neg'),
  abs: same('Abs'),
  exp: same('Exp'),
  log: same('Log'),
  sqrt: same('Sqrt'),
  rsqrt: (emit, { inputs }) => [emit.op('Reciprocal', [emit.op('Sqrt', [inputs[0].name])])],
  reciprocal: same('Reciprocal'),
  sin: same('Sin'),
  cos: same('Cos'),
  tanh: same('Tanh'),
  erf: same('Erf'),
  sigmoid: same('Sigmoid'),
  relu: same('Relu'),
  silu: (emit, { inputs }) => {
    const x = inputs[0].name;
    return [emit.op('Mul', [x, emit.op('Sigmoid', [x])])];
  },
  softplus: same('Softplus'),
  round: same('Round'),
  floor: same('Floor'),
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
    if (outputs[0]!.dtype !== 'bool') return [emit.op('Where', [condition, a, b])];
    // ONNX Runtime has no Where for bool: (c and a) or (not c and b)
    const otherwise = emit.op('And', [emit.op('Not', [condition]), b]);
    return [emit.op('Or', [emit.op('And', [condition, a]), otherwise])];
  },
};
