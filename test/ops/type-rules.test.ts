/** What the type rules accept with symbolic dims, and what people read when operands do not fit. */
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import type { TensorType } from '../../src/compiler/ir/graph.ts';
import { readType } from '../../src/compiler/ir/read.ts';
import type { AttentionAttributes } from '../../src/compiler/ops/attention-scores.ts';
import type { OpAttributes, OpName } from '../../src/compiler/ops/attributes.ts';
import { operandsOf } from '../../src/compiler/ops/operands.ts';
import { printType } from '../../src/compiler/ops/rules.ts';
import { TypeRuleError } from '../../src/compiler/ops/spec.ts';
import { addDims, subDims, symbol } from '../../src/shared/dim.ts';

const [B, T, P] = [symbol('B'), symbol('T'), symbol('P')];

/** Result types of an op over operands given as text, such as `f32[B, 4]`. */
function infer<N extends OpName>(op: N, operands: readonly string[], attributes: OpAttributes[N]): string {
  const b = new GraphBuilder('types');
  const inputs = operands.map((text, index) => {
    const { dtype, shape }: TensorType = readType(text);
    return b.input(`x${index}`, dtype, shape);
  });
  return b
    .nodeOutputs(op, operandsOf(op, inputs), attributes)
    .map((value) => printType(b.typeOf(value)))
    .join(', ');
}

function errorOf(run: () => unknown): TypeRuleError {
  try {
    run();
  } catch (error) {
    if (error instanceof TypeRuleError) return error;
    throw error;
  }
  throw new Error('expected a TypeRuleError');
}

const one = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;
const plainMatmul = { transpose_a: false, transpose_b: false } as const;

/** attention of four heads, with these operands after q, k and v */
const attend = (more: readonly string[], attributes: Partial<AttentionAttributes> = {}, groups = 4) =>
  infer('attention', ['f32[B, 4, T, 8]', `f32[B, ${groups}, S, 8]`, `f32[B, ${groups}, S, 6]`, ...more], {
    causal: true,
    scale: null,
    ...attributes,
  });

describe('symbolic dims', () => {
  const accepted: readonly (readonly [string, () => string, string])[] = [
    ['broadcast against themselves and 1', () => infer('add', ['f32[B, 1, 4]', 'f32[T, 1]'], {}), 'f32[B, T, 4]'],
    ['compare to bool', () => infer('less_equal', ['i64[T]', 'i64[]'], {}), 'bool[T]'],
    ['reshape over a product', () => infer('reshape', ['f32[B, T, 12]'], { shape: [B, T, 3, 4] }), 'f32[B, T, 3, 4]'],
    ['expand a leading axis', () => infer('expand', ['f32[T]'], { shape: [B, T] }), 'f32[B, T]'],
    [
      'add up in concat',
      () => infer('concat', ['f32[P, 4]', 'f32[T, 4]', 'f32[2, 4]'], { axis: 0 }),
      'f32[P + T + 2, 4]',
    ],
    [
      'slice to T - 1',
      () => infer('slice', ['f32[B, T]'], { starts: [0, 1], ends: [B, T], steps: [1, 1] }),
      'f32[B, T - 1]',
    ],
    [
      'slice off a past',
      () => infer('slice', ['i64[P + T]'], { starts: [P], ends: [addDims(P, T)], steps: [1] }),
      'i64[T]',
    ],
    [
      'slice with a step that divides',
      () => infer('slice', ['f32[2*T]'], { starts: [0], ends: [addDims(T, T)], steps: [2] }),
      'f32[T]',
    ],
    [
      'split into a past and the rest',
      () => infer('split', ['f32[P + T]'], { axis: 0, sizes: [P, T] }),
      'f32[P], f32[T]',
    ],
    ['pad', () => infer('pad', ['f32[T]'], { before: [1], after: [2], value: 0 }), 'f32[T + 3]'],
    ['multiply matrices', () => infer('matmul', ['f32[B, 1, T, 8]', 'f32[4, 8, P]'], plainMatmul), 'f32[B, 4, T, P]'],
    ['pass through linear', () => infer('linear', ['f32[B, T, 8]', 'f32[6, 8]', 'f32[6]'], {}), 'f32[B, T, 6]'],
    ['be indices', () => infer('gather', ['f32[100, 8]', 'i64[B, T]'], { axis: 0 }), 'f32[B, T, 8]'],
    [
      'be a batch of images',
      () => infer('conv2d', ['f32[B, 3, 28, 28]', 'f32[8, 3, 14, 14]'], { ...one, stride: [14, 14] }),
      'f32[B, 8, 2, 2]',
    ],
    [
      'be keys behind a past',
      () =>
        infer('attention', ['f32[B, 4, T, 8]', 'f32[B, 4, P + T, 8]', 'f32[B, 4, P + T, 6]', 'bool[B, P + T]'], {
          causal: true,
          scale: null,
        }),
      'f32[B, 4, T, 6]',
    ],
    [
      'attention whose heads share keys, with a mask of each query and a bias',
      () => attend(['bool[B, 1, T, S]', 'f32[1, 4, T, S]'], { biased: true, window: 2, soft_cap: 30 }, 2),
      'f32[B, 4, T, 6]',
    ],
  ];
  test.each(accepted)('%s', (_, run, types) => expect(run()).toBe(types));
});

