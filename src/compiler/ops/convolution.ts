/**
 * Windows over images [N, C, H, W]: conv2d and the pools. Kernels are static; N, H and W may be symbolic. A dim cannot say ⌊H/2⌋, so a
 * symbolic size is a multiple of the stride, give or take a number: `2*H`, `4*H + 1`.
 */
import {
  addDims,
  type Dim,
  floorDivideDim,
  isSymbolic,
  mulDims,
  printDim,
  productOf,
  subDims,
} from '../../shared/dim.ts';
import type { TensorType, WideTensor } from '../../shared/tensor.ts';
import type { Op, Operand, Unary } from './declare.ts';
import { perWindow } from './flops.ts';
import { gemmTransposed } from './gemm.ts';
import { axisRef, expectDType, expectLayout, expectSameDim, expectStatic, F32 } from './rules.ts';
import type { DimNeed, Family } from './spec.ts';
import { TypeRuleError } from './spec.ts';
import { wide } from './strided.ts';

export interface ConvolutionOps {
  /** (x [N, C, H, W], weight [O, C/groups, kh, kw], bias? [O]) */
  conv2d: Op<
    readonly [x: Operand, weight: Operand, ...bias: Operand[]],
    {
      readonly stride: readonly [number, number];
      readonly padding: readonly [number, number];
      readonly dilation: readonly [number, number];
      readonly groups: number;
    }
  >;
  avg_pool2d: Op<
    Unary,
    {
      readonly kernel: readonly [number, number];
      readonly stride: readonly [number, number];
      readonly padding: readonly [number, number];
      readonly count_include_pad: boolean;
    }
  >;
  max_pool2d: Op<
    Unary,
    {
      readonly kernel: readonly [number, number];
      readonly stride: readonly [number, number];
      readonly padding: readonly [number, number];
    }
  >;
}

export type Pair = readonly [number, number];
export type DimPair = readonly [Dim, Dim];
type Pool = 'avg_pool2d' | 'max_pool2d';

const IMAGE = '[N, C, H, W]';

/** Number of places of a window along one axis of `size`: ⌊(size + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1. */
export const places = (size: number, kernel: number, stride: number, padding: number, dilation: number): number =>
  Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;

/** The same of a size that may be symbolic; undefined where the division leaves a rest that depends on it. */
export function dimPlaces(
  size: Dim,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
): Dim | undefined {
  const moves = floorDivideDim(addDims(size, 2 * padding - dilation * (kernel - 1) - 1), stride);
  return moves === undefined ? undefined : addDims(moves, 1);
}

/** Elements along one axis that so many windows cover, without the padding: the smallest size that has them. */
export function covered(count: Dim, kernel: number, stride: number, padding: number, dilation: number): Dim {
  return addDims(mulDims(addDims(count, -1), stride), dilation * (kernel - 1) + 1 - 2 * padding);
}

/** What a transposed convolution adds to the size that its windows cover: numbers, since a stride divides what is symbolic. */
export function outputPadding(size: DimPair, out: DimPair, kernel: DimPair, window: Windowing): Pair {
  return ([0, 1] as const).map((i) => {
    const least = covered(out[i], Number(kernel[i]), window.stride[i], window.padding[i], window.dilation[i]);
    return Number(subDims(size[i], least));
  }) as unknown as Pair;
}

/** How windows lie on an image. */
export interface Windowing {
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
}

export function expectPairs(op: string, pairs: Readonly<Record<string, Pair>>): void {
  for (const [what, pair] of Object.entries(pairs)) {
    const least = what === 'padding' ? 0 : 1;
    if (pair.length === 2 && pair.every((value) => Number.isInteger(value) && value >= least)) continue;
    throw new TypeRuleError(`${op} takes two integers of at least ${least} as ${what} and got [${pair.join(', ')}]`);
  }
}

/** Height and width of the output. */
function windowed(
  op: string,
  inputs: readonly TensorType[],
  kernel: Pair,
  stride: Pair,
  padding: Pair,
  dilation: Pair,
): DimPair {
  const [height, width] = ([2, 3] as const).map((axis, i) => {
    const ref = axisRef(inputs, 0, axis, i === 0 ? 'height' : 'width');
    const size = printDim(ref.dim);
    const sides = [{ operand: 0, axis, label: `${ref.label} is ${size}` }];
    const count = dimPlaces(ref.dim, kernel[i]!, stride[i]!, padding[i]!, dilation[i]!);
    if (count === undefined)
      throw new TypeRuleError(
        `${op} moves by ${stride[i]} and ${ref.label} is ${size}, so that the size of its result would depend on a rest`,
        sides,
        `make ${ref.label} a multiple of the stride, give or take a number, such as ${stride[i]}*${i === 0 ? 'H' : 'W'}`,
      );
    if (isSymbolic(count) || count >= 1) return count;
    const span = dilation[i]! * (kernel[i]! - 1) + 1;
    throw new TypeRuleError(
      `${op}'s window covers ${span} elements and ${ref.label} is ${size} with padding ${padding[i]} on both sides`,
      sides,
    );
  });
  return [height!, width!];
}

