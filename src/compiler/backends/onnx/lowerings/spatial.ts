/** Convolution, pooling and interpolation over the last two axes of [N, C, H, W]. */
import type { Emitter } from '../emitter.ts';
import { float } from '../proto.ts';
import { dimVector } from '../shapes.ts';
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
  conv2d: (emit, { inputs, attributes: { stride, padding, dilation, groups } }) => [
    emit.op(
      'Conv',
      inputs.map(({ name }) => name),
      { strides: stride, pads: bothSides(padding), dilations: dilation, group: groups },
    ),
  ],
  avg_pool2d: (emit, { inputs, attributes: { kernel, stride, padding, count_include_pad } }) => [
    emit.op('AveragePool', [inputs[0]!.name], {
      kernel_shape: kernel,
      strides: stride,
      pads: bothSides(padding),
      count_include_pad: count_include_pad ? 1 : 0,
    }),
  ],
  max_pool2d: (emit, { inputs, attributes: { kernel, stride, padding } }) => [
    emit.op('MaxPool', [inputs[0]!.name], { kernel_shape: kernel, strides: stride, pads: bothSides(padding) }),
  ],
  interpolate: (emit, { inputs, attributes: { mode, size }, outputs }) => {
    const x = inputs[0]!;
    if (mode === 'nearest') {
      const [height, width] = [Number(x.type.shape[2]), Number(x.type.shape[3])]; // static by the type rule
      return [nearestAxis(emit, nearestAxis(emit, x.name, 2, height, size[0]), 3, width, size[1])];
    }
    const how = mode === 'bilinear' ? { mode: 'linear' } : { mode: 'cubic', cubic_coeff_a: float(-0.75) };
    return [
      emit.op('Resize', [x.name, '', '', dimVector(emit, outputs[0]!.shape)], {
        ...how,
        coordinate_transformation_mode: 'half_pixel',
      }),
    ];
  },
};