describe('operands that do not fit', () => {
  const rejected: readonly (readonly [string, () => string, string])[] = [
    ['pointwise', () => infer('exp', ['i64[2]'], {}), 'exp takes f32 as x and got i64'],
    ['clamp', () => infer('clamp', ['f32[2]'], { min: 1, max: 0 }), 'clamp needs min ≤ max, and min is 1 and max is 0'],
    [
      'arithmetic of two symbols',
      () => infer('add', ['f32[B, 4]', 'f32[T, 4]'], {}),
      'add cannot broadcast a [B, 4] against b [T, 4]: axis 0 of a is B and axis 0 of b is T',
    ],
    [
      'arithmetic of a symbol and a number',
      () => infer('mul', ['f32[2, T]', 'f32[3]'], {}),
      'mul cannot broadcast a [2, T] against b [3]: axis 1 of a is T and axis 0 of b is 3',
    ],
    [
      'arithmetic of two dtypes',
      () => infer('add', ['f32[2]', 'i64[2]'], {}),
      'add takes operands of one dtype, and a is f32 and b is i64',
    ],
    [
      'logic',
      () => infer('and', ['bool[2]', 'f32[2]'], {}),
      'and takes operands of one dtype, and a is bool and b is f32',
    ],
    [
      'selection',
      () => infer('where', ['bool[2]', 'f32[2]', 'f32[3]'], {}),
      'where cannot broadcast condition [2] against b [3]: axis 0 of condition is 2 and axis 0 of b is 3',
    ],
    [
      'a reduction',
      () => infer('sum', ['f32[2, 3]'], { axes: [2], keepdims: false }),
      'sum got axis 2 of a tensor with 2 axes',
    ],
    [
      'argmax of nothing',
      () => infer('argmax', ['f32[2, 0]'], { axis: 1 }),
      'argmax needs at least one element to fold and axis 1 of x has 0',
    ],
    ['a repeated axis', () => infer('mean', ['f32[2, 3]'], { axes: [1, 1], keepdims: false }), 'mean got axis 1 twice'],
    ['a scalar', () => infer('softmax', ['f32[]'], { axis: 0 }), 'softmax got axis 0 of a tensor with 0 axes'],
    [
      'reshape',
      () => infer('reshape', ['f32[B, 12]'], { shape: [B, 5, 2] }),
      'reshape keeps the number of elements, and [B, 12] has 12*B and [B, 5, 2] has 10*B',
    ],
    [
      'transpose',
      () => infer('transpose', ['f32[2, 3]'], { permutation: [0] }),
      'transpose takes one axis of the permutation per axis, and got 1 for [2, 3] with 2 axes',
    ],
    ['expand', () => infer('expand', ['f32[3, T]'], { shape: [3, 4] }), 'expand cannot stretch [3, T] to [3, 4]'],
    [
      'concat',
      () => infer('concat', ['f32[2, T]', 'f32[2, P]'], { axis: 0 }),
      'concat along axis 0 needs equal other axes, and axis 1 is T in operand 0 and P in operand 1',
    ],
    [
      'split',
      () => infer('split', ['f32[B, 6]'], { axis: 1, sizes: [2, 3] }),
      "split's sizes [2, 3] add up to 5 and axis 1 of x is 6",
    ],
    [
      'slice past the end',
      () => infer('slice', ['f32[4]'], { starts: [0], ends: [5], steps: [1] }),
      'slice of axis 0 ends at 5 and the axis has 4',
    ],
    [
      'slice past a symbolic end',
      () => infer('slice', ['f32[T]'], { starts: [0], ends: [addDims(T, 1)], steps: [1] }),
      'slice of axis 0 ends at T + 1 and the axis has T',
    ],
    [
      'slice with a step over a symbol',
      () => infer('slice', ['f32[T]'], { starts: [0], ends: [subDims(T, 1)], steps: [2] }),
      'slice with a step of 2 needs a length that it divides, and axis 0 gives T - 1',
    ],
    [
      'pad',
      () => infer('pad', ['f32[4]'], { before: [-1], after: [0], value: 0 }),
      'pad takes amounts of at least 0 and got -1',
    ],
    ['gather', () => infer('gather', ['f32[4, 2]', 'f32[3]'], { axis: 0 }), 'gather takes i64 as indices and got f32'],
    [
      'scatter_add',
      () => infer('scatter_add', ['f32[4, 2]', 'i64[3]', 'f32[T, 2]'], { axis: 0 }),
      'scatter_add takes one update per index, and there are 3 indices and axis 0 of updates is T',
    ],
    [
      'matmul',
      () => infer('matmul', ['f32[2, 8]', 'f32[6, 4]'], plainMatmul),
      "matmul's inner dimensions differ: axis 1 of a is 8 and axis 0 of b is 6",
    ],
    [
      'matmul batches',
      () => infer('matmul', ['f32[B, 2, 8]', 'f32[T, 8, 4]'], plainMatmul),
      "matmul cannot broadcast a's batch [B] against b's batch [T]: axis 0 of a's batch is B and axis 0 of b's batch is T",
    ],
    [
      'linear',
      () => infer('linear', ['f32[B, 32]', 'f32[16, 64]'], {}),
      "linear's weight takes 64 input features and the last axis of x is 32",
    ],
    [
      'linear bias',
      () => infer('linear', ['f32[B, 64]', 'f32[16, 64]', 'f32[8]'], {}),
      "linear's weight gives 16 output features and bias has 8",
    ],
    [
      'conv2d channels',
      () => infer('conv2d', ['f32[B, 3, 8, 8]', 'f32[4, 2, 3, 3]'], one),
      "conv2d's weight takes 2 channels and x has 3",
    ],
    [
      'conv2d over a symbolic height',
      () => infer('conv2d', ['f32[B, 3, 3*T + 2, 8]', 'f32[4, 3, 3, 3]'], { ...one, stride: [2, 1] }),
      'conv2d moves by 2 and height is 3*T + 2, so that the size of its result would depend on a rest',
    ],
    [
      'a gradient of a pool over a symbolic width',
      () => infer('max_pool2d', ['f32[B, 3, 4, T]'], { kernel: [2, 2], stride: [2, 2], padding: [0, 0] }),
      'max_pool2d moves by 2 and width is T, so that the size of its result would depend on a rest',
    ],
    [
      'conv2d_grad_input of another size',
      () =>
        infer('conv2d_grad_input', ['f32[B, 4, T, 3]', 'f32[4, 3, 2, 2]'], {
          ...{ ...one, stride: [2, 2], padding: [0, 0] },
          size: [readType('f32[2*T + 4]').shape[0]!, 6],
        }),
      "conv2d_grad_input takes dy of the forward op's size, and axis 2 of dy is T and the forward op gives T + 2",
    ],
    [
      'a window larger than the image',
      () => infer('max_pool2d', ['f32[1, 3, 2, 8]'], { kernel: [3, 3], stride: [1, 1], padding: [0, 0] }),
      "max_pool2d's window covers 3 elements and height is 2 with padding 0 on both sides",
    ],
    [
      'interpolate',
      () => infer('interpolate', ['f32[1, 3, 8]'], { mode: 'nearest', size: [4, 4] }),
      'interpolate takes x of shape [N, C, H, W] with 4 axes and got [1, 3, 8] with 3',
    ],
    [
      'layer_norm',
      () => infer('layer_norm', ['f32[B, 8]', 'f32[4]'], { eps: 1e-5 }),
      "layer_norm's weight has 4 elements and the last axis of x is 8",
    ],
    [
      'attention',
      () =>
        infer('attention', ['f32[B, 4, T, 8]', 'f32[B, 3, T, 8]', 'f32[B, 3, T, 8]'], { causal: true, scale: null }),
      'attention needs one number of heads, and it is 4 in q and 3 in k',
    ],
    [
      'attention with a window of all keys',
      () => attend([], { causal: false, window: 4 }),
      'attention has a window of 4 keys and is not causal: a window is of the last keys',
    ],
    [
      'attention over a window of nothing',
      () => attend([], { window: 0 }),
      'attention takes a window of 1 to 2^30 keys and got 0',
    ],
    [
      'attention with a soft cap of 0',
      () => attend([], { soft_cap: 0 }),
      'attention takes a soft_cap above 0 and got 0',
    ],
    [
      'attention with the mask of other queries',
      () => attend(['bool[B, 1, S, T]']),
      'attention takes mask of shape [B, H or 1, T, S], and axis 2 is S and should be T',
    ],
    [
      'attention with a bias of other heads',
      () => attend(['f32[1, 2, T, S]'], { biased: true }),
      'attention takes bias of shape [B or 1, H or 1, T, S], and axis 1 is 2 and should be 4',
    ],
    ['attention without its bias', () => attend([], { biased: true }), 'attention is biased and got no bias'],
    [
      'attention with a bias that it does not have',
      () => attend(['bool[B, S]', 'f32[1, 1, T, S]']),
      'attention got a bias and is not biased',
    ],
    [
      'attention_grad',
      () =>
        infer('attention_grad', ['f32[B, 4, T, 8]', 'f32[B, 4, T, 8]', 'f32[B, 4, T, 6]', 'f32[B, 4, T, 8]'], {
          causal: true,
          scale: null,
        }),
      "attention_grad takes dy of attention's shape, and axis 3 is 6 in the result and 8 in dy",
    ],
    [
      'a table of rotary that no machine holds',
      () => infer('rotary', ['f32[B, 4, T, 8]', 'i64[1, T]'], { dims: 4, theta: 1e4, max_positions: 4e9 }),
      'rotary needs max_positions of at least 1, and a table of max_positions · dims of at most 16777216 numbers, and got 4000000000 · 4',
    ],
    [
      'rotary',
      () => infer('rotary', ['f32[B, 4, T, 8]', 'i64[1, T]'], { dims: 10, theta: 1e4, max_positions: 16 }),
      'rotary turns an even number of elements of each head, and dims is 10 and head_dim is 8',
    ],
    [
      'cross_entropy',
      () => infer('cross_entropy', ['f32[B, T, 9]', 'i64[B, P]'], { ignore_index: -100 }),
      'cross_entropy takes one target per row of logits, and axis 1 is T in logits and P in target',
    ],
    ['a missing operand', () => infer('linear', ['f32[2, 3]'], {}), 'linear takes 2 to 3 operands and got 1'],
  ];
  test.each(rejected)('%s', (_, run, message) => expect(errorOf(run).message).toBe(message));

  test('point at both sides', () => {
    const { sides } = errorOf(() => infer('linear', ['f32[B, 32]', 'f32[16, 64]'], {}));
    expect(sides).toEqual([
      { operand: 1, axis: 1, label: 'in_features is 64' },
      { operand: 0, axis: 1, label: 'last axis is 32' },
    ]);
  });
});
