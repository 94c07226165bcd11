/**
 * The adjoints of conv2d (in x and in weight) and of max_pool2d: what autodiff cannot compose from other ops
 * at a reasonable cost. Layouts and attributes are those of the forward op.
 */
import { type Dim, equalDims, isSymbolic, mulDims, printDim, productOf } from '../../shared/dim.ts';
import type { TensorType, WideTensor } from '../../shared/tensor.ts';
import { sizeOf } from '../../shared/tensor.ts';
import { type DimPair, dimPlaces, expectPairs, inferPool, type Pair, type Windowing } from './convolution.ts';
import type { Op, Operand } from './declare.ts';
import { perWindow } from './flops.ts';
import { gemmTransposed, transposed } from './gemm.ts';
import { axisRef, expectDType, expectLayout, expectSameDim, expectStatic, F32 } from './rules.ts';
import type { Family } from './spec.ts';
import { TypeRuleError } from './spec.ts';
import { wide } from './strided.ts';

export interface ConvolutionGradientOps {
  /** (dy [N, O, oh, ow], weight [O, C/groups, kh, kw]) → [N, C, ...size]: the adjoint of conv2d in x */
  conv2d_grad_input: Op<
    readonly [dy: Operand, weight: Operand],
    {
      readonly stride: readonly [number, number];
      readonly padding: readonly [number, number];
      readonly dilation: readonly [number, number];
      readonly groups: number;
      readonly size: readonly [Dim, Dim];
    }
  >;
  /** (x [N, C, H, W], dy [N, O, oh, ow]) → [O, C/groups, ...kernel]: the adjoint of conv2d in weight */
  conv2d_grad_weight: Op<
    readonly [x: Operand, dy: Operand],
    {
      readonly stride: readonly [number, number];
      readonly padding: readonly [number, number];
      readonly dilation: readonly [number, number];
      readonly groups: number;
      readonly kernel: readonly [number, number];
    }
  >;
  /** (x [N, C, H, W], dy [N, C, oh, ow]) → [N, C, H, W]: each dy goes to the first largest element of its window, or to its last NaN */
  max_pool2d_grad: Op<
    readonly [x: Operand, dy: Operand],
    {
      readonly kernel: readonly [number, number];
      readonly stride: readonly [number, number];
      readonly padding: readonly [number, number];
    }
  >;
}

/** Sizes of a convolution: x [batch, channels, height, width], dy [batch, outChannels, outHeight, outWidth]. */
interface Geometry {
  readonly size: Pair;
  readonly out: Pair;
  readonly kernel: Pair;
  readonly channelsPerGroup: number;
  readonly outPerGroup: number;
}

function expectImages(op: string, inputs: readonly TensorType[], names: readonly [string, string]): void {
  for (const [operand, name] of names.entries()) {
    expectDType(op, inputs, operand, name, F32);
    expectLayout(op, inputs, operand, name, 4, name === 'weight' ? '[O, C/groups, kh, kw]' : '[N, C, H, W]');
  }
}

const staticAxis = (op: string, inputs: readonly TensorType[], operand: number, name: string, axis: number): number =>
  expectStatic(op, axisRef(inputs, operand, axis, `axis ${axis} of ${name}`));

/** Height and width. */
const sizeOfImage = ({ shape }: TensorType): DimPair => [shape[2]!, shape[3]!];

/** dy must have the size that the forward op gives. */
function expectOutput(op: string, size: DimPair, kernel: Pair, found: DimPair, window: Windowing): void {
  const { stride, padding, dilation } = window;
  for (const i of [0, 1] as const) {
    const expected = dimPlaces(size[i], kernel[i], stride[i], padding[i], dilation[i]);
    if (expected !== undefined && equalDims(expected, found[i])) continue;
    const forward = expected === undefined ? `none for ${printDim(size[i])}` : printDim(expected);
    throw new TypeRuleError(
      `${op} takes dy of the forward op's size, and axis ${i + 2} of dy is ${printDim(found[i])} and the forward op gives ${forward}`,
      [{ operand: op === 'conv2d_grad_input' ? 0 : 1, axis: i + 2, label: `is ${printDim(found[i])}` }],
    );
  }
}

function expectGroups(op: string, groups: number, channels: number): void {
  if (Number.isInteger(groups) && groups >= 1 && channels % groups === 0) return;
  throw new TypeRuleError(`${op}'s ${channels} channels do not divide into ${groups} groups`);
}

