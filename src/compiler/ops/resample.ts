/**
 * interpolate: resizing of images as torch's F.interpolate with align_corners = false and no antialiasing.
 *
 * Resizing is separable: each output row is a weighted sum of input rows, and likewise for columns. A
 * `Tap` says with which weight an input position counts.
 */
import type { WideTensor } from '../../shared/tensor.ts';
import type { Op, Unary } from './declare.ts';
import { axisRef, expectDType, expectLayout, expectStatic, F32 } from './rules.ts';
import type { Family } from './spec.ts';
import { TypeRuleError } from './spec.ts';
import { wide } from './strided.ts';

export interface ResampleOps {
  /** (x [N, C, H, W]) → [N, C, ...size]; half-pixel centres (align_corners false), no antialiasing, as torch; bicubic a = -0.75 */
  interpolate: Op<
    Unary,
    { readonly mode: 'nearest' | 'bilinear' | 'bicubic'; readonly size: readonly [number, number] }
  >;
}

/** What an input position counts for: where its weight is 0 nothing, not 0 times what it holds. */
export interface Tap {
  readonly at: number;
  readonly weight: number;
}

export type Mode = ResampleOps['interpolate']['attributes']['mode'];

/** Cubic convolution kernel (Keys, 1981) with a = −0.75, as torch. */
function cubic(distance: number): number {
  const a = -0.75;
  const t = Math.abs(distance);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
  return 0;
}

/** The taps of output position `i` when an axis of `from` becomes one of `to`, as many for each. Positions are pixel centres. */
export const TAPS: { readonly [M in Mode]: (i: number, from: number, to: number) => readonly Tap[] } = {
  nearest: (i, from, to) => [{ at: Math.min(Math.floor((i * from) / to), from - 1), weight: 1 }],
  bilinear(i, from, to) {
    const position = Math.max(((i + 0.5) * from) / to - 0.5, 0);
    const low = Math.min(Math.floor(position), from - 1);
    const fraction = position - low;
    return [
      { at: low, weight: 1 - fraction },
      { at: Math.min(low + 1, from - 1), weight: fraction },
    ];
  },
  bicubic(i, from, to) {
    const position = ((i + 0.5) * from) / to - 0.5;
    const low = Math.floor(position);
    return [-1, 0, 1, 2].map((step) => ({
      at: Math.min(Math.max(low + step, 0), from - 1),
      weight: cubic(position - (low + step)),
    }));
  },
};

/** The resizing of one axis as a matrix [to, from]: row i holds the weights of output position i. */
export function resamplingMatrix(mode: Mode, from: number, to: number): WideTensor {
  const data = new Float64Array(to * from);
  // the border is clamped, so two taps may read one position
  for (let i = 0; i < to; i++) for (const { at, weight } of TAPS[mode](i, from, to)) data[i * from + at]! += weight;
  return wide('f32', [to, from], data);
}

export const RESAMPLE: Family<ResampleOps> = {
  interpolate: {
    name: 'interpolate',
    doc: 'Resizes x [N, C, H, W] to [N, C, …size]: half-pixel centres (align_corners false), no antialiasing, bicubic with a = −0.75. A pixel of weight 0 does not count; ONNX Runtime and torch may make 0 · ∞ of one that is NaN or ∞.',
    operands: [{ name: 'x' }],
    traits: {},
    infer(inputs, { size }) {
      expectDType('interpolate', inputs, 0, 'x', F32);
      const { shape } = expectLayout('interpolate', inputs, 0, 'x', 4, '[N, C, H, W]');
      for (const [axis, label] of [[2, 'height'] as const, [3, 'width'] as const]) {
        if (expectStatic('interpolate', axisRef(inputs, 0, axis, label)) < 1) {
          throw new TypeRuleError(`interpolate needs an image and the ${label} of x is 0`, [
            { operand: 0, axis, label: `${label} is 0` },
          ]);
        }
      }
      if (!size.every((value) => Number.isInteger(value) && value >= 1)) {
        throw new TypeRuleError(`interpolate takes a size of two integers of at least 1 and got [${size.join(', ')}]`);
      }
      return [{ dtype: 'f32', shape: [shape[0]!, shape[1]!, ...size] }];
    },
    evaluate([x], { mode, size }) {
      const [batch, channels, height, width] = x.shape as [number, number, number, number];
      const taps = (from: number, to: number): readonly (readonly Tap[])[] =>
        Array.from({ length: to }, (_, i) => TAPS[mode](i, from, to).filter(({ weight }) => weight !== 0));
      const [rows, columns] = [taps(height, size[0]), taps(width, size[1])];
      const out = new Float64Array(batch * channels * size[0] * size[1]);
      let to = 0;
      for (let plane = 0; plane < batch * channels; plane++) {
        for (const row of rows) {
          for (const column of columns) {
            let sum = 0;
            for (const y of row) {
              for (const c of column) sum += y.weight * c.weight * x.data[(plane * height + y.at) * width + c.at]!;
            }
            out[to++] = sum;
          }
        }
      }
      return [wide('f32', [batch, channels, ...size], out)];
    },
  },
};
