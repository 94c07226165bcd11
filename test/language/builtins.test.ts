/** Every built-in function against what its documentation says; the table is checked to be complete. */
import { describe, expect, it } from 'vitest';
import { BUILTINS } from '../../src/compiler/elaborate/builtins/index.ts';
import type { DType } from '../../src/shared/dtype.ts';
import type { WideTensor } from '../../src/shared/tensor.ts';
import { erf, logistic, normalised, phi, rows, softmaxRow } from './formulas.ts';
import { bools, distance, evaluate, ints, program, tensor } from './support.ts';

interface Case {
  readonly expression: string;
  readonly inputs: Readonly<Record<string, WideTensor>>;
  readonly expected: WideTensor;
}

const x = tensor([2, 3], [0.5, -1, 2, 0, 3, -0.25]);
const positive = tensor([3], [0.5, 1, 4]);
const n = ints([3], [2, 0, 1]);

const of = (expression: string, expected: WideTensor, inputs: Readonly<Record<string, WideTensor>> = { x }): Case => ({
  expression,
  inputs,
  expected,
});

const each = (expression: string, formula: (x: number) => number, over: WideTensor = x): Case =>
  of(expression, { ...over, data: over.data.map(formula) }, { x: over });

const grid = tensor([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
const q = tensor([1, 1, 2, 2], [1, 0, 0, 2]);
const v = tensor([1, 1, 2, 2], [10, 20, 30, 40]);
const mix = (weights: readonly number[]) => [10 * weights[0]! + 30 * weights[1]!, 20 * weights[0]! + 40 * weights[1]!];

/** attention of one query over v at these scores */
const attend = (...scores: number[]) => {
  const sum = scores.reduce((s, value) => s + Math.exp(value), 0);
  return mix([...scores.map((value) => Math.exp(value) / sum), 0]);
};

const half = 1 / Math.SQRT2;
const wide = (values: number[]) => tensor([1, 1, 2, 2], values);

/** Built-in functions of tensors, and tensor uses of those that take both. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  abs: [each('abs(x)', Math.abs)],
  exp: [each('exp(x)', Math.exp)],
  log: [each('log(x)', Math.log, positive)],
  sqrt: [each('sqrt(x)', Math.sqrt, positive)],
  rsqrt: [each('rsqrt(x)', (value) => 1 / Math.sqrt(value), positive)],
  reciprocal: [each('reciprocal(x)', (value) => 1 / value, positive)],
  ...Object.fromEntries(
    (['sin', 'cos', 'atan', 'tanh', 'expm1'] as const).map((name) => [name, [each(`${name}(x)`, Math[name])]]),
  ),
  log1p: [each('log1p(x * x)', (value) => Math.log1p(value * value))],
  erf: [each('erf(x)', erf)],
  sigmoid: [each('sigmoid(x)', logistic)],
  relu: [each('relu(x)', (value) => Math.max(0, value))],
  silu: [each('silu(x)', (value) => value * logistic(value))],
  softplus: [each('softplus(x)', (value) => Math.log1p(Math.exp(value)))],
  gelu: [each('gelu(x)', (value) => value * phi(value))],
  gelu_tanh: [each('gelu_tanh(x)', (a) => 0.5 * a * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (a + 0.044715 * a ** 3))))],
  clamp: [each('clamp(x, -0.5, 1)', (value) => Math.min(Math.max(value, -0.5), 1))],
  maximum: [
    of('maximum(x, y)', tensor([2], [3, 2]), { x: tensor([2], [1, 2]), y: tensor([2], [3, -1]) }),
    each('maximum(x, 1)', (a) => Math.max(a, 1)),
  ],
  minimum: [of('minimum(x, y)', tensor([2], [1, -1]), { x: tensor([2], [1, 2]), y: tensor([2], [3, -1]) })],
  pow: [each('pow(x, 2)', (a) => a ** 2), each('x ** 3', (a) => a ** 3)],
  atan2: [
    of('atan2(x, y)', tensor([2], [Math.PI / 4, Math.PI]), { x: tensor([2], [2, 0]), y: tensor([2], [2, -3]) }),
    each('x + atan2(1, -1)', (a) => a + (3 * Math.PI) / 4),
  ],
  tensor: [
    of('x * tensor([[1], [2.5]])', tensor([2, 3], [0.5, -1, 2, 0, 7.5, -0.625])),
    of('tensor([[1, 2], [3, 4]])', ints([2, 2], [1, 2, 3, 4])),
    of('tensor([true, false])', bools([2], [1, 0])),
    of('x * tensor(2.0)', tensor([2, 3], [1, -2, 4, 0, 6, -0.5])),
    of('tensor([[i * j for j in range(3)] for i in range(2)])', ints([2, 3], [0, 0, 0, 0, 1, 2])),
  ],
  einsum: [of('einsum("ij->j", x)', tensor([3], [0.5, 2, 1.75])), of('einsum("ij,ij", x, x)', tensor([], [14.3125]))],
  where: [
    of('where(c, x, y)', tensor([2], [1, 20]), {
      c: bools([2], [1, 0]),
      x: tensor([2], [1, 2]),
      y: tensor([2], [10, 20]),
    }),
    of('where(x > 0, x, 0)', tensor([2, 3], [0.5, 0, 2, 0, 3, 0])),
    of('where(x > 0, 7, x)', tensor([2, 3], [7, -1, 7, 0, 7, -0.25])),
    of('where(n == 2, -1, n)', ints([3], [-1, 0, 1]), { n }),
  ],
  sum: [
    of('sum(x)', tensor([], [4.25])),
    of('sum(x, axes = 0)', tensor([3], [0.5, 2, 1.75])),
    of('sum(x, axes = [-1], keepdims = true)', tensor([2, 1], [1.5, 2.75])),
    of('sum(x, axes = [0, 1], keepdims = true)', tensor([1, 1], [4.25])),
    of('sum(n)', ints([], [3]), { n }),
  ],
  mean: [of('mean(x, axes = 1)', tensor([2], [0.5, 2.75 / 3])), of('mean(x)', tensor([], [4.25 / 6]))],
  max: [of('max(x)', tensor([], [3])), of('max(x, axes = 0)', tensor([3], [0.5, 3, 2]))],
  min: [of('min(x)', tensor([], [-1])), of('min(x, axes = 1, keepdims = true)', tensor([2, 1], [-1, -0.25]))],
  argmax: [
    of('argmax(x)', ints([2], [2, 1])),
    of('argmax(x, axis = 0)', ints([3], [0, 1, 0])),
    of('argmax(y)', ints([], [1]), { y: tensor([3], [0, 5, 5]) }),
  ],
  top_k: [
    of('top_k(x, 2)[0]', tensor([2, 2], [2, 0.5, 3, 0])),
    of('top_k(x, 1, axis = 0)[1]', ints([1, 3], [0, 1, 0])),
  ],
  cumsum: [
    of('cumsum(n)', ints([3], [2, 2, 3]), { n }),
    of('cumsum(x, axis = 0)', tensor([2, 3], [0.5, -1, 2, 0.5, 2, 1.75])),
  ],
  softmax: [
    of('softmax(x)', tensor([2, 3], rows(x, softmaxRow))),
    of('softmax(x, axis = 0)', tensor([2, 1], [0.25, 0.75]), { x: tensor([2, 1], [0, Math.log(3)]) }),
  ],
  log_softmax: [
    of(
      'log_softmax(x)',
      tensor(
        [2, 3],
        rows(x, (row) => softmaxRow(row).map(Math.log)),
      ),
    ),
  ],
  concat: [
    of('concat([x, x], axis = 0)', tensor([4, 3], [...x.data, ...x.data])),
    of('concat([x, y], axis = -1)', tensor([2, 4], [0.5, -1, 2, 8, 0, 3, -0.25, 9]), { x, y: tensor([2, 1], [8, 9]) }),
    of('concat([n, n], axis = 0)', ints([6], [2, 0, 1, 2, 0, 1]), { n }),
  ],
  stack: [
    of('stack([a, b], axis = 0)', tensor([2, 2], [1, 2, 3, 4]), { a: tensor([2], [1, 2]), b: tensor([2], [3, 4]) }),
    of('stack([a, b], axis = -1)', tensor([2, 2], [1, 3, 2, 4]), { a: tensor([2], [1, 2]), b: tensor([2], [3, 4]) }),
  ],
  split: [
    of('split(x, [1, 2], axis = 1)[1]', tensor([2, 2], [-1, 2, 3, -0.25])),
    of('split(x, [1, 1], axis = 0)[0]', tensor([1, 3], [0.5, -1, 2])),
  ],
  gather: [
    of('gather(x, n, axis = 1)', tensor([2, 3], [2, 0.5, -1, -0.25, 0, 3]), { x, n }),
    of('gather(x, i)', tensor([1, 2, 3], [0, 3, -0.25, 0.5, -1, 2]), { x, i: ints([1, 2], [1, 0]) }),
  ],
  gather_elements: [of('gather_elements(x, i, axis = 1)', tensor([2, 1], [2, 0]), { x, i: ints([2, 1], [2, 0]) })],
  scatter_add: [
    of('scatter_add(d, i, u)', tensor([3, 1], [1, 50, 2]), {
      d: tensor([3, 1], [1, 0, 2]),
      i: ints([2], [1, 1]),
      u: tensor([2, 1], [20, 30]),
    }),
    of('scatter_add(d, i, u, axis = 1)', tensor([1, 2], [1, 7]), {
      d: tensor([1, 2], [1, 2]),
      i: ints([1], [1]),
      u: tensor([1, 1], [5]),
    }),
  ],
  linear: [
    of('linear(x, w)', tensor([2, 1], [1.5, 5.625]), { x, w: tensor([1, 3], [1, 2, 1.5]) }),
    of('linear(x, w, bias = b)', tensor([2, 1], [11.5, 15.625]), {
      x,
      w: tensor([1, 3], [1, 2, 1.5]),
      b: tensor([1], [10]),
    }),
  ],
  matmul: [
    of('matmul(a, b)', tensor([2, 1], [5, 11]), { a: tensor([2, 2], [1, 2, 3, 4]), b: tensor([2, 1], [1, 2]) }),
    of('matmul(a, b, transpose_a = true)', tensor([2, 1], [7, 10]), {
      a: tensor([2, 2], [1, 2, 3, 4]),
      b: tensor([2, 1], [1, 2]),
    }),
    of('matmul(a, b, transpose_b = true)', tensor([2, 1], [5, 11]), {
      a: tensor([2, 2], [1, 2, 3, 4]),
      b: tensor([1, 2], [1, 2]),
    }),
    of('a @ b', tensor([2], [5, 11]), { a: tensor([2, 2], [1, 2, 3, 4]), b: tensor([2], [1, 2]) }),
  ],
  conv2d: [
    of('conv2d(x, w)', tensor([1, 1, 2, 2], [6, 8, 12, 14]), { x: grid, w: tensor([1, 1, 2, 2], [1, 0, 0, 1]) }),
    of('conv2d(x, w, b, stride = 2, padding = 1)', tensor([1, 1, 2, 2], [101, 103, 107, 109]), {
      x: grid,
      w: tensor([1, 1, 2, 2], [0, 0, 0, 1]),
      b: tensor([1], [100]),
    }),
    of('conv2d(x, w, dilation = [2, 2])', tensor([1, 1, 1, 1], [10]), {
      x: grid,
      w: tensor([1, 1, 2, 2], [1, 0, 0, 1]),
    }),
    of('conv2d(x, w, groups = 2)', tensor([1, 2, 1, 1], [6, 20]), {
      x: tensor([1, 2, 1, 1], [3, 4]),
      w: tensor([2, 1, 1, 1], [2, 5]),
    }),
  ],
  conv_transpose2d: [
    of('conv_transpose2d(x, w, b, stride = [1, 2])', tensor([1, 1, 1, 4], [101, 110, 102, 120]), {
      x: tensor([1, 1, 1, 2], [1, 2]),
      w: tensor([1, 1, 1, 2], [1, 10]),
      b: tensor([1], [100]),
    }),
  ],
  avg_pool2d: [
    of('avg_pool2d(x, 3)', tensor([1, 1, 1, 1], [5]), { x: grid }),
    of('avg_pool2d(x, 2, stride = 1)', tensor([1, 1, 2, 2], [3, 4, 6, 7]), { x: grid }),
    of('avg_pool2d(x, 2, padding = 1)', tensor([1, 1, 2, 2], [0.25, 1.25, 2.75, 7]), { x: grid }),
    of('avg_pool2d(x, 2, padding = 1, count_include_pad = false)', tensor([1, 1, 2, 2], [1, 2.5, 5.5, 7]), { x: grid }),
  ],
  max_pool2d: [
    of('max_pool2d(x, 2, stride = 1)', tensor([1, 1, 2, 2], [5, 6, 8, 9]), { x: grid }),
    of('max_pool2d(x, [1, 3])', tensor([1, 1, 3, 1], [3, 6, 9]), { x: grid }),
  ],
  interpolate: [
    of('interpolate(x, [2, 2], "nearest")', tensor([1, 1, 2, 2], [5, 5, 5, 5]), { x: tensor([1, 1, 1, 1], [5]) }),
    of('interpolate(x, [1, 4], "bilinear")', tensor([1, 1, 1, 4], [0, 1, 3, 4]), { x: tensor([1, 1, 1, 2], [0, 4]) }),
    of('interpolate(x, 3, "bicubic")', grid, { x: grid }),
  ],
  layer_norm: [
    of(
      'layer_norm(x)',
      tensor(
        [2, 3],
        rows(x, (row) => normalised(row, 1e-5)),
      ),
    ),
    of(
      'layer_norm(x, w, b, eps = 0.5)',
      tensor(
        [2, 3],
        rows(x, (row) => normalised(row, 0.5).map((value, i) => value * [1, 2, 3][i]! + 10)),
      ),
      { x, w: tensor([3], [1, 2, 3]), b: tensor([3], [10, 10, 10]) },
    ),
  ],
  rms_norm: [
    of(
      'rms_norm(x, w, eps = 0.1)',
      tensor(
        [2, 3],
        rows(x, (row) =>
          row.map((value, i) => (value * [1, 2, 3][i]!) / Math.sqrt(row.reduce((s, a) => s + a * a, 0) / 3 + 0.1)),
        ),
      ),
      { x, w: tensor([3], [1, 2, 3]) },
    ),
  ],
  attention: [
    of('attention(q, q, v)', wide([...attend(half, 0), ...attend(0, 4 * half)]), { q, v }),
    of('attention(q, q, v, scale = 1.0)', wide([...attend(1, 0), ...attend(0, 4)]), { q, v }),
    of('attention(q, q, v, causal = true)', wide([...attend(half), ...attend(0, 4 * half)]), { q, v }),
    of('attention(q, q, v, m)', wide([30, 40, 30, 40]), { q, v, m: bools([1, 2], [0, 1]) }),
    of('attention(q, q, v, m)', wide([10, 20, 10, 20]), { q, v, m: ints([1, 2], [1, 0]) }),
    of('attention(q, q, v, m)', wide([0, 0, 0, 0]), { q, v, m: bools([1, 2], [0, 0]) }),
    of('attention(q, q, v, none)', wide([...attend(half, 0), ...attend(0, 4 * half)]), { q, v }),
  ],
  rotary: [
    of(
      'rotary(x, p, dims = 2)',
      tensor([1, 1, 1, 3], [Math.cos(2) - 2 * Math.sin(2), 2 * Math.cos(2) + Math.sin(2), 7]),
      { x: tensor([1, 1, 1, 3], [1, 2, 7]), p: ints([1, 1], [2]) },
    ),
    of(
      'rotary(x, p, dims = 4, theta = 100.0)',
      tensor([1, 1, 1, 4], [Math.cos(3), Math.cos(0.3), Math.sin(3), Math.sin(0.3)]),
      { x: tensor([1, 1, 1, 4], [1, 1, 0, 0]), p: ints([1, 1], [3]) },
    ),
  ],
  cross_entropy: [
    of('cross_entropy(l, t)', tensor([], [Math.log(2)]), { l: tensor([2, 2], [0, 0, 5, 1]), t: ints([2], [1, -100]) }),
    of('cross_entropy(l, t, ignore_index = 0)', tensor([], [Math.log(4)]), {
      l: tensor([2, 2], [5, 1, Math.log(3), 0]),
      t: ints([2], [0, 1]),
    }),
  ],
  dropout: [of('dropout(x, 0.5)', x)],
  at_least: [of('x * float(at_least(3, 2)) / 3.0', x)],
  stop_gradient: [of('stop_gradient(x)', x)],
  flatten_rows: [of('flatten_rows(q)', tensor([2, 2], [1, 0, 0, 2]), { q })],
  unflatten_rows: [of('unflatten_rows(flatten_rows(q), q)', q, { q })],
  sum_like: [
    of('sum_like(x, w)', tensor([3], [2.5 - 2, 2, 1.75]), { x, w: tensor([3], [1, 1, 1]) }),
    of('sum_like(x, w)', tensor([2, 1], [1.5, 2.75]), { x, w: tensor([2, 1], [1, 1]) }),
    of('sum_like(x, w)', tensor([], [4.25]), { x, w: tensor([], [1]) }),
  ],
  round: [of('round(x)', tensor([2, 3], [0, -1, 2, 0, 3, -0]))],
  floor: [of('floor(x)', tensor([2, 3], [0, -1, 2, 0, 3, -1]))],
  random_normal: [of('x when not is_training() else random_normal([2, 3])', x)],
  random: [of('x when not is_training() else random([2, 3])', x)],
  is_training: [of('x when not is_training() else x + 1.0', x)],
  rearrange: [of('rearrange(x, "a b -> b a")', tensor([3, 2], [0.5, 0, -1, 3, 2, -0.25]))],
  reshape: [
    of('reshape(x, [3, 2])', { ...x, shape: [3, 2] }),
    of('reshape(x, [-1])', { ...x, shape: [6] }),
    of('reshape(x, [1, -1, 2])', { ...x, shape: [1, 3, 2] }),
  ],
  transpose: [
    of('transpose(x, 0, 1)', tensor([3, 2], [0.5, 0, -1, 3, 2, -0.25])),
    of('transpose(x, -1, -2)', tensor([3, 2], [0.5, 0, -1, 3, 2, -0.25])),
  ],
  permute: [of('permute(x, [2, 0, 1])', tensor([2, 1, 2], [1, 3, 2, 4]), { x: tensor([1, 2, 2], [1, 2, 3, 4]) })],
  unsqueeze: [
    of('unsqueeze(x, 0)', { ...x, shape: [1, 2, 3] }),
    of('unsqueeze(x, -1)', { ...x, shape: [2, 3, 1] }),
    of('unsqueeze(x, 1)', { ...x, shape: [2, 1, 3] }),
  ],
  squeeze: [of('squeeze(x, -1)', tensor([2], [1, 2]), { x: tensor([2, 1], [1, 2]) })],
  expand: [
    of('expand(x, [2, 2])', tensor([2, 2], [1, 1, 2, 2]), { x: tensor([2, 1], [1, 2]) }),
    of('expand(x, [2, 2])', tensor([2, 2], [1, 2, 1, 2]), { x: tensor([2], [1, 2]) }),
  ],
  repeat: [
    of('repeat(x, [2, 1])', tensor([4, 1], [1, 2, 1, 2]), { x: tensor([2, 1], [1, 2]) }),
    of('repeat(x, [1, 2])', tensor([1, 4], [1, 2, 1, 2]), { x: tensor([1, 2], [1, 2]) }),
  ],
  flip: [
    of('flip(x, 1)', tensor([2, 3], [2, -1, 0.5, -0.25, 3, 0])),
    of('flip(x, [0, -1])', tensor([2, 3], [-0.25, 3, 0, 2, -1, 0.5])),
  ],
  pad: [
    of('pad(x, [1, 0], [0, 1])', tensor([2, 2], [0, 0, 5, 0]), { x: tensor([1, 1], [5]) }),
    of('pad(x, [1], [1], value = 7)', tensor([3], [7, 5, 7]), { x: tensor([1], [5]) }),
  ],
  full: [
    of('full([2, 2], 0.5)', tensor([2, 2], [0.5, 0.5, 0.5, 0.5]), {}),
    of('full([2], 3)', ints([2], [3, 3]), {}),
    of('full([1], true)', bools([1], [1]), {}),
  ],
  iota: [of('iota(3)', ints([3], [0, 1, 2]), {})],
  tril: [
    of('tril(x)', tensor([2, 3], [0.5, 0, 0, 0, 3, 0])),
    of('tril(x, diagonal = 1)', tensor([2, 3], [0.5, -1, 0, 0, 3, -0.25])),
    of('tril(x, -1)', tensor([2, 3], [0, 0, 0, 0, 0, 0])),
  ],
  cached: [of('cached(x, "key")', q, { x: q })],
  int: [
    of('int(x)', ints([3], [1, -1, 0]), { x: tensor([3], [1.9, -1.9, 0.5]) }),
    of('int(b)', ints([2], [1, 0]), { b: bools([2], [1, 0]) }),
  ],
  float: [
    of('float(n)', tensor([3], [2, 0, 1]), { n }),
    of('float(b)', tensor([2], [1, 0]), { b: bools([2], [1, 0]) }),
  ],
  bool: [
    of('bool(x)', bools([3], [1, 0, 1]), { x: tensor([3], [0.5, 0, -1]) }),
    of('bool(n)', bools([3], [1, 0, 1]), { n }),
  ],
};

/** Checked in values.test.ts (numbers, lists) and below (initialisers). */
const COMPILE_TIME = ['range', 'len', 'pair', 'ceil', 'one_of'];

const INITIALISERS: Readonly<Record<string, readonly [string, object]>> = {
  zeros: ['zeros()', { kind: 'zeros' }],
  ones: ['ones()', { kind: 'ones' }],
  constant: ['constant(2)', { kind: 'constant', value: 2 }],
  normal: ['normal(0.02)', { kind: 'normal', std: 0.02, mean: 0 }],
  truncated_normal: ['truncated_normal(0.5, b = 1)', { kind: 'truncated_normal', std: 0.5, mean: 0, a: -2, b: 1 }],
  uniform: ['uniform(-1, high = 1)', { kind: 'uniform', low: -1, high: 1 }],
  kaiming_uniform: ['kaiming_uniform()', { kind: 'kaiming_uniform', a: 0 }],
  xavier_uniform: ['xavier_uniform(gain = 2)', { kind: 'xavier_uniform', gain: 2 }],
  arange: ['arange()', { kind: 'arange' }],
};

it('covers every built-in function', () => {
  const covered = [...Object.keys(CASES), ...COMPILE_TIME, ...Object.keys(INITIALISERS), 'bicubic_grid'];
  expect(covered.sort()).toEqual([...BUILTINS.keys()].sort());
});

const NAMES = { f32: 'f32', i64: 'i64', bool: 'bool' } as const satisfies Record<DType, DType>;

describe.each(Object.entries(CASES))('%s', (_, cases) => {
  it.each(cases.map((one) => [one.expression, one] as const))('%s', (expression, { inputs, expected }) => {
    const actual = evaluate(expression, inputs, { result: NAMES[expected.dtype] });
    expect(actual.shape).toEqual(expected.shape);
    expect(distance(actual, expected)).toBeLessThan(1e-12);
  });
});

describe('initialisers', () => {
  it.each(Object.values(INITIALISERS))('%s', (expression, initializer) => {
    expect(program(`model M { param w: [2, 2] = ${expression} }`).parameters.get('w')!.initializer).toEqual(
      initializer,
    );
  });

  it('resample bicubic_grid(prefix = 1) marks a table of positions', () => {
    const text = (clause: string) =>
      program(`model M { param w: [5, 2] = zeros() ${clause} }`).parameters.get('w')!.resample;
    expect(text('resample bicubic_grid(prefix = 1)')).toEqual({ prefix: 1 });
    expect(text('resample bicubic_grid()')).toEqual({ prefix: 0 });
    expect(text('')).toBeUndefined();
  });
});