/** One window at least, where H and W are symbolic. */
function needsWindow(op: string, { shape }: TensorType): readonly DimNeed[] {
  return shape.slice(2).map((count, i) => ({ dim: addDims(count, -1), what: `${op} along axis ${i + 2}` }));
}

function inferConv(inputs: readonly TensorType[], attributes: ConvolutionOps['conv2d']['attributes']): TensorType {
  const { stride, padding, dilation, groups } = attributes;
  expectPairs('conv2d', { stride, padding, dilation });
  for (const [operand, name] of ['x', 'weight', 'bias'].slice(0, inputs.length).entries()) {
    expectDType('conv2d', inputs, operand, name, F32);
  }
  expectLayout('conv2d', inputs, 0, 'x', 4, IMAGE);
  expectLayout('conv2d', inputs, 1, 'weight', 4, '[O, C/groups, kh, kw]');
  const channels = expectStatic('conv2d', axisRef(inputs, 0, 1, 'channels'));
  const [outChannels, perGroup, kernelHeight, kernelWidth] = [0, 1, 2, 3].map((axis) =>
    expectStatic('conv2d', axisRef(inputs, 1, axis, `axis ${axis} of weight`)),
  ) as [number, number, number, number];
  if (!Number.isInteger(groups) || groups < 1)
    throw new TypeRuleError(`conv2d takes groups of at least 1 and got ${groups}`);
  if (perGroup * groups !== channels) {
    throw new TypeRuleError(
      `conv2d's weight takes ${perGroup} channels${groups === 1 ? '' : ` in each of ${groups} groups`} and x has ${channels}`,
      [
        { operand: 1, axis: 1, label: `channels per group is ${perGroup}` },
        { operand: 0, axis: 1, label: `channels is ${channels}` },
      ],
    );
  }
  if (outChannels % groups !== 0) {
    throw new TypeRuleError(`conv2d's ${outChannels} output channels do not divide into ${groups} groups`, [
      { operand: 1, axis: 0, label: `output channels is ${outChannels}` },
    ]);
  }
  if (inputs.length > 2) {
    expectLayout('conv2d', inputs, 2, 'bias', 1, '[O]');
    expectSameDim(
      axisRef(inputs, 1, 0, 'output channels'),
      axisRef(inputs, 2, 0, 'length'),
      (out, length) => `conv2d's weight gives ${out} output channels and bias has ${length}`,
    );
  }
  const kernel: Pair = [kernelHeight, kernelWidth];
  expectPairs('conv2d', { kernel });
  return {
    dtype: 'f32',
    shape: [inputs[0]!.shape[0]!, outChannels, ...windowed('conv2d', inputs, kernel, stride, padding, dilation)],
  };
}

/** As a product: weight [O/groups, C/groups·kh·kw] · patches [places, C/groups·kh·kw]ᵀ, per image and group. */
function evaluateConv(
  x: WideTensor,
  weight: WideTensor,
  bias: WideTensor | undefined,
  attributes: ConvolutionOps['conv2d']['attributes'],
): WideTensor {
  const { stride, padding, dilation, groups } = attributes;
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const [outChannels, perGroup, kh, kw] = weight.shape as [number, number, number, number];
  const outHeight = places(height, kh, stride[0], padding[0], dilation[0]);
  const outWidth = places(width, kw, stride[1], padding[1], dilation[1]);
  const area = outHeight * outWidth;
  const k = perGroup * kh * kw;
  const outPerGroup = outChannels / groups;
  const patches = new Float64Array(area * k);
  const out = new Float64Array(batch * outChannels * area);
  for (let image = 0; image < batch; image++) {
    for (let group = 0; group < groups; group++) {
      let at = 0;
      for (let oy = 0; oy < outHeight; oy++) {
        for (let ox = 0; ox < outWidth; ox++) {
          for (let c = 0; c < perGroup; c++) {
            const plane = (image * channels + group * perGroup + c) * height;
            for (let i = 0; i < kh; i++) {
              const y = oy * stride[0] - padding[0] + i * dilation[0];
              for (let j = 0; j < kw; j++, at++) {
                const left = ox * stride[1] - padding[1] + j * dilation[1];
                const inside = y >= 0 && y < height && left >= 0 && left < width;
                patches[at] = inside ? x.data[(plane + y) * width + left]! : 0;
              }
            }
          }
        }
      }
      const firstChannel = group * outPerGroup;
      gemmTransposed(
        { data: weight.data, offset: firstChannel * k },
        { data: patches, offset: 0 },
        { data: out, offset: (image * outChannels + firstChannel) * area },
        outPerGroup,
        area,
        k,
      );
    }
  }
  if (bias) for (let i = 0; i < out.length; i++) out[i]! += bias.data[Math.floor(i / area) % outChannels]!;
  return wide('f32', [batch, outChannels, outHeight, outWidth], out);
}

