/**
 * Gradient cases that the torch fixtures do not reach: ops that autodiff makes itself, empty and one-row shapes,
 * symbolic bounds, ties, queries without a key. All f32 inputs are differentiated.
 *
 * Points of the cases are smooth unless `expected` gives the gradients by hand (ties, edges), where finite
 * differences have no meaning.
 */
import { GraphBuilder } from '../../../src/compiler/ir/builder.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { operandsOf } from '../../../src/compiler/ops/operands.ts';
import { addDims, mulDims, subDims } from '../../../src/shared/dim.ts';
import { tensor } from '../../ops/extra-cases.ts';
import { B, given, type HandMadeCase, P, S, T } from './hand-made.ts';
import { IMAGES } from './image-cases.ts';
import { noise } from './support.ts';

export type { HandMadeCase } from './hand-made.ts';

const f32 = (shape: readonly number[], elements: readonly number[]) => tensor('f32', shape, elements);
const i64 = (shape: readonly number[], elements: readonly number[]) => tensor('i64', shape, elements);
const bool = (shape: readonly number[], elements: readonly number[]) => tensor('bool', shape, elements);

const SMOOTH: readonly HandMadeCase[] = [
  {
    name: 'with_gradient, of sin and its derivative',
    inputs: [given('x', noise([2, 3], 1, 2), [B, 3])],
    build: (b, [x]) => {
      const y = b.node('sin', [x!], {});
      const dy = b.node('upstream_gradient', [], { call: 0, shape: [B, 3] });
      const dx = b.node('mul', [dy, b.node('cos', [x!], {})], {});
      return [b.node('with_gradient', [y, x!, dx], { call: 0, estimator: false })];
    },
  },
  {
    name: 'softplus, expm1, log1p and atan',
    inputs: [given('x', noise([2, 3], 1, 4), [B, 3])],
    build: (b, [x]) => {
      const minus = b.node('expm1', [x!], {});
      return [b.node('softplus', [x!], {}), minus, b.node('log1p', [minus], {}), b.node('atan', [x!], {})];
    },
  },
  {
    name: 'scatter_elements_add with repeats',
    inputs: [
      given('data', noise([2, 3]), [B, 3]),
      given('indices', i64([2, 2], [0, 0, 2, 1]), [B, 2]),
      given('updates', noise([2, 2], 2), [B, 2]),
    ],
    build: (b, inputs) => [b.node('scatter_elements_add', operandsOf('scatter_elements_add', inputs), { axis: 1 })],
  },
  {
    name: 'gather_elements with repeats on axis 0',
    inputs: [given('data', noise([3, 2]), [B, 2]), given('indices', i64([4, 2], [0, 1, 2, 1, 0, 0, 0, 2]))],
    build: (b, inputs) => [b.node('gather_elements', operandsOf('gather_elements', inputs), { axis: 0 })],
  },
  {
    name: 'gather by a matrix of indices on axis 1',
    inputs: [given('data', noise([2, 4, 3]), [B, 4, 3]), given('indices', i64([2, 2], [3, 0, 0, 1]), [2, T])],
    build: (b, inputs) => [b.node('gather', operandsOf('gather', inputs), { axis: 1 })],
  },
  {
    name: 'gather by a scalar index',
    inputs: [given('data', noise([3, 2])), given('index', i64([], [1]))],
    build: (b, inputs) => [b.node('gather', operandsOf('gather', inputs), { axis: 0 })],
  },
  {
    name: 'scatter_add on axis 1',
    inputs: [given('data', noise([2, 3])), given('indices', i64([2], [2, 2])), given('updates', noise([2, 2], 4))],
    build: (b, inputs) => [b.node('scatter_add', operandsOf('scatter_add', inputs), { axis: 1 })],
  },
  {
    name: 'barrier and casts between f32 and f32',
    inputs: [given('x', noise([3])), given('after', noise([2]))],
    build: (b, inputs) => [b.node('cast', [b.node('barrier', operandsOf('barrier', inputs), {})], { to: 'f32' })],
  },
  {
    name: 'slice and concat with symbolic bounds',
    inputs: [given('x', noise([2, 5]), [B, T]), given('y', noise([2, 3], 2), [B, P])],
    build(b, [x, y]) {
      const shifted = b.node('slice', [x!], { starts: [0, 1], ends: [B, T], steps: [1, 1] });
      const head = b.node('slice', [x!], { starts: [0, 0], ends: [B, subDims(T, 2)], steps: [1, 1] });
      const tail = b.node('slice', [b.node('concat', [y!, x!], { axis: 1 })], {
        ...{ starts: [0, P], ends: [B, addDims(P, subDims(T, 1))], steps: [1, 1] },
      });
      return [shifted, head, tail, b.node('concat', [y!, x!, y!], { axis: 1 })];
    },
  },
  {
    name: 'slice with steps that end inside and at the end',
    inputs: [given('x', noise([7, 5])), given('y', noise([4, 6], 2), [mulDims(2, B), 6])],
    build: (b, [x, y]) => [
      b.node('slice', [x!], { starts: [1, 0], ends: [6, 5], steps: [3, 2] }),
      b.node('slice', [y!], { starts: [0, 1], ends: [mulDims(2, B), 6], steps: [2, 4] }),
    ],
  },
  {
    name: 'split of which one part is used',
    inputs: [given('x', noise([2, 6]), [B, 6])],
    build: (b, [x]) => [b.nodeOutputs('split', [x!], { axis: 1, sizes: [1, 2, 3] })[1]!],
  },
  {
    name: 'pad, flip, cumsum and transpose along symbolic axes',
    inputs: [given('x', noise([2, 3]), [B, T])],
    build(b, [x]) {
      const padded = b.node('pad', [x!], { before: [1, 0], after: [0, 2], value: 3 });
      const flipped = b.node('flip', [padded], { axes: [0, 1] });
      return [b.node('transpose', [b.node('cumsum', [flipped], { axis: 1 })], { permutation: [1, 0] })];
    },
  },
  {
    name: 'broadcasts over symbolic axes',
    inputs: [
      given('x', noise([2, 3, 4]), [B, T, 4]),
      given('row', noise([1, 4], 2)),
      given('column', noise([3, 1], 3), [T, 1]),
    ],
    build: (b, [x, row, column]) => [
      b.node('mul', [b.node('add', [x!, row!], {}), column!], {}),
      b.node('expand', [column!], { shape: [B, T, 4] }),
    ],
  },
  {
    name: 'means and sums over symbolic axes',
    inputs: [given('x', noise([2, 3, 4]), [B, T, 4])],
    build: (b, [x]) => [
      b.node('mean', [x!], { axes: [0, 1], keepdims: false }),
      b.node('mean', [x!], { axes: [1], keepdims: true }),
      b.node('sum', [x!], { axes: [0, 2], keepdims: false }),
    ],
  },
  {
    name: 'pow of two tensors with a broadcast exponent',
    inputs: [given('a', f32([2, 2], [0.5, 1.5, 2, 3])), given('b', f32([2], [-1.5, 2.5]))],
    build: (b, inputs) => [b.node('pow', operandsOf('pow', inputs), {})],
  },
  {
    name: 'atan2 in every quadrant, one point beside several',
    inputs: [given('a', f32([4], [0.5, -1.5, -2, 3])), given('b', f32([2, 1], [-0.75, 1.25]))],
    build: (b, inputs) => [b.node('atan2', operandsOf('atan2', inputs), {})],
  },
  {
    name: 'pow by constants',
    inputs: [given('a', f32([3], [0.5, 1.5, 2]))],
    build: (b, [a]) => [0, 1, 2, 3, -2, 0.5].map((by) => b.node('pow', [a!, b.scalar(by)], {})),
  },
  {
    name: 'pow by a constant tensor',
    inputs: [given('a', f32([3], [0.5, -1.5, 2]))],
    build: (b, [a]) => [b.node('pow', [a!, b.constant(f32([3], [0, 2, -1]))], {})],
  },
  ...(
    [
      ['[2, 3, 5] · [5]', [2, 3, 5], [5], false, false],
      ['[5] · [2, 5, 4]', [5], [2, 5, 4], false, false],
      ['[5] · [5]', [5], [5], false, false],
      ['[2, 1, 3, 5]ᵀ · [4, 3, 2]', [2, 1, 5, 3], [4, 5, 2], true, false],
      ['[3, 5]ᵀ · [2, 4, 5]ᵀ', [5, 3], [2, 4, 5], true, true],
      ['[2, 3, 5] · [4, 5]ᵀ', [2, 3, 5], [4, 5], false, true],
      ['[2, 5, 3]ᵀ · [5, 4]', [2, 5, 3], [5, 4], true, false],
      ['[0, 3, 5] · [5, 4]', [0, 3, 5], [5, 4], false, false],
    ] as const
  ).map(
    ([title, left, right, transpose_a, transpose_b]): HandMadeCase => ({
      name: `matmul ${title}`,
      inputs: [given('a', noise(left)), given('b', noise(right, 2))],
      build: (b, inputs) => [b.node('matmul', operandsOf('matmul', inputs), { transpose_a, transpose_b })],
    }),
  ),
  {
    name: 'linear of a vector, of one row and of no rows',
    inputs: [
      given('x', noise([5])),
      given('y', noise([1, 5], 2)),
      given('z', noise([0, 5], 3)),
      given('w', noise([3, 5], 4)),
      given('c', noise([3], 5)),
    ],
    build: (b, [x, y, z, w, c]) => [x!, y!, z!].map((rows) => b.node('linear', [rows, w!, c!], {})),
  },
  {
    name: 'norms with and without weight, of one row',
    inputs: [given('x', noise([1, 5], 1, 3)), given('w', noise([5], 2)), given('c', noise([5], 3))],
    build: (b, [x, w, c]) => [
      b.node('layer_norm', [x!], { eps: 1e-5 }),
      b.node('layer_norm', [x!, w!], { eps: 1e-5 }),
      b.node('layer_norm', [x!, w!, c!], { eps: 1e-5 }),
      b.node('rms_norm', [x!], { eps: 1e-5 }),
      b.node('rms_norm', [x!, w!], { eps: 1e-5 }),
    ],
  },
  {
    name: 'norms of no rows',
    inputs: [given('x', noise([0, 5]), [B, 5]), given('w', noise([5], 2)), given('c', noise([5], 3))],
    build: (b, [x, w, c]) => [
      b.node('layer_norm', [x!, w!, c!], { eps: 1e-5 }),
      b.node('rms_norm', [x!, w!], { eps: 1e-5 }),
    ],
  },
  {
    name: 'attention, causal, with more queries than keys and a mask that hides a whole row',
    inputs: [
      given('q', noise([2, 2, 4, 3]), [B, 2, T, 3]),
      given('k', noise([2, 2, 3, 3], 2), [B, 2, S, 3]),
      given('v', noise([2, 2, 3, 5], 3), [B, 2, S, 5]),
      given('mask', bool([2, 3], [1, 0, 1, 0, 0, 0]), [B, S]),
    ],
    build: (b, inputs) => [b.node('attention', operandsOf('attention', inputs), { causal: true, scale: null })],
  },
  {
    name: 'attention over a past, causal without a mask',
    inputs: [
      given('q', noise([1, 2, 2, 4]), [1, 2, T, 4]),
      given('k', noise([1, 2, 5, 4], 2), [1, 2, addDims(P, T), 4]),
      given('v', noise([1, 2, 5, 4], 3), [1, 2, addDims(P, T), 4]),
    ],
    build: (b, inputs) => [b.node('attention', operandsOf('attention', inputs), { causal: true, scale: 0.25 })],
  },
  {
    name: 'attention of one query, and of no batch',
    inputs: [given('q', noise([1, 1, 1, 2])), given('k', noise([1, 1, 1, 2], 2)), given('e', noise([0, 1, 2, 2]))],
    build: (b, [q, k, e]) => [
      b.node('attention', [q!, k!, k!], { causal: false, scale: null }),
      b.node('attention', [e!, e!, e!], { causal: true, scale: null }),
    ],
  },
  {
    name: 'rotary forward and back, with shared positions',
    inputs: [given('x', noise([2, 2, 3, 6]), [B, 2, T, 6]), given('positions', i64([1, 3], [0, 3, 7]), [1, T])],
    build(b, [x, positions]) {
      const how = { dims: 4, theta: 100, max_positions: 8 };
      const turned = b.node('rotary', [x!, positions!], how);
      return [turned, b.node('rotary', [x!, positions!], { ...how, inverse: true })];
    },
  },
  {
    name: 'cross_entropy over a sequence, some ignored',
    inputs: [
      given('logits', noise([2, 3, 5], 1, 4), [B, T, 5]),
      given('target', i64([2, 3], [4, -100, 0, 2, 2, -100]), [B, T]),
    ],
    build: (b, inputs) => [b.node('cross_entropy', operandsOf('cross_entropy', inputs), { ignore_index: -100 })],
  },
  {
    name: 'cross_entropy of one row that ignores a class',
    inputs: [given('logits', noise([5], 1, 4)), given('target', i64([], [3]))],
    build: (b, inputs) => [b.node('cross_entropy', operandsOf('cross_entropy', inputs), { ignore_index: 2 })],
  },
  {
    name: 'softmaxes with a symbolic axis',
    inputs: [given('x', noise([2, 3], 1, 5), [B, T])],
    build: (b, [x]) => [b.node('softmax', [x!], { axis: 0 }), b.node('log_softmax', [x!], { axis: 1 })],
  },
  {
    name: 'elementwise ops of no elements',
    inputs: [given('x', noise([0, 3]), [B, 3]), given('y', noise([3], 2))],
    build: (b, [x, y]) => [
      b.node('mul', [b.node('gelu', [x!], { approximate: 'tanh' }), y!], {}),
      b.node('sum', [b.node('sub', [x!, y!], {})], { axes: [0], keepdims: false }),
    ],
  },
];

