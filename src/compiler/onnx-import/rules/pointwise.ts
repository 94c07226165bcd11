/** Operators that work element by element. Formulas are those of onnx/defs/math and onnx/defs/nn. */
import { OPERATORS } from '../../backends/onnx/lowerings/pointwise.ts';
import type { ValueId } from '../../ir/graph.ts';
import type { OpName } from '../../ops/attributes.ts';
import type { RealFunctions } from '../../ops/functions.ts';
import type { Call, Rule } from '../call.ts';
import { DTYPE_OF, dtypeName, EXACT, INT32 } from '../dtypes.ts';
import { broadcastShape } from './shapes.ts';

type BinaryOp = Extract<
  OpName,
  'add' | 'sub' | 'mul' | 'div' | 'pow' | 'maximum' | 'minimum' | 'equal' | 'less' | 'less_equal' | 'and' | 'or'
>;

const unary =
  (op: keyof RealFunctions | 'floor' | 'round'): Rule =>
  (c) =>
    c.made(c.emit(op, [c.tensor(0, 'f32')], {}));

function both(c: Call, op: BinaryOp, a: ValueId, b: ValueId): ValueId {
  return c.emit(op, [a, b], {});
}

const binary =
  (op: BinaryOp, swapped = false): Rule =>
  (c) => {
    const [a, b] = [c.tensor(0), c.tensor(1)];
    return c.made(swapped ? both(c, op, b, a) : both(c, op, a, b));
  };

/** −x of integers is 0 − x. */
const negative: Rule = (c) => {
  const x = c.tensor(0);
  return c.made(c.type(0).dtype === 'i64' ? both(c, 'sub', c.importer.scalar(0, 'i64'), x) : c.emit('neg', [x], {}));
};

const divide: Rule = (c) => {
  if (c.type(0).dtype !== 'f32') c.fail('MDL does not divide integers that are computed');
  return c.made(both(c, 'div', c.tensor(0, 'f32'), c.tensor(1, 'f32')));
};

/** Of any number of operands, two at a time. */
const folded =
  (op: 'add' | 'maximum' | 'minimum'): Rule =>
  (c) =>
    c.made(foldedOf(c, op));

function foldedOf(c: Call, op: 'add' | 'maximum' | 'minimum'): ValueId {
  let x = c.tensor(0);
  for (let index = 1; index < c.inputs.length; index++) x = pairwise(c, op, x, c.tensor(index));
  return x;
}

/** The larger or smaller of integers by a comparison: the ops are of floats. */
function pairwise(c: Call, op: 'add' | 'maximum' | 'minimum', a: ValueId, b: ValueId): ValueId {
  if (op === 'add' || c.importer.builder.typeOf(a).dtype !== 'i64') return both(c, op, a, b);
  const first = op === 'maximum' ? both(c, 'less', b, a) : both(c, 'less', a, b);
  return c.emit('where', [first, a, b], {});
}

const mean: Rule = (c) => c.made(both(c, 'mul', foldedOf(c, 'add'), c.importer.scalar(1 / c.inputs.length)));

const power: Rule = (c) => {
  const x = c.tensor(0, 'f32');
  const exponent = c.maybeKnown(1);
  if (exponent?.items.length === 1 && exponent.items[0] === 2 && exponent.shape.length <= c.rank(0))
    return c.made(both(c, 'mul', x, x));
  const by = c.type(1).dtype === 'i64' ? c.emit('cast', [c.tensor(1)], { to: 'f32' }) : c.tensor(1, 'f32');
  return c.made(both(c, 'pow', x, by));
};

/** Comparison of booleans is one of 0 and 1. */
function comparable(c: Call, index: number): ValueId {
  const x = c.tensor(index);
  return c.type(index).dtype === 'bool' ? c.emit('cast', [x], { to: 'i64' }) : x;
}

const equal: Rule = (c) => c.made(both(c, 'equal', comparable(c, 0), comparable(c, 1)));
const different: Rule = (c) => c.made(c.emit('not', [both(c, 'equal', comparable(c, 0), comparable(c, 1))], {}));

const where: Rule = (c) => {
  if (c.type(1).dtype !== c.type(2).dtype) c.fail('its branches have different element types');
  return c.made(c.emit('where', [c.tensor(0, 'bool'), c.tensor(1), c.tensor(2)], {}));
};

/** What bounds floats where Clip is given no bound: ±∞ become the largest of them. */
const LARGEST = 3.4028234663852886e38;

/** A bound of Clip: a number that the file says, or a value that is computed. */
type ClipBound = number | { readonly id: ValueId };