export function inferPool<N extends Pool>(
  op: N,
  inputs: readonly TensorType[],
  { kernel, stride, padding }: ConvolutionOps[N]['attributes'],
): TensorType {
  expectPairs(op, { kernel, stride, padding });
  expectDType(op, inputs, 0, 'x', F32);
  const { shape } = expectLayout(op, inputs, 0, 'x', 4, IMAGE);
  for (const i of [0, 1] as const) {
    // a larger padding would make windows that see no element at all
    if (2 * padding[i] > kernel[i]) {
      throw new TypeRuleError(
        `${op}'s padding is at most half its kernel, and padding is ${padding[i]} and kernel is ${kernel[i]}`,
      );
    }
  }
  const outer: Dim[] = [shape[0]!, shape[1]!];
  return { dtype: 'f32', shape: [...outer, ...windowed(op, inputs, kernel, stride, padding, [1, 1])] };
}

/** Calls `reduce` with the elements of each window that lie inside the image. */
function pool<N extends Pool>(
  x: WideTensor,
  { kernel, stride, padding }: ConvolutionOps[N]['attributes'],
  reduce: (elements: readonly number[]) => number,
): WideTensor {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const outHeight = places(height, kernel[0], stride[0], padding[0], 1);
  const outWidth = places(width, kernel[1], stride[1], padding[1], 1);
  const out = new Float64Array(batch * channels * outHeight * outWidth);
  let to = 0;
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const [top, left] = [oy * stride[0] - padding[0], ox * stride[1] - padding[1]];
        const elements: number[] = [];
        for (let y = Math.max(top, 0); y < Math.min(top + kernel[0], height); y++) {
          for (let at = Math.max(left, 0); at < Math.min(left + kernel[1], width); at++) {
            elements.push(x.data[(plane * height + y) * width + at]!);
          }
        }
        out[to++] = reduce(elements);
      }
    }
  }
  return wide('f32', [batch, channels, outHeight, outWidth], out);
}

const total = (elements: readonly number[]): number => elements.reduce((sum, element) => sum + element, 0);

export const CONVOLUTION: Family<ConvolutionOps> = {
  conv2d: {
    name: 'conv2d',
    doc: 'Cross-correlation of x [N, C, H, W] with weight [O, C/groups, kh, kw], zero padding, plus bias [O]; as torch.',
    operands: [{ name: 'x' }, { name: 'weight' }, { name: 'bias', optional: true }],
    traits: {},
    flops: ([, weight], { shape }) => mulDims(productOf(shape), perWindow(weight.shape)),
    infer: (inputs, attributes) => [inferConv(inputs, attributes)],
    requires: (inputs, attributes) => needsWindow('conv2d', inferConv(inputs, attributes)),
    evaluate: ([x, weight, bias], attributes) => [evaluateConv(x, weight, bias, attributes)],
  },
  avg_pool2d: {
    name: 'avg_pool2d',
    doc: 'Mean of each window of x [N, C, H, W]; count_include_pad: the zeros of the padding count in the divisor.',
    operands: [{ name: 'x' }],
    traits: {},
    flops: (_, { shape }, { kernel }) => mulDims(productOf(shape), kernel[0] * kernel[1]),
    infer: (inputs, attributes) => [inferPool('avg_pool2d', inputs, attributes)],
    requires: (inputs, attributes) => needsWindow('avg_pool2d', inferPool('avg_pool2d', inputs, attributes)),
    evaluate([x], attributes) {
      const area = attributes.kernel[0] * attributes.kernel[1];
      return [pool(x, attributes, (seen) => total(seen) / (attributes.count_include_pad ? area : seen.length))];
    },
  },
  max_pool2d: {
    name: 'max_pool2d',
    doc: 'Largest element of each window of x [N, C, H, W]; NaN wins, the padding never.',
    operands: [{ name: 'x' }],
    traits: {},
    flops: (_, { shape }, { kernel }) => mulDims(productOf(shape), kernel[0] * kernel[1]),
    infer: (inputs, attributes) => [inferPool('max_pool2d', inputs, attributes)],
    requires: (inputs, attributes) => needsWindow('max_pool2d', inferPool('max_pool2d', inputs, attributes)),
    evaluate: ([x], attributes) => [pool(x, attributes, (seen) => Math.max(...seen))],
  },
};
