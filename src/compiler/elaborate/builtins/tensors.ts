/** Built-in functions of tensors: thin names for the ops of the IR, with the defaults people expect. */
import { eachFunction, type RealFunction, type RealFunctions } from '../../ops/functions.ts';
import { eachOfTwo, type FunctionOfTwo, type FunctionsOfTwo } from '../../ops/functions-of-two.ts';
import type { BoundCall, Builtin } from '../builtin.ts';
import { describe, list, NONE, type Operand, type Value } from '../values.ts';
import { numericExtreme } from './values.ts';

/** Of a number it is a number, known at compile time. */
const realFunction = <N extends keyof RealFunctions>({ name, doc, value }: RealFunction<N>): Builtin => ({
  name,
  doc,
  parameters: ['x'],
  call: (c) => {
    const x = c.value('x');
    if (x.kind === 'int' || x.kind === 'float') return { kind: 'float', value: value(x.value) };
    return c.op<keyof RealFunctions>(name, [c.operand('x', 'f32')], {});
  },
});

/** Of two numbers it is a number, known at compile time. */
const functionOfTwo = <N extends keyof FunctionsOfTwo>({ name, doc, value }: FunctionOfTwo<N>): Builtin => ({
  name,
  doc,
  parameters: ['a', 'b'],
  call: (c) => {
    const [a, b] = [c.value('a'), c.value('b')];
    const isNumber = (x: Value): x is Extract<Value, { kind: 'int' | 'float' }> =>
      x.kind === 'int' || x.kind === 'float';
    if (isNumber(a) && isNumber(b)) return { kind: 'float', value: value(a.value, b.value) };
    return c.op<keyof FunctionsOfTwo>(name, [c.operand('a', 'f32'), c.operand('b', 'f32')], {});
  },
});

const pairOp = (name: 'maximum' | 'minimum' | 'pow', doc: string): Builtin => ({
  name,
  doc,
  parameters: ['a', 'b'],
  call: (c) => c.op(name, [c.operand('a', 'f32'), c.operand('b', 'f32')], {}),
});

const reduction = (name: 'sum' | 'mean' | 'max' | 'min', doc: string): Builtin => ({
  name,
  doc,
  parameters: ['x', 'axes?', 'keepdims?'],
  call: (c) => {
    if (name === 'max' || name === 'min') {
      const number = numericExtreme(c, Math[name]);
      if (number) return number;
    }
    const x = c.operand('x');
    return c.op(name, [x], { axes: c.axes('axes', x.type), keepdims: c.bool('keepdims', false) });
  },
});

/** Tensors of a list argument; numbers among them take the element type of the first tensor. */
function operandsOf(c: BoundCall, name: string): Operand[] {
  const { span } = c.argument(name);
  const syntax = c.callSyntax.arguments.find((argument) => argument.value.span === span)?.value;
  return c.items(name).map((value, index) => {
    const at = syntax?.kind === 'list' ? (syntax.items[index]?.span ?? span) : span;
    return c.asOperand({ value, span: at }, undefined, `an item of ${name}`);
  });
}

function concat(c: BoundCall, operands: readonly Operand[], axis: number): Value {
  return c.op('concat', operands, { axis });
}

function rotary(c: BoundCall): Value {
  const { value, span } = c.has('frequencies') ? c.argument('frequencies') : { value: NONE, span: c.span };
  const frequencies =
    value.kind === 'none'
      ? undefined
      : c.items('frequencies').map((item) => {
          if (item.kind === 'int' || item.kind === 'float') return item.value;
          return c.fail('an item of frequencies', 'a number', describe(item), span);
        });
  if (frequencies && c.has('theta'))
    c.fail('theta of rotary', 'left out where frequencies are given', 'a number', c.argument('theta').span);
  return c.op('rotary', [c.operand('x', 'f32'), c.operand('positions', 'i64')], {
    dims: c.int('dims'),
    theta: c.float('theta', 10000),
    max_positions: c.int('max_positions', 2048),
    ...(frequencies ? { frequencies } : {}),
  });
}

function attention(c: BoundCall): Value {
  const mask = c.optional('mask').map((operand) => {
    const { dtype } = operand.type;
    if (dtype === 'bool') return operand;
    // 0 is visible in a mask of floats that is added to scores, and hidden in one of ints
    if (dtype === 'f32')
      c.fail('mask of attention', 'a tensor of bools or ints', 'a tensor of floats', c.argument('mask').span, [
        'what is added to the scores is given as `bias = `; `mask != 0.0` hides keys where it is 0',
      ]);
    return c.evaluator.emission.operand(c.op('cast', [operand], { to: 'bool' }), c.span);
  });
  const bias = c.optional('bias', 'f32');
  const given = (name: string) => c.has(name) && c.value(name).kind !== 'none';
  return c.op('attention', [c.operand('q', 'f32'), c.operand('k', 'f32'), c.operand('v', 'f32'), ...mask, ...bias], {
    causal: c.bool('causal', false),
    scale: given('scale') ? c.float('scale') : null,
    ...(given('window') ? { window: c.int('window') } : {}),
    ...(given('soft_cap') ? { soft_cap: c.float('soft_cap') } : {}),
    ...(bias.length > 0 ? { biased: true } : {}),
  });
}