const clip: Rule = (c) => {
  const { dtype } = c.type(0);
  const bound = (index: number, name: string, absent: number): ClipBound | undefined => {
    const fallback = dtype === 'f32' ? absent : undefined;
    if (c.opset < 11) return c.given(name) ? c.float(name, 0) : fallback;
    if (!c.has(index)) return fallback;
    const known = c.maybeKnown(index);
    return known?.items.length === 1 && typeof known.items[0] === 'number' ? known.items[0] : { id: c.tensor(index) };
  };
  let x = c.tensor(0);
  const [low, high] = [bound(1, 'min', -LARGEST), bound(2, 'max', LARGEST)];
  if (dtype === 'f32' && typeof low === 'number' && typeof high === 'number' && low <= high)
    return c.made(
      low === Number.NEGATIVE_INFINITY || high === Number.POSITIVE_INFINITY
        ? oneSided(c, x, low, high)
        : c.emit('clamp', [x], { min: low, max: high }),
    );
  const value = (at: ClipBound): ValueId => (typeof at === 'number' ? c.importer.scalar(at, dtype) : at.id);
  if (low !== undefined) x = pairwise(c, 'maximum', x, value(low));
  if (high !== undefined) x = pairwise(c, 'minimum', x, value(high));
  return c.made(x);
};

function oneSided(c: Call, x: ValueId, low: number, high: number): ValueId {
  const above = low === Number.NEGATIVE_INFINITY ? x : both(c, 'maximum', x, c.importer.scalar(low));
  return high === Number.POSITIVE_INFINITY ? above : both(c, 'minimum', above, c.importer.scalar(high));
}

const cast: Rule = (c) => {
  c.ignore('saturate', 'round_mode');
  const type = c.int('to', 0);
  const to = DTYPE_OF.get(type) ?? c.fail(`it makes ${dtypeName(type)}, which MDL has not`);
  const { dtype } = c.type(0);
  if (to === 'i64' && dtype !== 'bool' && !EXACT.has(type) && type !== INT32)
    c.fail(`it makes ${dtypeName(type)}, which wraps where MDL's integers do not`);
  if (dtype === 'i64' && type === INT32)
    c.importer.notes.add('Cast makes INT32 of integers: what INT32 cannot hold wraps in ONNX, and is held here');
  if (dtype === to) return [c.input(0)];
  if (dtype === 'f32' && type === INT32)
    c.importer.notes.add(
      'Cast makes INT32 of floats: what INT32 cannot hold is undefined in ONNX (−2147483648 in ONNX Runtime on x86), and is held here',
    );
  return c.made(c.emit('cast', [c.tensor(0)], { to }));
};

const castLike: Rule = (c) => {
  c.ignore('saturate', 'round_mode');
  const to = c.type(1).dtype;
  return c.type(0).dtype === to ? [c.input(0)] : c.made(c.emit('cast', [c.tensor(0)], { to }));
};

/** x where it is above 0, else what `below` makes of min(x, 0), whose exponential cannot overflow. */
function aboveZero(c: Call, below: (x: ValueId) => ValueId): ValueId {
  const x = c.tensor(0, 'f32');
  const zero = c.importer.scalar(0);
  return c.emit('where', [both(c, 'less', zero, x), x, below(both(c, 'minimum', x, zero))], {});
}

const exponential = (c: Call, x: ValueId, factor: number): ValueId => scaled(c, c.emit('expm1', [x], {}), factor);

const scaled = (c: Call, x: ValueId, by: number): ValueId => (by === 1 ? x : both(c, 'mul', x, c.importer.scalar(by)));

const leaky: Rule = (c) => {
  const x = c.tensor(0, 'f32');
  const below = both(c, 'mul', x, c.importer.scalar(c.float('alpha', 0.01)));
  return c.made(c.emit('where', [both(c, 'less', c.importer.scalar(0), x), x, below], {}));
};

const prelu: Rule = (c) => {
  const x = c.tensor(0, 'f32');
  const below = both(c, 'mul', x, c.tensor(1, 'f32'));
  return c.made(c.emit('where', [both(c, 'less', c.importer.scalar(0), x), x, below], {}));
};

/** clamp(α x + β, 0, 1) */
function hardSigmoid(c: Call, x: ValueId, alpha: number, beta: number): ValueId {
  return c.emit('clamp', [both(c, 'add', scaled(c, x, alpha), c.importer.scalar(beta))], { min: 0, max: 1 });
}

const gelu: Rule = (c) => {
  const approximate = c.string('approximate', 'none');
  if (approximate !== 'none' && approximate !== 'tanh') return c.fail(`its attribute approximate is ${approximate}`);
  return c.made(c.emit('gelu', [c.tensor(0, 'f32')], { approximate }));
};

