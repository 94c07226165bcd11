/**
 * Gradients over images [N, C, H, W]. Averages and resizing are products with a constant matrix per axis, so dx is dy times their
 * transposes; averages over symbolic sizes are convolutions with ones.
 */
import { equalShapes, isSymbolic, productOf } from '../../../../shared/dim.ts';
import type { WideTensor } from '../../../../shared/tensor.ts';
import type { ValueId } from '../../../ir/graph.ts';
import type { OpAttributes } from '../../../ops/attributes.ts';
import type { DimPair } from '../../../ops/convolution.ts';
import { resamplingMatrix } from '../../../ops/resample.ts';
import type { Emit } from '../emit.ts';
import type { Gradients } from '../rule.ts';
import { notDifferentiable } from '../rule.ts';

type Spatial = 'conv2d' | 'conv2d_grad_input' | 'conv2d_grad_weight';
type Pool = 'avg_pool2d' | 'max_pool2d' | 'max_pool2d_grad';
type Pair = readonly [number, number];

/** Height and width. */
function imageSize(emit: Emit, x: ValueId): DimPair {
  const shape = emit.shapeOf(x);
  return [shape[2]!, shape[3]!];
}

/** The same where they are static: of weights, and of what is resized. */
const staticSize = (emit: Emit, x: ValueId): Pair => imageSize(emit, x).map(Number) as unknown as Pair;

/** Rᵀ · dy · C for y = R · x · Cᵀ, with R [H′, H] and C [W′, W] constant. */
function separable(emit: Emit, dy: ValueId, rows: WideTensor, columns: WideTensor): ValueId {
  return emit.matmul(emit.matmul(emit.constant(rows), dy, { a: true }), emit.constant(columns));
}

/** 1 where window i of an axis covers the element, as [places, size]. */
function windows(places: number, size: number, kernel: number, stride: number, padding: number): WideTensor {
  const data = new Float64Array(places * size);
  for (let i = 0; i < places; i++) {
    const start = i * stride - padding;
    for (let at = Math.max(start, 0); at < Math.min(start + kernel, size); at++) data[i * size + at] = 1;
  }
  return { dtype: 'f32', shape: [places, size], data };
}

/** 1 / the number of elements of each window inside the image, [places of rows, places of columns]. */
function reciprocalCounts(rows: WideTensor, columns: WideTensor): WideTensor {
  const counts = [rows, columns].map(({ shape, data }) =>
    Array.from({ length: shape[0]! }, (_, i) =>
      data.subarray(i * shape[1]!, (i + 1) * shape[1]!).reduce((sum, covered) => sum + covered, 0),
    ),
  );
  const data = Float64Array.from(counts[0]!.flatMap((height) => counts[1]!.map((width) => 1 / (height * width))));
  return { dtype: 'f32', shape: [rows.shape[0]!, columns.shape[0]!], data };
}

/** dy / n to each of the n elements of a window, by a transposed convolution with ones. */
function spread(emit: Emit, x: ValueId, dy: ValueId, attributes: OpAttributes['avg_pool2d']): ValueId {
  const { kernel, stride, padding, count_include_pad } = attributes;
  const window = { stride, padding, dilation: [1, 1], groups: 1 } as const;
  const area = kernel[0] * kernel[1];
  const ones = emit.constant({ dtype: 'f32', shape: [1, 1, ...kernel], data: new Float64Array(area).fill(1) });
  const [size, places] = [imageSize(emit, x), imageSize(emit, dy)];
  const counts = (): ValueId => emit.node('conv2d', [emit.expand(emit.scalar(1), [1, 1, ...size]), ones], window);
  const share = count_include_pad ? emit.scale(dy, 1 / area) : emit.div(dy, counts());
  const images = productOf(emit.shapeOf(x).slice(0, 2)); // [N, C] → [N·C, 1]: one channel, whatever C is
  const alone = emit.reshape(share, [images, 1, ...places]);
  return emit.reshape(emit.node('conv2d_grad_input', [alone, ones], { ...window, size }), emit.shapeOf(x));
}

export const SPATIAL: Gradients<Spatial | Pool | 'interpolate'> = {
  // dx: dy through the transposed convolution; dW: patches of x against dy; db = Σ dy over images and places
  conv2d: ({ emit, inputs: [x, weight], attributes, upstream }) => [
    () => emit.node('conv2d_grad_input', [upstream(), weight], { ...attributes, size: imageSize(emit, x) }),
    () => emit.node('conv2d_grad_weight', [x, upstream()], { ...attributes, kernel: staticSize(emit, weight) }),
    () => emit.sum(upstream(), [0, 2, 3], false),
  ],
  // linear in dy and in weight: their gradients are the convolution and its gradient in the weight
  conv2d_grad_input: ({ emit, inputs: [dy, weight], attributes: { size: _, ...window }, upstream }) => [
    () => emit.node('conv2d', [upstream(), weight], window),
    () => emit.node('conv2d_grad_weight', [upstream(), dy], { ...window, kernel: staticSize(emit, weight) }),
  ],
  // linear in x and in dy: the transposed convolution by the upstream gradient, and the convolution by it
  conv2d_grad_weight: ({ emit, inputs: [x, dy], attributes: { kernel: _, ...window }, upstream }) => [
    () => emit.node('conv2d_grad_input', [dy, upstream()], { ...window, size: imageSize(emit, x) }),
    () => emit.node('conv2d', [x, upstream()], window),
  ],
  // dy / n to each of the n elements of a window; with count_include_pad n is the kernel's area
  avg_pool2d: ({ emit, inputs: [x], attributes, upstream }) => [
    () => {
      const { kernel, stride, padding, count_include_pad } = attributes;
      if (imageSize(emit, x).some(isSymbolic)) return spread(emit, x, upstream(), attributes);
      const [size, places] = [staticSize(emit, x), staticSize(emit, upstream())];
      const [rows, columns] = ([0, 1] as const).map((i) =>
        windows(places[i], size[i], kernel[i], stride[i], padding[i]),
      ) as [WideTensor, WideTensor];
      const share = count_include_pad
        ? emit.scale(upstream(), 1 / (kernel[0] * kernel[1]))
        : emit.mul(upstream(), emit.constant(reciprocalCounts(rows, columns)));
      return separable(emit, share, rows, columns);
    },
  ],
  // dy to the first largest element of each window, as torch
  max_pool2d: ({ emit, inputs: [x], attributes, upstream }) => [
    () => emit.node('max_pool2d_grad', [x, upstream()], attributes),
  ],
  max_pool2d_grad: notDifferentiable('it is a gradient itself, and second derivatives of max_pool2d are not supported'),
  // Rᵀ · dy · C, R and C the matrices of the resizing
  interpolate: ({ emit, inputs: [x], outputs: [y], attributes: { mode, size }, upstream }) => [
    () => {
      if (equalShapes(emit.shapeOf(x), emit.shapeOf(y))) return upstream(); // the same size: the identity
      const [height, width] = staticSize(emit, x);
      const [rows, columns] = [resamplingMatrix(mode, height, size[0]), resamplingMatrix(mode, width, size[1])];
      return separable(emit, upstream(), rows, columns);
    },
  ],
};