export const TENSOR_BUILTINS: readonly Builtin[] = [
  ...Object.values(eachFunction(realFunction)),
  ...Object.values(eachOfTwo(functionOfTwo)),
  {
    name: 'gelu',
    doc: 'x Φ(x), exact (erf). Hendrycks and Gimpel 2016, arXiv:1606.08415.',
    parameters: ['x'],
    call: (c) => c.op('gelu', [c.operand('x', 'f32')], { approximate: 'none' }),
  },
  {
    name: 'gelu_tanh',
    doc: '½ x (1 + tanh(√(2/π) (x + 0.044715 x³))): "gelu_new".',
    parameters: ['x'],
    call: (c) => c.op('gelu', [c.operand('x', 'f32')], { approximate: 'tanh' }),
  },
  {
    name: 'clamp',
    doc: 'min(max(x, low), high)',
    parameters: ['x', 'low', 'high'],
    call: (c) => c.op('clamp', [c.operand('x', 'f32')], { min: c.float('low'), max: c.float('high') }),
  },
  pairOp('maximum', 'The larger of two, elementwise.'),
  pairOp('minimum', 'The smaller of two, elementwise.'),
  pairOp('pow', 'aᵇ'),
  {
    name: 'where',
    doc: 'a where the condition is true, else b.',
    parameters: ['condition', 'a', 'b'],
    call: (c) => {
      const numeric = ['a', 'b']
        .map((name) => c.value(name))
        .find((value) => value.kind === 'tensor' || value.kind === 'parameter');
      const dtype = numeric ? c.operand(numeric === c.value('a') ? 'a' : 'b').type.dtype : undefined;
      return c.op('where', [c.operand('condition', 'bool'), c.operand('a', dtype), c.operand('b', dtype)], {});
    },
  },
  reduction('sum', 'Sum over axes (all of them by default).'),
  reduction('mean', 'Mean over axes (all of them by default).'),
  reduction('max', 'Largest element over axes, or the larger of two numbers.'),
  reduction('min', 'Smallest element over axes, or the smaller of two numbers.'),
  {
    name: 'argmax',
    doc: 'Index of the first largest element along an axis (the last by default); drops the axis.',
    parameters: ['x', 'axis?'],
    call: (c) => {
      const x = c.operand('x');
      return c.op('argmax', [x], { axis: c.axis('axis', x.type, -1) });
    },
  },
  {
    name: 'top_k',
    doc: 'The k largest elements along an axis (the last by default), largest first, and their indices: `let values, indices = top_k(x, 4)`. NaN counts as the largest; of equal elements the first comes first.',
    parameters: ['x', 'k', 'axis?'],
    call: (c) => {
      const x = c.operand('x');
      const axis = c.axis('axis', x.type, -1);
      const indices = c.op('top_k', [x], { axis, k: c.int('k') });
      return list([c.op('gather_elements', [x, c.evaluator.emission.operand(indices, c.span)], { axis }), indices]);
    },
  },
  {
    name: 'cumsum',
    doc: 'Inclusive prefix sum along an axis (the last by default).',
    parameters: ['x', 'axis?'],
    call: (c) => {
      const x = c.operand('x');
      return c.op('cumsum', [x], { axis: c.axis('axis', x.type, -1) });
    },
  },
  {
    name: 'softmax',
    doc: 'eˣ / Σ eˣ along an axis (the last by default).',
    parameters: ['x', 'axis?'],
    call: (c) => {
      const x = c.operand('x', 'f32');
      return c.op('softmax', [x], { axis: c.axis('axis', x.type, -1) });
    },
  },
  {
    name: 'log_softmax',
    doc: 'x − log Σ eˣ along an axis (the last by default).',
    parameters: ['x', 'axis?'],
    call: (c) => {
      const x = c.operand('x', 'f32');
      return c.op('log_softmax', [x], { axis: c.axis('axis', x.type, -1) });
    },
  },
  {
    name: 'concat',
    doc: 'Tensors one after the other along an axis.',
    parameters: ['items', 'axis'],
    call: (c) => {
      const operands = operandsOf(c, 'items');
      if (operands.length === 0)
        c.fail('items of concat', 'a list of tensors', 'an empty list', c.argument('items').span);
      return concat(c, operands, c.axis('axis', operands[0]!.type));
    },
  },
  {
    name: 'stack',
    doc: 'Tensors of one shape along a new axis.',
    parameters: ['items', 'axis'],
    call: (c) => {
      const operands = operandsOf(c, 'items');
      const first =
        operands[0] ?? c.fail('items of stack', 'a list of tensors', 'an empty list', c.argument('items').span);
      const axis = c.axis('axis', { ...first.type, shape: [...first.type.shape, 1] });
      const lifted = operands.map((operand) => {
        const shape = [...operand.type.shape];
        shape.splice(axis, 0, 1);
        return c.evaluator.emission.operand(c.op('reshape', [operand], { shape }), c.span);
      });
      return concat(c, lifted, axis);
    },
  },
  {
    name: 'split',
    doc: 'Pieces of the given sizes along an axis.',
    parameters: ['x', 'sizes', 'axis'],
    call: (c) => {
      const x = c.operand('x');
      return list(c.ops('split', [x], { axis: c.axis('axis', x.type), sizes: c.dims('sizes') }));
    },
  },
  {
    name: 'gather',
    doc: 'Slices of data at integer indices along an axis (0 by default): a table lookup.',
    parameters: ['data', 'indices', 'axis?'],
    call: (c) => {
      const data = c.operand('data');
      return c.op('gather', [data, c.operand('indices', 'i64')], { axis: c.axis('axis', data.type, 0) });
    },
  },
  {
    name: 'gather_elements',
    doc: 'out[i][j] = data[i][indices[i][j]] for axis 1.',
    parameters: ['data', 'indices', 'axis?'],
    call: (c) => {
      const data = c.operand('data');
      return c.op('gather_elements', [data, c.operand('indices', 'i64')], { axis: c.axis('axis', data.type, -1) });
    },
  },
  {
    name: 'scatter_add',
    doc: 'data with updates[i] added at indices[i] along an axis (0 by default).',
    parameters: ['data', 'indices', 'updates', 'axis?'],
    call: (c) => {
      const data = c.operand('data', 'f32');
      return c.op('scatter_add', [data, c.operand('indices', 'i64'), c.operand('updates', 'f32')], {
        axis: c.axis('axis', data.type, 0),
      });
    },
  },
  {
    name: 'linear',
    doc: 'x Wᵀ + b: x [..., in], weight [out, in], bias [out] or none.',
    parameters: ['x', 'weight', 'bias?'],
    call: (c) => c.op('linear', [c.operand('x', 'f32'), c.operand('weight', 'f32'), ...c.optional('bias', 'f32')], {}),
  },
  {
    name: 'matmul',
    doc: 'Matrix product with NumPy batching; also written a @ b.',
    parameters: ['a', 'b', 'transpose_a?', 'transpose_b?'],
    call: (c) =>
      c.op('matmul', [c.operand('a', 'f32'), c.operand('b', 'f32')], {
        transpose_a: c.bool('transpose_a', false),
        transpose_b: c.bool('transpose_b', false),
      }),
  },
  {
    name: 'layer_norm',
    doc: '(x − mean) / √(variance + eps) · weight + bias over the last axis.',
    parameters: ['x', 'weight?', 'bias?', 'eps?'],
    call: (c) => {
      const x = c.operand('x', 'f32');
      const weight = c.optional('weight', 'f32');
      const bias = c.optional('bias', 'f32');
      if (weight.length === 0 && bias.length > 0)
        c.fail(`bias of ${c.name}`, 'left out where there is no weight', 'a tensor', c.argument('bias').span);
      return c.op('layer_norm', [x, ...weight, ...bias], { eps: c.float('eps', 1e-5) });
    },
  },
  {
    name: 'rms_norm',
    doc: 'x / √(mean(x²) + eps) · weight over the last axis.',
    parameters: ['x', 'weight?', 'eps?'],
    call: (c) =>
      c.op('rms_norm', [c.operand('x', 'f32'), ...c.optional('weight', 'f32')], { eps: c.float('eps', 1e-6) }),
  },
  {
    name: 'attention',
    doc: "softmax(scale · q kᵀ + bias) v over [batch, heads, length, head_dim]; k and v may have fewer heads, each for a run of q's; scale is 1/√head_dim by default; soft_cap c makes a score c · tanh(score / c); window W, with causal, leaves the last W keys; mask [B, S] or [B, 1 or H, T, S], of bools or ints, is false or 0 where a key is not attended; bias [B or 1, H or 1, T, S] is added to the scores; a query that sees no key yields zeros.",
    parameters: ['q', 'k', 'v', 'mask?', 'causal?', 'scale?', 'bias?', 'window?', 'soft_cap?'],
    call: attention,
  },
  {
    name: 'rotary',
    doc: 'Rotate-half rotary embedding of the first `dims` elements of each head, x [B, H, T, D]; pair i turns by theta^(−2i/dims) a position, or by frequencies[i] (std has those of released models: llama3_frequencies, yarn_frequencies). Su et al. 2021, arXiv:2104.09864.',
    parameters: ['x', 'positions', 'dims', 'theta?', 'max_positions?', 'frequencies?'],
    call: rotary,
  },
  {
    name: 'cross_entropy',
    doc: 'Mean of −log softmax(logits)[target] over the targets that are not ignore_index.',
    parameters: ['logits', 'target', 'ignore_index?'],
    call: (c) =>
      c.op('cross_entropy', [c.operand('logits', 'f32'), c.operand('target', 'i64')], {
        ignore_index: c.int('ignore_index', -100),
      }),
  },
];