/** Where element (place, tap) of the patches lies in the image [channelsPerGroup, height, width]; −1: in the padding. */
function patchOffsets(
  { size, out, kernel, channelsPerGroup }: Geometry,
  { stride, padding, dilation }: Windowing,
): Int32Array {
  const offsets = new Int32Array(sizeOf(out) * channelsPerGroup * sizeOf(kernel));
  let at = 0;
  for (let oy = 0; oy < out[0]; oy++) {
    for (let ox = 0; ox < out[1]; ox++) {
      for (let c = 0; c < channelsPerGroup; c++) {
        for (let i = 0; i < kernel[0]; i++) {
          const y = oy * stride[0] - padding[0] + i * dilation[0];
          for (let j = 0; j < kernel[1]; j++) {
            const x = ox * stride[1] - padding[1] + j * dilation[1];
            const inside = y >= 0 && y < size[0] && x >= 0 && x < size[1];
            offsets[at++] = inside ? (c * size[0] + y) * size[1] + x : -1;
          }
        }
      }
    }
  }
  return offsets;
}

/** Calls `visit` with the start of each image's group in x and in dy, and the group. */
function eachGroup(
  { size, out, channelsPerGroup, outPerGroup }: Geometry,
  batch: number,
  groups: number,
  visit: (inX: number, inDy: number, group: number) => void,
): void {
  for (let n = 0; n < batch; n++) {
    for (let group = 0; group < groups; group++) {
      const index = n * groups + group;
      visit(index * channelsPerGroup * sizeOf(size), index * outPerGroup * sizeOf(out), group);
    }
  }
}

/** Patches get dyᵀ · weight, [places, k]; what lands on one element of x adds up. */
function evaluateGradInput(
  dy: WideTensor,
  weight: WideTensor,
  attributes: ConvolutionGradientOps['conv2d_grad_input']['attributes'],
): WideTensor {
  const { groups } = attributes;
  const size = attributes.size as Pair;
  const [batch, outChannels, oh, ow] = dy.shape as [number, number, number, number];
  const [, channelsPerGroup, kh, kw] = weight.shape as [number, number, number, number];
  const outPerGroup = outChannels / groups;
  const geometry: Geometry = { size, out: [oh, ow], kernel: [kh, kw], channelsPerGroup, outPerGroup };
  const offsets = patchOffsets(geometry, attributes);
  const [area, k] = [oh * ow, channelsPerGroup * kh * kw];
  const patches = new Float64Array(area * k);
  const out = new Float64Array(batch * groups * channelsPerGroup * sizeOf(size));
  eachGroup(geometry, batch, groups, (inX, inDy, group) => {
    const columns = transposed({ data: dy.data, offset: inDy }, outPerGroup, area);
    const taps = transposed({ data: weight.data, offset: group * outPerGroup * k }, outPerGroup, k);
    gemmTransposed(columns, taps, { data: patches, offset: 0 }, area, k, outPerGroup);
    for (const [at, offset] of offsets.entries()) if (offset >= 0) out[inX + offset]! += patches[at]!;
  });
  return wide('f32', [batch, groups * channelsPerGroup, ...size], out);
}

/** Σ over images of dy [O/groups, places] · patches [places, k] */
function evaluateGradWeight(
  x: WideTensor,
  dy: WideTensor,
  attributes: ConvolutionGradientOps['conv2d_grad_weight']['attributes'],
): WideTensor {
  const { groups, kernel } = attributes;
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const [, outChannels, oh, ow] = dy.shape as [number, number, number, number];
  const [channelsPerGroup, outPerGroup] = [channels / groups, outChannels / groups];
  const geometry: Geometry = { size: [height, width], out: [oh, ow], kernel, channelsPerGroup, outPerGroup };
  const offsets = patchOffsets(geometry, attributes);
  const [area, k] = [oh * ow, channelsPerGroup * sizeOf(kernel)];
  const product = new Float64Array(outPerGroup * k);
  const out = new Float64Array(outChannels * k);
  eachGroup(geometry, batch, groups, (inX, inDy, group) => {
    const patches = Float64Array.from(offsets, (offset) => (offset < 0 ? 0 : x.data[inX + offset]!));
    const taps = transposed({ data: patches, offset: 0 }, area, k);
    gemmTransposed({ data: dy.data, offset: inDy }, taps, { data: product, offset: 0 }, outPerGroup, k, area);
    for (const [at, value] of product.entries()) out[group * outPerGroup * k + at]! += value;
  });
  return wide('f32', [outChannels, channelsPerGroup, ...kernel], out);
}

function evaluateMaxPoolGrad(
  x: WideTensor,
  dy: WideTensor,
  { kernel, stride, padding }: ConvolutionGradientOps['max_pool2d_grad']['attributes'],
): WideTensor {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const [, , oh, ow] = dy.shape as [number, number, number, number];
  const out = new Float64Array(x.data.length);
  let from = 0;
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let oy = 0; oy < oh; oy++) {
      for (let ox = 0; ox < ow; ox++) {
        const [top, left] = [oy * stride[0] - padding[0], ox * stride[1] - padding[1]];
        let best = -1;
        for (let y = Math.max(top, 0); y < Math.min(top + kernel[0], height); y++) {
          for (let column = Math.max(left, 0); column < Math.min(left + kernel[1], width); column++) {
            const at = (plane * height + y) * width + column;
            if (best < 0 || x.data[at]! > x.data[best]! || Number.isNaN(x.data[at]!)) best = at;
          }
        }
        out[best]! += dy.data[from++]!;
      }
    }
  }
  return wide('f32', x.shape, out);
}

