/** What the fixtures have no case for: integers, bools, every attribute combination, sizes that break kernels. */
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { OpAttributes, OpName } from '../../../src/compiler/ops/attributes.ts';
import type { WideTensor } from '../../../src/shared/tensor.ts';
import { disagreement, noise, OPSETS, tensor } from './support.ts';

interface OpCase<N extends OpName = OpName> {
  readonly title: string;
  readonly op: N;
  readonly inputs: readonly WideTensor[];
  readonly attributes: OpAttributes[N];
}

function opCase<N extends OpName>(
  title: string,
  op: N,
  inputs: readonly WideTensor[],
  attributes: OpAttributes[N],
): OpCase {
  return { title: `${op} ${title}`, op, inputs, attributes };
}

const integers = tensor('i64', [2, 3], [3, -1, 4, -1, 5, -9]);
const others = tensor('i64', [3], [3, 5, -2]);
const flags = tensor('bool', [2, 3], [1, 0, 1, 1, 0, 0]);
const switches = tensor('bool', [3], [0, 1, 1]);
const reals = noise([2, 3], 1, 3);
const image = noise([2, 3, 14, 9], 2);

const pairwise = (['add', 'sub', 'mul', 'maximum', 'minimum', 'equal', 'less', 'less_equal'] as const).map((op) =>
  opCase('of integers', op, [integers, others], {}),
);
const comparisons = (['equal', 'less', 'less_equal'] as const).map((op) =>
  opCase('of reals', op, [reals, noise([3], 1, 3)], {}),
);
const logic = (['and', 'or', 'equal'] as const).map((op) => opCase('of bools', op, [flags, switches], {}));
const folds = (['sum', 'max', 'min'] as const).flatMap((op) => [
  opCase('of integers', op, [integers], { axes: [0], keepdims: true }),
  opCase('over no axis', op, [reals], { axes: [], keepdims: false }),
]);
const casts = (['f32', 'i64', 'bool'] as const).flatMap((to) =>
  [integers, flags, tensor('f32', [5], [-2.7, -0.3, 0, 0.9, 3.5])].map((x) =>
    opCase(`${x.dtype} to ${to}`, 'cast', [x], { to }),
  ),
);
// torch leaves these to the machine; docs/ops.md says what they are here
const lost = opCase(
  'of no int64',
  'cast',
  [tensor('f32', [6], [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e20, -1e30, 2 ** 62])],
  { to: 'i64' },
);
const transposes = [false, true].flatMap((transpose_a) =>
  [false, true].flatMap((transpose_b) =>
    [
      [3, 5],
      [2, 3, 5],
      [2, 1, 3, 5],
    ].flatMap((left) =>
      [
        [5, 4],
        [2, 5, 4],
      ].map((right) => {
        const a = noise(transpose_a ? left.toSpliced(-2, 2, 5, 3) : left, 3);
        const b = noise(transpose_b ? right.toSpliced(-2, 2, 4, 5) : right, 4);
        const title = `[${a.shape}]${transpose_a ? 'ᵀ' : ''} · [${b.shape}]${transpose_b ? 'ᵀ' : ''}`;
        return opCase(title, 'matmul', [a, b], { transpose_a, transpose_b });
      }),
    ),
  ),
);
const vectors = [
  opCase('[5] · [5, 4]', 'matmul', [noise([5]), noise([5, 4])], { transpose_a: false, transpose_b: false }),
  opCase('[5] · [4, 5]ᵀ', 'matmul', [noise([5]), noise([4, 5])], { transpose_a: false, transpose_b: true }),
  opCase('[2, 3, 5] · [5]', 'matmul', [noise([2, 3, 5]), noise([5])], { transpose_a: false, transpose_b: false }),
  opCase('[5] · [5]', 'matmul', [noise([5]), noise([5])], { transpose_a: false, transpose_b: false }),
  opCase('of a vector', 'linear', [noise([5]), noise([4, 5], 2), noise([4], 3)], {}),
  opCase('of rank 4', 'linear', [noise([2, 1, 3, 5]), noise([4, 5], 2), noise([4], 3)], {}),
  opCase('of no rows', 'linear', [noise([0, 5]), noise([4, 5], 2), noise([4], 3)], {}),
  opCase('of no batch', 'linear', [noise([0, 3, 5]), noise([4, 5], 2)], {}),
];
// 14 → 4 is a size for which float32 coordinates pick the wrong neighbour
const resizes = (['nearest', 'bilinear', 'bicubic'] as const).flatMap((mode) =>
  (
    [
      [4, 9],
      [28, 78],
      [1, 1],
      [14, 9],
      [64, 2],
      [111, 7],
    ] as const
  ).map((size) => opCase(`${mode} to ${size}`, 'interpolate', [image], { mode, size })),
);
const norms = [
  opCase(
    'rows at 1000',
    'layer_norm',
    [
      tensor(
        'f32',
        [2, 64],
        [...noise([128]).data].map((x) => Math.fround(x * 50 + 1000)),
      ),
    ],
    { eps: 1e-5 },
  ),
  opCase('weight without bias', 'layer_norm', [noise([3, 7]), noise([7], 5)], { eps: 1e-6 }),
  opCase('of 2560', 'layer_norm', [noise([2, 2560], 1, 30), noise([2560], 5), noise([2560], 6)], { eps: 1e-5 }),
  opCase('of one element', 'layer_norm', [noise([3, 1]), noise([1], 5), noise([1], 6)], { eps: 1e-5 }),
  opCase('without weight', 'rms_norm', [noise([3, 7])], { eps: 1e-6 }),
  opCase('of 2560', 'rms_norm', [noise([2, 2560], 1, 30), noise([2560], 5)], { eps: 1e-6 }),
  opCase('of zeros', 'rms_norm', [tensor('f32', [2, 4], new Array(8).fill(0))], { eps: 1e-6 }),
];
const moves = [
  opCase('of bools', 'where', [switches, flags, tensor('bool', [1], [1])], {}),
  opCase('of integers', 'where', [switches, integers, others], {}),
  opCase('', 'not', [flags], {}),
  opCase('of integers', 'argmax', [integers], { axis: 1 }),
  opCase('takes the first of equals', 'argmax', [tensor('f32', [1, 4], [1, 7, 7, 2])], { axis: 1 }),
  opCase('of integers', 'cumsum', [integers], { axis: 0 }),
  opCase('along axis 0', 'cumsum', [noise([4, 3])], { axis: 0 }),
  opCase('of bools', 'transpose', [flags], { permutation: [1, 0] }),
  opCase('of bools', 'expand', [switches], { shape: [2, 2, 3] }),
  opCase('of bools', 'concat', [flags, flags], { axis: 0 }),
  opCase('of one', 'concat', [reals], { axis: 0 }),
  opCase('with an empty one', 'concat', [reals, tensor('f32', [0, 3], [])], { axis: 0 }),
  opCase('with an empty part', 'split', [integers], { axis: 1, sizes: [0, 3] }),
  opCase('in one part', 'split', [integers], { axis: 1, sizes: [3] }),
  opCase('of everything', 'slice', [reals], { starts: [0, 0], ends: [2, 3], steps: [1, 1] }),
  opCase('of nothing', 'slice', [reals], { starts: [0, 2], ends: [2, 2], steps: [1, 1] }),
  opCase('to the end by 2', 'slice', [reals], { starts: [0, 0], ends: [2, 3], steps: [1, 2] }),
  opCase('of bools on both axes', 'flip', [flags], { axes: [0, 1] }),
  opCase('of no axis', 'flip', [reals], { axes: [] }),
  opCase('of integers', 'pad', [integers], { before: [1, 0], after: [0, 2], value: -7 }),
  opCase('of bools', 'pad', [flags], { before: [1, 0], after: [0, 2], value: 1 }),
  opCase('along axis 1', 'iota', [], { shape: [2, 5, 3], axis: 1 }),
  opCase('of nothing', 'iota', [], { shape: [0], axis: 0 }),
  opCase('', 'dim_size', [], { dim: 12 }),
  opCase('of a scalar index', 'gather', [reals, tensor('i64', [], [1])], { axis: 0 }),
  opCase('of bools', 'gather', [flags, tensor('i64', [2, 2], [2, 0, 1, 1])], { axis: 1 }),
  opCase('of integers', 'gather_elements', [integers, tensor('i64', [2, 2], [2, 0, 1, 1])], { axis: 1 }),
  opCase('repeats along axis 1', 'scatter_add', [reals, tensor('i64', [4], [2, 0, 2, 2]), noise([2, 4], 5)], {
    axis: 1,
  }),
  opCase(
    'of integers',
    'scatter_add',
    [integers, tensor('i64', [3], [1, 1, 0]), tensor('i64', [3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])],
    { axis: 0 },
  ),
  opCase('scalar to a zero size', 'expand', [tensor('f32', [], [1])], { shape: [2, 0] }),
  opCase('to a zero size', 'reshape', [tensor('f32', [0, 3], [])], { shape: [3, 0, 2] }),
  opCase('rows of rank 1', 'cross_entropy', [noise([5], 1, 4), tensor('i64', [], [3])], { ignore_index: -100 }),
  opCase('over [2, 3, 7]', 'cross_entropy', [noise([2, 3, 7], 1, 60), tensor('i64', [2, 3], [0, -1, 6, 2, -1, 3])], {
    ignore_index: -1,
  }),
  opCase('that ignores a class', 'cross_entropy', [noise([3, 7]), tensor('i64', [3], [0, 2, 6])], { ignore_index: 2 }),
  opCase('with no target counted', 'cross_entropy', [noise([2, 7]), tensor('i64', [2], [-100, -100])], {
    ignore_index: -100,
  }),
  opCase('of no elements turned', 'rotary', [noise([1, 2, 3, 4]), tensor('i64', [1, 3], [0, 1, 2])], {
    dims: 0,
    theta: 1e4,
    max_positions: 8,
  }),
  opCase('shared positions', 'rotary', [noise([3, 2, 4, 80]), tensor('i64', [1, 4], [0, 2046, 2047, 5])], {
    dims: 32,
    theta: 1e4,
    max_positions: 2048,
  }),
];

const cases = [
  ...[...pairwise, ...comparisons, ...logic, ...folds, ...casts, lost],
  ...[...transposes, ...vectors, ...resizes, ...norms, ...moves],
];

describe.each(OPSETS)('opset %d', (opset) => {
  describe.each(cases)('$title', ({ op, inputs, attributes }) => {
    const graph = (() => {
      const b = new GraphBuilder('op');
      const operands = inputs.map(({ dtype, shape }, index) => b.input(`input${index}`, dtype, shape));
      for (const [index, value] of b.nodeOutputs(op, operands, attributes).entries()) b.output(`output${index}`, value);
      return b.build();
    })();
    const feeds = Object.fromEntries(inputs.map((input, index) => [`input${index}`, input]));
    test.each(['disabled', 'all'] as const)('agrees with the reference, optimisation %s', async (optimization) => {
      expect(await disagreement(graph, feeds, { opset, optimization })).toBeUndefined();
    });
  });
});