const EDGES: readonly HandMadeCase[] = [
  {
    name: 'abs, relu and clamp at their corners',
    inputs: [given('x', f32([3], [-1, 0, 1]))],
    build: (b, [x]) => [b.node('abs', [x!], {}), b.node('relu', [x!], {}), b.node('clamp', [x!], { min: -1, max: 1 })],
    expected: { x: [-1, 1, 2] },
  },
  {
    name: 'maximum and minimum of equals give half to each',
    inputs: [given('a', f32([3], [1, 2, 3])), given('b', f32([3], [1, 3, 2]))],
    build: (b, inputs) => [
      b.node('maximum', operandsOf('maximum', inputs), {}),
      b.node('mul', [b.node('minimum', operandsOf('minimum', inputs), {}), b.scalar(10)], {}),
    ],
    expected: { a: [5.5, 10, 1], b: [5.5, 1, 10] },
  },
  {
    name: 'max and min over equals share evenly',
    inputs: [given('x', f32([2, 3], [1, 4, 4, 2, 2, 2]))],
    build: (b, [x]) => [
      b.node('max', [x!], { axes: [1], keepdims: false }),
      b.node('min', [x!], { axes: [0, 1], keepdims: true }),
    ],
    expected: { x: [1, 0.5, 0.5, 1 / 3, 1 / 3, 1 / 3] },
  },
  {
    name: 'pow at 0, as torch',
    inputs: [given('a', f32([4], [0, 0, 0, 2])), given('b', f32([4], [2, 1, 0, 0]))],
    build: (b, inputs) => [b.node('pow', operandsOf('pow', inputs), {})],
    expected: { a: [0, 1, 0, 0], b: [0, 0, 0, Math.LN2] },
  },
  {
    name: 'attention of a query that sees no key',
    inputs: [
      given('q', f32([1, 1, 2, 1], [1, 1])),
      given('k', f32([1, 1, 1, 1], [2])),
      given('v', f32([1, 1, 1, 1], [3])),
      given('mask', bool([1, 1], [0])),
    ],
    build: (b, inputs) => [b.node('attention', operandsOf('attention', inputs), { causal: false, scale: 1 })],
    expected: { q: [0, 0], k: [0], v: [0] },
  },
  {
    name: 'cross_entropy with nothing to count',
    inputs: [given('logits', noise([2, 3])), given('target', i64([2], [-100, -100]))],
    build: (b, inputs) => [b.node('cross_entropy', operandsOf('cross_entropy', inputs), { ignore_index: -100 })],
    expected: { logits: [0, 0, 0, 0, 0, 0] },
  },
  {
    name: 'max_pool2d takes the first of equals',
    inputs: [given('x', f32([1, 1, 2, 2], [3, 3, 3, 3]))],
    build: (b, [x]) => [b.node('max_pool2d', [x!], { kernel: [2, 2], stride: [1, 1], padding: [0, 0] })],
    expected: { x: [1, 0, 0, 0] },
  },
  {
    name: 'where does not let through what it hides',
    inputs: [given('x', f32([2], [0, 4]))],
    build(b, [x]) {
      const positive = b.node('less', [b.scalar(0), x!], {});
      const safe = b.node('where', [positive, x!, b.scalar(1)], {});
      return [b.node('where', [positive, b.node('log', [safe], {}), b.scalar(0)], {})];
    },
    expected: { x: [0, 0.25] },
  },
  {
    name: 'integers on the way stop the gradient',
    inputs: [given('x', f32([2], [1.5, -2.5]))],
    build(b, [x]) {
      const rounded = b.node('cast', [b.node('cast', [x!], { to: 'i64' })], { to: 'f32' });
      return [b.node('mul', [x!, rounded], {})];
    },
    expected: { x: [1, -2] },
  },
];

export const HAND_MADE: readonly HandMadeCase[] = [...SMOOTH, ...IMAGES, ...EDGES];

export function buildHandMade({ name, inputs, build }: HandMadeCase): Graph {
  const b = new GraphBuilder(name.replaceAll(/\W/g, '_'));
  const values = build(
    b,
    inputs.map((input) => b.input(input.name, input.tensor.dtype, input.shape)),
  );
  for (const [index, value] of values.entries()) b.output(`out${index}`, value);
  return b.build();
}

export const differentiable = ({ inputs }: HandMadeCase): string[] =>
  inputs.filter((input) => input.tensor.dtype === 'f32').map(({ name }) => name);