export const CONVOLUTION_GRADIENTS: Family<ConvolutionGradientOps> = {
  conv2d_grad_input: {
    name: 'conv2d_grad_input',
    doc: 'The adjoint of conv2d in x: dy [N, O, oh, ow] and weight to [N, C, …size]; a transposed convolution.',
    operands: [{ name: 'dy' }, { name: 'weight' }],
    traits: {},
    // each dy meets the window of its channel
    flops: ([dy, weight]) => mulDims(productOf(dy.shape), perWindow(weight.shape)),
    infer(inputs, attributes) {
      const op = 'conv2d_grad_input';
      const { stride, padding, dilation, groups, size } = attributes;
      expectPairs(op, { stride, padding, dilation });
      if (!size.some(isSymbolic)) expectPairs(op, { size: size as Pair });
      expectImages(op, inputs, ['dy', 'weight']);
      const outChannels = staticAxis(op, inputs, 0, 'dy', 1);
      const [perGroup, kh, kw] = [1, 2, 3].map((axis) => staticAxis(op, inputs, 1, 'weight', axis)) as [
        number,
        number,
        number,
      ];
      expectSameDim(
        axisRef(inputs, 0, 1, 'channels of dy'),
        axisRef(inputs, 1, 0, 'output channels'),
        (a, b) => `${op}'s dy has ${a} channels and weight gives ${b}`,
      );
      expectGroups(op, groups, outChannels);
      expectOutput(op, size, [kh, kw], sizeOfImage(inputs[0]), attributes);
      return [{ dtype: 'f32', shape: [inputs[0].shape[0]!, perGroup * groups, ...size] }];
    },
    evaluate: ([dy, weight], attributes) => [evaluateGradInput(dy, weight, attributes)],
  },
  conv2d_grad_weight: {
    name: 'conv2d_grad_weight',
    doc: 'The adjoint of conv2d in weight: x [N, C, H, W] and dy [N, O, oh, ow] to [O, C/groups, …kernel].',
    operands: [{ name: 'x' }, { name: 'dy' }],
    traits: {},
    // an element of the weight meets every place of dy [N, O, oh, ow]: the same products as forward
    flops: ([, { shape: dy }], { shape }) => mulDims(productOf(shape), mulDims(2, productOf([dy[0]!, dy[2]!, dy[3]!]))),
    infer(inputs, attributes) {
      const op = 'conv2d_grad_weight';
      const { stride, padding, dilation, groups, kernel } = attributes;
      expectPairs(op, { stride, padding, dilation, kernel });
      expectImages(op, inputs, ['x', 'dy']);
      const channels = staticAxis(op, inputs, 0, 'x', 1);
      const outChannels = staticAxis(op, inputs, 1, 'dy', 1);
      expectSameDim(
        axisRef(inputs, 0, 0, 'batch size'),
        axisRef(inputs, 1, 0, 'batch size'),
        (a, b) => `${op}'s batch size is ${a} in x and ${b} in dy`,
      );
      expectGroups(op, groups, channels);
      expectGroups(op, groups, outChannels);
      expectOutput(op, sizeOfImage(inputs[0]), kernel, sizeOfImage(inputs[1]), attributes);
      return [{ dtype: 'f32', shape: [outChannels, channels / groups, ...kernel] }];
    },
    evaluate: ([x, dy], attributes) => [evaluateGradWeight(x, dy, attributes)],
  },
  max_pool2d_grad: {
    name: 'max_pool2d_grad',
    doc: 'The adjoint of max_pool2d: each element of dy goes to the first largest element of its window of x, or to its last NaN, as torch.',
    operands: [{ name: 'x' }, { name: 'dy' }],
    traits: {},
    infer(inputs, attributes) {
      const op = 'max_pool2d_grad';
      expectImages(op, inputs, ['x', 'dy']);
      const pooled = inferPool('max_pool2d', inputs, attributes).shape;
      for (let axis = 0; axis < 4; axis++) {
        expectSameDim(
          { operand: 0, axis, dim: pooled[axis]!, label: `axis ${axis} of the pooled x` },
          axisRef(inputs, 1, axis, `axis ${axis} of dy`),
          (a, b) => `${op} takes dy of the pooled size, and axis ${axis} is ${a} in the pooled x and ${b} in dy`,
        );
      }
      return [inputs[0]];
    },
    evaluate: ([x, dy], attributes) => [evaluateMaxPoolGrad(x, dy, attributes)],
  },
};