/** com.microsoft: of x, or of x + bias */
const biased =
  (approximate: 'none' | 'tanh'): Rule =>
  (c) => {
    const x = c.tensor(0, 'f32');
    const sum = c.has(1) ? both(c, 'add', x, c.tensor(1, 'f32')) : x;
    return c.made(c.emit('gelu', [sum], { approximate }));
  };

const infinite: Rule = (c) => {
  const x = c.tensor(0, 'f32');
  const [negative, positive] = [c.flag('detect_negative', true), c.flag('detect_positive', true)];
  if (!negative && !positive) c.fail('it looks for no infinity');
  const side = negative && positive ? c.emit('abs', [x], {}) : positive ? x : c.emit('neg', [x], {});
  return c.made(both(c, 'equal', side, c.importer.scalar(Number.POSITIVE_INFINITY)));
};

export const POINTWISE: Readonly<Record<string, Rule>> = {
  Neg: negative,
  ...Object.fromEntries(Object.entries(OPERATORS).map(([op, opType]) => [opType, unary(op as keyof typeof OPERATORS)])),
  Add: binary('add'),
  Sub: binary('sub'),
  Mul: binary('mul'),
  Div: divide,
  Pow: power,
  Sum: folded('add'),
  Max: folded('maximum'),
  Min: folded('minimum'),
  Mean: mean,
  Equal: equal,
  Less: binary('less'),
  LessOrEqual: binary('less_equal'),
  Greater: binary('less', true),
  GreaterOrEqual: binary('less_equal', true),
  And: binary('and'),
  Or: binary('or'),
  Xor: different,
  Not: (c) => c.made(c.emit('not', [c.tensor(0, 'bool')], {})),
  Where: where,
  Clip: clip,
  Cast: cast,
  CastLike: castLike,
  LeakyRelu: leaky,
  PRelu: prelu,
  Elu: (c) => c.made(aboveZero(c, (x) => exponential(c, x, c.float('alpha', 1)))),
  Selu: (c) => {
    const [alpha, gamma] = [c.float('alpha', 1.6732632423543772), c.float('gamma', 1.0507009873554805)];
    return c.made(
      scaled(
        c,
        aboveZero(c, (x) => exponential(c, x, alpha)),
        gamma,
      ),
    );
  },
  HardSigmoid: (c) => c.made(hardSigmoid(c, c.tensor(0, 'f32'), c.float('alpha', 0.2), c.float('beta', 0.5))),
  HardSwish: (c) => {
    const x = c.tensor(0, 'f32');
    return c.made(both(c, 'mul', x, hardSigmoid(c, x, 1 / 6, 0.5)));
  },
  Softsign: (c) => {
    const x = c.tensor(0, 'f32');
    return c.made(both(c, 'div', x, both(c, 'add', c.emit('abs', [x], {}), c.importer.scalar(1))));
  },
  Mish: (c) => {
    const x = c.tensor(0, 'f32');
    return c.made(both(c, 'mul', x, c.emit('tanh', [c.emit('softplus', [x], {})], {})));
  },
  Floor: unary('floor'),
  Round: unary('round'),
  Ceil: (c) => c.made(c.emit('neg', [c.emit('floor', [c.emit('neg', [c.tensor(0, 'f32')], {})], {})], {})),
  Gelu: gelu,
  Swish: (c) => {
    const x = c.tensor(0, 'f32');
    return c.made(both(c, 'mul', x, c.emit('sigmoid', [scaled(c, x, c.float('alpha', 1))], {})));
  },
  'com.microsoft.Gelu': biased('none'),
  'com.microsoft.BiasGelu': biased('none'),
  'com.microsoft.FastGelu': biased('tanh'),
  'com.microsoft.QuickGelu': (c) => {
    const x = c.tensor(0, 'f32');
    return c.made(both(c, 'mul', x, c.emit('sigmoid', [scaled(c, x, c.float('alpha', 1.702))], {})));
  },
  IsNaN: (c) => {
    const x = c.tensor(0, 'f32');
    return c.made(c.emit('not', [both(c, 'equal', x, x)], {}));
  },
  IsInf: infinite,
  Identity: (c) => [c.input(0)],
  Dropout: (c) => {
    c.ignore('ratio', 'seed', 'is_test');
    if (c.has(2) && c.number(2) !== 0) c.fail('it drops, as in training');
    return [c.input(0)];
  },
  Expand: (c) => {
    const shape = broadcastShape(c, c.shape(0), c.dims(1));
    return c.made(c.emit('expand', [c.tensor(0)], { shape }));
  },
};
