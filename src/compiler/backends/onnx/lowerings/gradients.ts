/**
 * Ops that autodiff makes: the adjoints of convolution and max pooling, and the barrier of recomputation.
 *
 * ONNX has no operators for them that ONNX Runtime runs for inference, so they are written with the forward ones.
 */
import { isSymbolic, productOf } from '../../../../shared/dim.ts';
import { type DimPair, outputPadding } from '../../../ops/convolution.ts';
import type { Emitter } from '../emitter.ts';
import { expand, isNothing, range, reshape } from '../shapes.ts';
import { neverZero } from '../symbols.ts';
import type { Lowerings, Operand } from './rule.ts';
import { cast, reduce } from './rule.ts';

type Pair = readonly [number, number];

const bothSides = ([height, width]: Pair): readonly number[] => [height, width, height, width];

const sizeOf = ({ type: { shape } }: Operand): DimPair => [shape[2]!, shape[3]!];

/** x [N, groups·c, H, W] → [c, groups·N, H, W]: the batch becomes the channels that a convolution sums over. */
function batchAsChannels(emit: Emitter, x: Operand, groups: number): string {
  const [batch, channels, height, width] = x.type.shape;
  if (groups === 1) return emit.op('Transpose', [x.name], { perm: [1, 0, 2, 3] });
  const each = Number(channels) / groups;
  const split = [batch!, groups, each, height!, width!];
  const grouped = reshape(emit, x.name, x.type.shape, split); // [N, groups, c, H, W]
  const turned = emit.op('Transpose', [grouped], { perm: [2, 1, 0, 3, 4] });
  return reshape(
    emit,
    turned,
    [each, groups, batch!, height!, width!],
    [each, productOf([groups, batch!]), height!, width!],
  );
}

/** 1, 2, … in the order of memory, f32 [H, W]; exact below 2²⁴. */
function placesOf(emit: Emitter, size: DimPair): string {
  const [height, width] = size;
  if (!isSymbolic(height) && !isSymbolic(width)) {
    const data = Float32Array.from({ length: height * width }, (_, place) => place + 1);
    return emit.constant({ dtype: 'f32', shape: [height, width], data }, 'places');
  }
  const all = productOf(size);
  const counted = emit.op('Add', [range(emit, all), emit.index(1)]);
  return reshape(emit, cast(emit, counted, 'f32'), [all], size);
}

/** The place in its image, from 1, of each NaN, and 0 of everything else: the largest of a window is its last NaN. */
function nanPlaces(emit: Emitter, x: Operand): string {
  return emit.op('Where', [emit.op('IsNaN', [x.name]), placesOf(emit, sizeOf(x)), emit.scalar(0)]);
}

export const GRADIENTS: Lowerings<
  | ('conv2d_grad_input' | 'conv2d_grad_weight' | 'max_pool2d_grad' | 'barrier' | 'stop_gradient')
  | ('upstream_gradient' | 'with_gradient')
> = {
  conv2d_grad_input: (emit, { inputs, attributes: { stride, padding, dilation, groups, size }, outputs }) => {
    const [dy, weight] = [inputs[0], inputs[1]];
    // over no channels, as conv2d
    if (weight.type.shape.includes(0)) return [expand(emit, emit.scalar(0), [], outputs[0].shape)];
    // rows and columns of x that no window reaches, at the end of each axis
    const rest = outputPadding(size, sizeOf(dy), sizeOf(weight), { stride, padding, dilation });
    return [
      emit.op('ConvTranspose', [dy.name, weight.name], {
        strides: stride,
        pads: bothSides(padding),
        dilations: dilation,
        group: groups,
        output_padding: rest,
      }),
    ];
  },
  // dW[o, c, i, j] = Σ x[n, c, y·stride + i·dilation, …] · dy[n, o, y, …]: a convolution over n, with dy as kernel and
  // stride and dilation in each other's place
  conv2d_grad_weight: (emit, { inputs, attributes: { stride, padding, dilation, groups, kernel } }) => {
    const [x, dy] = [inputs[0], inputs[1]];
    const images = batchAsChannels(emit, x, groups);
    const taps = emit.op('Transpose', [dy.name], { perm: [1, 0, 2, 3] }); // [O, N, oh, ow]
    const product = emit.op('Conv', [images, taps], {
      strides: dilation,
      pads: bothSides(padding),
      dilations: stride,
      group: groups,
    }); // [C/groups, O, ≥ kh, ≥ kw]: more where the last windows of a stride end before the image does
    const turned = emit.op('Transpose', [product], { perm: [1, 0, 2, 3] });
    const [from, to] = [emit.indices([0, 0]), emit.indices(kernel)];
    const result = emit.op('Slice', [turned, from, to, emit.indices([2, 3])]);
    const batch = x.type.shape[0]!;
    if (neverZero(batch)) return [result];
    // a convolution over no channels gives memory that it did not write
    return [emit.op('Where', [isNothing(emit, batch), emit.scalar(0), result])];
  },
  // MaxPool's second output says where each window's largest element is, counted over the whole of x; where a window has
  // NaN, dy goes to the last of them, as torch
  max_pool2d_grad: (emit, { inputs, attributes: { kernel, stride, padding } }) => {
    const [x, dy] = [inputs[0], inputs[1]];
    const window = { kernel_shape: kernel, strides: stride, pads: bothSides(padding), storage_order: 0 };
    const largest = emit.outputs('MaxPool', [x.name], 2, window)[1]!;
    const [last, place] = emit.outputs('MaxPool', [nanPlaces(emit, x)], 2, window) as [string, string];
    const places = emit.op('Where', [emit.op('Greater', [last, emit.scalar(0)]), place, largest]);
    const [all, chosen] = [productOf(x.type.shape), productOf(dy.type.shape)];
    const zeros = expand(emit, emit.scalar(0), [], [all]);
    const indices = reshape(emit, places, dy.type.shape, [chosen]);
    const updates = reshape(emit, dy.name, dy.type.shape, [chosen]);
    const flat = emit.op('ScatterElements', [zeros, indices, updates], { axis: 0, reduction: 'add' });
    return [reshape(emit, flat, [all], x.type.shape)];
  },
  stop_gradient: (emit, { inputs: [x] }) => [emit.op('Identity', [x.name])],
  upstream_gradient: (emit, { attributes: { shape } }) => [expand(emit, emit.scalar(0), [], shape)],
  with_gradient: (emit, { inputs: [y] }) => [emit.op('Identity', [y.name])],
  // a selection between x and x by a condition that is always true, which only running can tell: it is made of an
  // element of `after`
  barrier: (emit, { inputs }) => {
    const [x, after] = [inputs[0], inputs[1]];
    const always = emit.once(`after ${after.name}`, () => {
      const flat = reshape(emit, after.name, after.type.shape, [productOf(after.type.shape)]);
      const first = emit.op('Slice', [flat, emit.indices([0]), emit.indices([1]), emit.indices([0])]); // [1], or [0] when empty
      const odd = emit.op('IsNaN', [reduce(emit, 'ReduceSum', first, [0], false)]);
      return emit.op('Or', [odd, emit.op('Not', [odd])]);
    });
    return [emit.op('Where', [always, x.name, x.name])];
  },
};
