/** Extra cases of what passes make, of gradients that are written, rounding and random numbers. */
import { operandsOf } from '../../src/compiler/ops/operands.ts';
import { addDims } from '../../src/shared/dim.ts';
import { B, bool, type ExtraCase, f32, given, i64, P, T } from './extra-case.ts';

export const PASS_CASES: readonly ExtraCase[] = [
  {
    name: 'scatter_elements_add',
    inputs: [
      given('data', f32([2, 3], [1, 2, 3, 4, 5, 6]), [B, 3]),
      given('indices', i64([2, 2], [0, 0, 2, 1]), [B, 2]),
      given('updates', f32([2, 2], [10, 20, 30, 40]), [B, 2]),
    ],
    outputs: [f32([2, 3], [31, 2, 3, 4, 45, 36])],
    build: (b, inputs) => [b.node('scatter_elements_add', operandsOf('scatter_elements_add', inputs), { axis: 1 })],
  },
  {
    // kernel [1, 10] with stride 2: each dy lands on two of five elements, the last is in no window
    name: 'conv2d_grad_input',
    inputs: [given('dy', f32([2, 1, 1, 2], [1, 2, 3, 4]), [B, 1, 1, 2]), given('weight', f32([1, 1, 1, 2], [1, 10]))],
    outputs: [f32([2, 1, 1, 5], [1, 10, 2, 20, 0, 3, 30, 4, 40, 0])],
    build: (b, inputs) => [
      b.node('conv2d_grad_input', operandsOf('conv2d_grad_input', inputs), {
        ...{ stride: [1, 2] as const, padding: [0, 0] as const, dilation: [1, 1] as const },
        ...{ groups: 1, size: [1, 5] as const },
      }),
    ],
  },
  {
    // d weight[i] = Σ x[2·place + i] · dy[place], over both images
    name: 'conv2d_grad_weight',
    inputs: [
      given('x', f32([2, 1, 1, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), [B, 1, 1, 5]),
      given('dy', f32([2, 1, 1, 2], [1, 10, 100, 1000]), [B, 1, 1, 2]),
    ],
    outputs: [f32([1, 1, 1, 2], [8631, 9742])],
    build: (b, inputs) => [
      b.node('conv2d_grad_weight', operandsOf('conv2d_grad_weight', inputs), {
        ...{ stride: [1, 2] as const, padding: [0, 0] as const, dilation: [1, 1] as const },
        ...{ groups: 1, kernel: [1, 2] as const },
      }),
    ],
  },
  {
    // windows of 2 with stride 1: the first of equal elements wins
    name: 'max_pool2d_grad',
    inputs: [
      given('x', f32([1, 2, 1, 3], [5, 5, 1, 1, 7, 2]), [B, 2, 1, 3]),
      given('dy', f32([1, 2, 1, 2], [1, 2, 3, 4]), [B, 2, 1, 2]),
    ],
    outputs: [f32([1, 2, 1, 3], [1, 2, 0, 0, 7, 0])],
    build: (b, inputs) => [
      b.node('max_pool2d_grad', operandsOf('max_pool2d_grad', inputs), {
        kernel: [1, 2],
        stride: [1, 1],
        padding: [0, 0],
      }),
    ],
  },
  {
    // P = [1/2, 1/2], dP = [2, 6], dS = P (dP − 4) = [−1, 1]; the second image sees no key
    name: 'attention_grad',
    inputs: [
      given('q', f32([2, 1, 1, 2], [1, 0, 1, 0]), [B, 1, T, 2]),
      given('k', f32([2, 1, 2, 2], [2, 1, 2, 3, 1, 2, 3, 4]), [B, 1, addDims(P, T), 2]),
      given('v', f32([2, 1, 2, 1], [1, 3, 1, 3]), [B, 1, addDims(P, T), 1]),
      given('dy', f32([2, 1, 1, 1], [2, 2]), [B, 1, T, 1]),
      given('mask', bool([true, true, false, false], [2, 2]), [B, addDims(P, T)]),
    ],
    outputs: [
      f32([2, 1, 1, 2], [0, 2, 0, 0]),
      f32([2, 1, 2, 2], [-1, 0, 1, 0, 0, 0, 0, 0]),
      f32([2, 1, 2, 1], [1, 1, 0, 0]),
    ],
    build: (b, inputs) =>
      b.nodeOutputs('attention_grad', operandsOf('attention_grad', inputs), { causal: true, scale: 1 }),
  },
  {
    name: 'barrier',
    inputs: [
      given('x', f32([2], [1, 2]), [B]),
      given('seed', i64([], [7])),
      given('after', f32([2, 1], [Number.NaN, 3]), [B, 1]),
    ],
    outputs: [f32([2], [1, 2]), i64([], [7])],
    build: (b, [x, seed, after]) => [b.node('barrier', [x!, after!], {}), b.node('barrier', [seed!, after!], {})],
  },
  {
    name: 'stop_gradient',
    inputs: [given('x', f32([2], [1, -2]), [B])],
    outputs: [f32([2], [1, -2])],
    build: (b, inputs) => [b.node('stop_gradient', operandsOf('stop_gradient', inputs), {})],
  },
  {
    name: 'upstream_gradient',
    inputs: [],
    outputs: [f32([2], [0, 0])],
    build: (b) => [b.node('upstream_gradient', [], { call: 0, shape: [2] })],
  },
  {
    name: 'with_gradient',
    inputs: [
      given('y', f32([2], [1, -2]), [B]),
      given('x', f32([1, 2], [3, 4]), [1, B]),
      given('dx', f32([1, 2], [5, 6]), [1, B]),
    ],
    outputs: [f32([2], [1, -2])],
    build: (b, [y, ...pairs]) => [b.node('with_gradient', [y!, ...pairs], { call: 0, estimator: true })],
  },
  {
    // ties to the even one, −0, what f32 has no fractions of, and what is no number
    name: 'round',
    inputs: [given('x', f32([10], [0.5, 1.5, 2.5, -0.5, -1.5, 2.25, -2.75, 16777215, -Infinity, NaN]), [B])],
    outputs: [f32([10], [0, 2, 2, -0, -2, 2, -3, 16777215, -Infinity, NaN])],
    build: (b, [x]) => [b.node('round', [x!], {})],
  },
  {
    name: 'floor',
    inputs: [given('x', f32([8], [0.5, -0.5, 2, -2.25, -0, 8388607.5, Infinity, NaN]), [B])],
    outputs: [f32([8], [0, -1, 2, -3, -0, 8388607, Infinity, NaN])],
    build: (b, [x]) => [b.node('floor', [x!], {})],
  },
  {
    // ties to even where normal and where subnormal, the carry into the next power, the largest, what is past it
    name: 'round_f16',
    inputs: [
      given(
        'x',
        f32(
          [16],
          [
            ...[1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20, -1 - 2 ** -11, 2 - 2 ** -12, 2049, 0.1],
            ...[2 ** -25, 3 * 2 ** -25, 2 ** -14 - 2 ** -25, -(2 ** -26), 65519, 65520, -Infinity, NaN, -0],
          ],
        ),
        [B],
      ),
    ],
    outputs: [
      f32(
        [16],
        [
          ...[1, 1 + 2 ** -9, 1 + 2 ** -10, -1, 2, 2048, 0.0999755859375],
          ...[0, 2 ** -23, 2 ** -14, -0, 65504, Infinity, -Infinity, NaN, -0],
        ],
      ),
    ],
    build: (b, [x]) => [b.node('round_f16', [x!], {})],
  },
  {
    // the numerators from exact integers of another language
    name: 'random_uniform',
    inputs: [given('seed', i64([], [2 ** 40 + 7]))],
    outputs: [
      f32(
        [1, 3],
        [15100308, 4505778, 7625621].map((x) => x / 2 ** 24),
      ),
    ],
    build: (b, inputs) => [b.node('random_uniform', operandsOf('random_uniform', inputs), { shape: [1, 3], salt: 3 })],
  },
];
