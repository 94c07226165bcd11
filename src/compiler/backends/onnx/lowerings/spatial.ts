/** Convolution, pooling and interpolation over the last two axes of [N, C, H, W]. */
import type { Emitter } from '../emitter.ts';
import { float } from '../proto.ts';
import { dimVector, expand, reshape } from '../shapes.ts';
import type { Lowerings } from './rule.ts';

/** ONNX lists the padding of all begins, then of all ends. */
function bothSides([height, width]: readonly [number, number]): readonly number[] {
  return [height, width, height, width];
}

/**
 * y[i] = x[⌊i · in / out⌋] along one axis, as torch's `nearest`. Resize computes i / (out / in) in float32 and then
 * takes the floor, which picks the wrong neighbour for some sizes (14 → 4); the indices are exact here.
 */
function nearestAxis(emit: Emitter, x: string, axis: number, from: number, to: number): string {
  if (from === to) return x;
  const indices = Array.from({ length: to }, (_, index) => Math.floor((index * from) / to));
  return emit.op('Gather', [x, emit.indices(indices)], { axis });
}

export const SPATIAL: Lowerings<'conv2d' | 'avg_pool2d' | 'max_pool2d' | 'interpolate'> = {
  conv2d: (emit, { inputs, attributes: { stride, padding, dilation, groups }, outputs }) => {
    // Conv over no channels gives memory that it did not write: the sum of nothing is 0
    if (inputs[1].type.shape.includes(0)) {
      const { shape } = outputs[0]!;
      if (inputs.length < 3) return [expand(emit, emit.scalar(0), [], shape)];
      const column = [shape[1]!, 1, 1];
      return [expand(emit, reshape(emit, inputs[2]!.name, inputs[2]!.type.shape, column), column, shape)];
    }
    const window = { strides: stride, pads: bothSides(padding), dilations: dilation, group: groups };
    return [
      emit.op(
        'Conv',
        inputs.map(({ name }) => name),
        window,
      ),
    ];
  },
  avg_pool2d: (emit, { inputs, attributes: { kernel, stride, padding, count_include_pad } }) => [
    emit.op('AveragePool', [inputs[0].name], {
      kernel_shape: kernel,
      strides: stride,
      pads: bothSides(padding),
      count_include_pad: count_include_pad ? 1 : 0,
    }),
  ],
  // MaxPool drops NaN, and a window of nothing but −∞ is the smallest number or −∞, by its place. 1/min(x, −1) is NaN for
  // NaN, 0 for −∞ and below 0 for the rest, and so is its mean over a window; the logarithm of 0 is −∞.
  max_pool2d: (emit, { inputs, attributes: { kernel, stride, padding } }) => {
    const x = inputs[0].name;
    const window = { kernel_shape: kernel, strides: stride, pads: bothSides(padding) };
    const kinds = emit.op('Reciprocal', [emit.op('Min', [x, emit.scalar(-1)])]);
    const kind = emit.op('AveragePool', [kinds], { ...window, count_include_pad: 1 });
    const plain = emit.op('Less', [kind, emit.scalar(0)]);
    return [emit.op('Where', [plain, emit.op('MaxPool', [x], window), emit.op('Log', [kind])])];
  },
  interpolate: (emit, { inputs, attributes: { mode, size }, outputs }) => {
    const x = inputs[0];
    if (mode === 'nearest') {
      const [height, width] = [Number(x.type.shape[2]), Number(x.type.shape[3])]; // static by the type rule
      return [nearestAxis(emit, nearestAxis(emit, x.name, 2, height, size[0]), 3, width, size[1])];
    }
    const how = mode === 'bilinear' ? { mode: 'linear' } : { mode: 'cubic', cubic_coeff_a: float(-0.75) };
    return [
      emit.op('Resize', [x.name, '', '', dimVector(emit, outputs[0].shape)], {
        ...how,
        coordinate_transformation_mode: 'half_pixel',
      }),
    ];
  },
};
