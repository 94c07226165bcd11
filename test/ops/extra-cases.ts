/**
 * Cases for what the torch fixtures do not reach (logic, casts, sources, transposed matmul, attention rows
 * without a key, …), with results worked out by hand. As reusable as the reference cases.
 */
import { GraphBuilder } from '../../src/compiler/ir/builder.ts';
import type { Graph, ValueId } from '../../src/compiler/ir/graph.ts';
import { operandsOf } from '../../src/compiler/ops/operands.ts';
import { addDims } from '../../src/shared/dim.ts';
import { B, bool, type ExtraCase, f32, given, i64, P, p, q, T } from './extra-case.ts';
import { PASS_CASES } from './extra-cases-passes.ts';

export { tensor } from './extra-case.ts';

export const EXTRA_CASES: readonly ExtraCase[] = [
  {
    name: 'not',
    inputs: [given('p', p)],
    outputs: [bool([false, false, true, true])],
    build: (b, [x]) => [b.node('not', [x!], {})],
  },
  {
    name: 'and_or',
    inputs: [given('p', p), given('q', q)],
    outputs: [bool([true, false, false, false]), bool([true, true, true, false])],
    build: (b, inputs) => [b.node('and', operandsOf('and', inputs), {}), b.node('or', operandsOf('or', inputs), {})],
  },
  {
    name: 'compare_f32',
    inputs: [given('a', f32([3], [1, 2, 3])), given('b', f32([], [2]))],
    outputs: [bool([false, true, false]), bool([true, false, false]), bool([true, true, false])],
    build: (b, inputs) => [
      b.node('equal', operandsOf('equal', inputs), {}),
      b.node('less', operandsOf('less', inputs), {}),
      b.node('less_equal', operandsOf('less_equal', inputs), {}),
    ],
  },
  {
    name: 'compare_i64',
    inputs: [given('a', i64([3], [-1, 0, 1])), given('b', i64([1], [0]))],
    outputs: [bool([false, true, false]), bool([true, false, false]), bool([true, true, false])],
    build: (b, inputs) => [
      b.node('equal', operandsOf('equal', inputs), {}),
      b.node('less', operandsOf('less', inputs), {}),
      b.node('less_equal', operandsOf('less_equal', inputs), {}),
    ],
  },
  {
    name: 'equal_bool',
    inputs: [given('p', p), given('q', q)],
    outputs: [bool([true, false, false, true])],
    build: (b, inputs) => [b.node('equal', operandsOf('equal', inputs), {})],
  },
  {
    name: 'cast',
    inputs: [given('x', f32([6], [-1.75, -0.25, 0, 0.5, 2, Number.NaN]))],
    outputs: [i64([6], [-1, 0, 0, 0, 2, 0]), bool([true, true, false, true, true, true]), f32([6], [1, 1, 0, 1, 1, 1])],
    build(b, [x]) {
      const asBool = b.node('cast', [x!], { to: 'bool' });
      return [b.node('cast', [x!], { to: 'i64' }), asBool, b.node('cast', [asBool], { to: 'f32' })];
    },
  },
  {
    name: 'cast_i64',
    inputs: [given('x', i64([3], [-2, 0, 7]))],
    outputs: [f32([3], [-2, 0, 7]), bool([true, false, true])],
    build: (b, [x]) => [b.node('cast', [x!], { to: 'f32' }), b.node('cast', [x!], { to: 'bool' })],
  },
  {
    name: 'arithmetic_i64',
    inputs: [given('a', i64([2], [-3, 0])), given('b', i64([2], [2, -5]))],
    outputs: [i64([2], [-1, -5]), i64([2], [-5, 5]), i64([2], [-6, 0]), i64([2], [2, 0]), i64([2], [-3, -5])],
    build: (b, inputs) =>
      (['add', 'sub', 'mul', 'maximum', 'minimum'] as const).map((op) =>
        b.node(op, operandsOf<'add', ValueId>('add', inputs), {}),
      ),
  },
  {
    // the number of true elements, as positions of a padded batch are made
    name: 'sum_and_cumsum_i64',
    inputs: [given('x', i64([2, 3], [1, 1, 0, 0, 1, 1]))],
    outputs: [i64([2], [2, 2]), i64([2, 3], [1, 2, 2, 0, 1, 2])],
    build: (b, [x]) => [b.node('sum', [x!], { axes: [1], keepdims: false }), b.node('cumsum', [x!], { axis: 1 })],
  },
  {
    name: 'cumsum_axis_0',
    inputs: [given('x', f32([3, 2], [1, 2, 3, 4, 5, 6]))],
    outputs: [f32([3, 2], [1, 2, 4, 6, 9, 12])],
    build: (b, [x]) => [b.node('cumsum', [x!], { axis: 0 })],
  },
  {
    name: 'argmax_first_of_equals',
    inputs: [given('x', f32([2, 3], [1, 5, 5, 7, 0, 7]))],
    outputs: [i64([2], [1, 0]), i64([3], [1, 0, 1])],
    build: (b, [x]) => [b.node('argmax', [x!], { axis: 1 }), b.node('argmax', [x!], { axis: 0 })],
  },
  {
    name: 'rotary_frequencies',
    inputs: [
      given('x', f32([1, 1, 2, 2], [1, 0, 1, 0]), [B, 1, T, 2]),
      given('positions', i64([1, 2], [0, 3]), [B, T]),
    ],
    outputs: [f32([1, 1, 2, 2], [1, 0, Math.cos(0.375), Math.sin(0.375)])],
    build: (b, inputs) => [
      b.node('rotary', operandsOf('rotary', inputs), { dims: 2, theta: 1e4, max_positions: 4, frequencies: [0.125] }),
    ],
  },
  {
    name: 'softplus',
    inputs: [given('x', f32([3], [0, -1000, 1000]))],
    outputs: [f32([3], [Math.LN2, 0, 1000])],
    build: (b, inputs) => [b.node('softplus', operandsOf('softplus', inputs), {})],
  },
  {
    name: 'expm1_log1p_atan',
    inputs: [given('x', f32([4], [0, -0.5, -0, 1]))],
    outputs: [
      f32([4], [0, Math.exp(-0.5) - 1, -0, Math.E - 1]),
      f32([4], [0, -Math.LN2, -0, Math.LN2]),
      f32([4], [0, -0.4636476090008061, -0, Math.PI / 4]),
    ],
    build: (b, [x]) => (['expm1', 'log1p', 'atan'] as const).map((op) => b.node(op, [x!], {})),
  },
  {
    // every quadrant and axis; zeros have no sign
    name: 'atan2',
    inputs: [given('a', f32([3, 1], [2, 0, -2])), given('b', f32([4], [2, 0, -0, -2]))],
    outputs: [
      f32(
        [3, 4],
        [1, 2, 2, 3, 0, 0, 0, 4, -1, -2, -2, -3].map((quarter) => (quarter * Math.PI) / 4),
      ),
    ],
    build: (b, inputs) => [b.node('atan2', operandsOf('atan2', inputs), {})],
  },
  {
    name: 'top_k_first_of_equals',
    inputs: [
      given('x', f32([2, 4], [5, 7, 5, 7, Number.NaN, 0, Number.POSITIVE_INFINITY, Number.NaN]), [B, 4]),
      given('n', i64([3, 2], [1, 2, 3, 2, 3, 2])),
    ],
    outputs: [i64([2, 3], [1, 3, 0, 0, 3, 2]), i64([2, 2], [1, 0, 2, 1])],
    build: (b, [x, n]) => [b.node('top_k', [x!], { axis: 1, k: 3 }), b.node('top_k', [n!], { axis: 0, k: 2 })],
  },
  {
    name: 'iota_static',
    inputs: [given('x', i64([], [10]))],
    outputs: [i64([2, 3], [10, 11, 12, 10, 11, 12]), i64([2, 3], [10, 10, 10, 11, 11, 11])],
    build: (b, [x]) => [1, 0].map((axis) => b.node('add', [x!, b.node('iota', [], { shape: [2, 3], axis })], {})),
  },
  {
    name: 'iota_symbolic',
    inputs: [given('x', f32([2, 3], [0, 0, 0, 0, 0, 0]), [B, T])],
    outputs: [i64([2, 3], [0, 1, 2, 0, 1, 2])],
    build: (b, [x]) => [b.node('iota', [], { shape: b.typeOf(x!).shape, axis: 1 })],
  },
  {
    name: 'dim_size',
    inputs: [
      given('x', f32([1, 2], [0, 0]), [B, T]),
      given('mask', bool([true, true, true, true, true], [1, 5]), [B, addDims(P, T)]),
    ],
    outputs: [i64([], [5]), i64([], [3]), i64([], [7])],
    build: (b) => [
      b.node('dim_size', [], { dim: addDims(P, T) }),
      b.node('dim_size', [], { dim: P }),
      b.node('dim_size', [], { dim: 7 }),
    ],
  },
  {
    // positions of new tokens behind a cache: P, P + 1, …
    name: 'positions_after_past',
    inputs: [given('x', f32([2], [0, 0]), [T]), given('mask', bool([true, true, true, true, true]), [addDims(P, T)])],
    outputs: [i64([2], [3, 4])],
    build: (b) => [
      b.node('slice', [b.node('iota', [], { shape: [addDims(P, T)], axis: 0 })], {
        starts: [P],
        ends: [addDims(P, T)],
        steps: [1],
      }),
    ],
  },
  {
    name: 'concat_symbolic',
    inputs: [given('past', f32([2, 1], [1, 2]), [P, 1]), given('x', f32([1, 1], [3]), [T, 1])],
    outputs: [f32([3, 1], [1, 2, 3])],
    build: (b, inputs) => [b.node('concat', operandsOf('concat', inputs), { axis: 0 })],
  },
  {
    name: 'matmul_transpose_a',
    inputs: [given('a', f32([2, 3], [1, 2, 3, 4, 5, 6])), given('b', f32([2, 1], [1, 10]))],
    outputs: [f32([3, 1], [41, 52, 63])],
    build: (b, inputs) => [b.node('matmul', operandsOf('matmul', inputs), { transpose_a: true, transpose_b: false })],
  },
  {
    name: 'matmul_dot',
    inputs: [given('a', f32([3], [1, 2, 3])), given('b', f32([3], [4, 5, 6]))],
    outputs: [f32([], [32])],
    build: (b, inputs) => [b.node('matmul', operandsOf('matmul', inputs), { transpose_a: false, transpose_b: false })],
  },
  {
    name: 'matmul_batch_of_vectors',
    inputs: [given('a', f32([2, 1, 2], [1, 2, 3, 4]), [B, 1, 2]), given('b', f32([2], [10, 1]))],
    outputs: [f32([2, 1], [12, 34])],
    build: (b, inputs) => [b.node('matmul', operandsOf('matmul', inputs), { transpose_a: false, transpose_b: false })],
  },
  {
    name: 'gather_axis_1',
    inputs: [given('data', f32([2, 3], [1, 2, 3, 4, 5, 6])), given('indices', i64([2, 2], [2, 0, 1, 1]))],
    outputs: [f32([2, 2, 2], [3, 1, 2, 2, 6, 4, 5, 5])],
    build: (b, inputs) => [b.node('gather', operandsOf('gather', inputs), { axis: 1 })],
  },
  {
    name: 'gather_scalar_index',
    inputs: [given('data', i64([3], [7, 8, 9])), given('indices', i64([], [1]))],
    outputs: [i64([], [8])],
    build: (b, inputs) => [b.node('gather', operandsOf('gather', inputs), { axis: 0 })],
  },
  {
    name: 'gather_elements_axis_0',
    inputs: [given('data', f32([2, 2], [1, 2, 3, 4])), given('indices', i64([1, 2], [1, 0]))],
    outputs: [f32([1, 2], [3, 2])],
    build: (b, inputs) => [b.node('gather_elements', operandsOf('gather_elements', inputs), { axis: 0 })],
  },
  {
    name: 'scatter_add_axis_1_repeated',
    inputs: [
      given('data', f32([2, 3], [0, 0, 0, 10, 10, 10])),
      given('indices', i64([3], [1, 1, 2])),
      given('updates', f32([2, 3], [1, 2, 3, 4, 5, 6])),
    ],
    outputs: [f32([2, 3], [0, 3, 3, 10, 19, 16])],
    build: (b, inputs) => [b.node('scatter_add', operandsOf('scatter_add', inputs), { axis: 1 })],
  },
  {
    // two queries, one key: the first query sees no key
    name: 'attention_no_visible_key',
    inputs: [
      given('q', f32([1, 1, 2, 1], [1, 1])),
      given('k', f32([1, 1, 1, 1], [1])),
      given('v', f32([1, 1, 1, 2], [3, 4])),
    ],
    outputs: [f32([1, 1, 2, 2], [0, 0, 3, 4])],
    build: (b, inputs) => [b.node('attention', operandsOf('attention', inputs), { causal: true, scale: null })],
  },
  {
    name: 'attention_all_masked',
    inputs: [
      given('q', f32([2, 1, 1, 1], [1, 1]), [B, 1, T, 1]),
      given('k', f32([2, 1, 2, 1], [1, 1, 1, 1]), [B, 1, addDims(P, T), 1]),
      given('v', f32([2, 1, 2, 1], [2, 4, 2, 4]), [B, 1, addDims(P, T), 1]),
      given('mask', bool([false, false, true, true], [2, 2]), [B, addDims(P, T)]),
    ],
    outputs: [f32([2, 1, 1, 1], [0, 3])],
    build: (b, inputs) => [b.node('attention', operandsOf('attention', inputs), { causal: false, scale: 1 })],
  },
  {
    name: 'pad_i64_and_bool',
    inputs: [given('x', i64([2], [1, 2])), given('p', bool([false]))],
    outputs: [i64([4], [-100, 1, 2, -100]), bool([false, true])],
    build: (b, [x, flags]) => [
      b.node('pad', [x!], { before: [1], after: [1], value: -100 }),
      b.node('pad', [flags!], { before: [0], after: [1], value: 1 }),
    ],
  },
  {
    name: 'where_i64',
    inputs: [given('p', bool([true, false])), given('a', i64([], [5])), given('b', i64([2], [1, 2]))],
    outputs: [i64([2], [5, 2])],
    build: (b, inputs) => [b.node('where', operandsOf('where', inputs), {})],
  },
  {
    name: 'fold_no_axes',
    inputs: [given('x', f32([2], [1, 2]))],
    outputs: [f32([2], [1, 2]), f32([2], [1, 2])],
    build: (b, [x]) => (['sum', 'max'] as const).map((op) => b.node(op, [x!], { axes: [], keepdims: false })),
  },
  ...PASS_CASES,
];

export function buildExtraCase({ name, inputs, build }: ExtraCase): Graph {
  const b = new GraphBuilder(name);
  const values = build(
    b,
    inputs.map((input) => b.input(input.name, input.tensor.dtype, input.shape)),
  );
  for (const [index, value] of values.entries()) b.output(`out${index}`, value);
  return b.build();
}
