/** Gradient cases of convolutions, pools and resizing; part of cases.ts. */
import { operandsOf } from '../../../src/compiler/ops/operands.ts';
import { addDims, mulDims } from '../../../src/shared/dim.ts';
import { B, given, type HandMadeCase, S, T } from './hand-made.ts';
import { noise } from './support.ts';

/** `2*T + 1`, `2*S` */
const [HEIGHT, WIDTH] = [addDims(mulDims(2, T), 1), mulDims(2, S)];
const square = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;

export const IMAGES: readonly HandMadeCase[] = [
  {
    name: 'conv2d_grad_input with groups, stride and dilation',
    inputs: [given('dy', noise([2, 4, 2, 2]), [B, 4, 2, 2]), given('weight', noise([4, 1, 2, 3], 2))],
    build: (b, inputs) => [
      b.node('conv2d_grad_input', operandsOf('conv2d_grad_input', inputs), {
        ...{ stride: [2, 1] as const, padding: [1, 0] as const, dilation: [1, 2] as const },
        ...{ groups: 2, size: [3, 6] as const },
      }),
    ],
  },
  {
    name: 'conv2d_grad_weight with groups, stride and dilation',
    inputs: [given('x', noise([2, 2, 3, 6]), [B, 2, 3, 6]), given('dy', noise([2, 4, 2, 2], 2), [B, 4, 2, 2])],
    build: (b, inputs) => [
      b.node('conv2d_grad_weight', operandsOf('conv2d_grad_weight', inputs), {
        ...{ stride: [2, 1] as const, padding: [1, 0] as const, dilation: [1, 2] as const },
        ...{ groups: 2, kernel: [2, 3] as const },
      }),
    ],
  },
  {
    name: 'pools with a symbolic batch and windows that leave a rest',
    inputs: [given('x', noise([2, 1, 5, 6]), [B, 1, 5, 6])],
    build: (b, [x]) => [
      b.node('avg_pool2d', [x!], { kernel: [2, 3], stride: [2, 2], padding: [1, 1], count_include_pad: false }),
      b.node('max_pool2d', [x!], { kernel: [2, 2], stride: [2, 3], padding: [0, 1] }),
      b.node('avg_pool2d', [x!], { kernel: [5, 4], stride: [1, 1], padding: [2, 2], count_include_pad: true }),
    ],
  },
  {
    name: 'convolutions and pools over images of any size',
    inputs: [given('x', noise([2, 2, 7, 4]), [B, 2, HEIGHT, WIDTH]), given('w', noise([2, 1, 3, 2], 2))],
    build: (b, [x, w]) => {
      const window = { stride: [2, 2], padding: [1, 0], dilation: [1, 1], groups: 2 } as const;
      const y = b.node('conv2d', [x!, w!], window);
      return [
        y,
        b.node('conv2d_grad_input', [y, w!], { ...window, size: [HEIGHT, WIDTH] }),
        b.node('max_pool2d', [x!], { kernel: [3, 2], stride: [2, 1], padding: [1, 1] }),
        b.node('avg_pool2d', [x!], { kernel: [3, 2], stride: [1, 2], padding: [1, 1], count_include_pad: false }),
        b.node('avg_pool2d', [x!], { kernel: [2, 4], stride: [2, 2], padding: [1, 2], count_include_pad: true }),
      ];
    },
  },
  {
    name: 'interpolate to the same size and to others',
    inputs: [given('x', noise([1, 2, 3, 4]), [B, 2, 3, 4])],
    build: (b, [x]) => [
      b.node('interpolate', [x!], { mode: 'bicubic', size: [3, 4] }),
      b.node('interpolate', [x!], { mode: 'bilinear', size: [3, 7] }),
      b.node('interpolate', [x!], { mode: 'nearest', size: [2, 9] }),
    ],
  },
  {
    name: 'conv2d of one image with bias',
    inputs: [given('x', noise([1, 2, 4, 4])), given('w', noise([3, 2, 2, 2], 2)), given('c', noise([3], 3))],
    build: (b, inputs) => [b.node('conv2d', operandsOf('conv2d', inputs), square)],
  },
];
