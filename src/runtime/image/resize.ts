/**
 * Pillow's bicubic resize, byte for byte (Pillow, src/libImaging/Resample.c).
 *
 * When an image is made smaller the filter is stretched by the factor, so that every source pixel counts
 * (antialiasing). Two passes, in fixed point with 22 bits after the point, rounded and clipped to 0 … 255 in between:
 * the rounding and the order of the passes are part of the result. Up to version 12 Pillow always resized the width
 * first; since 13 it begins with the height when that loses more than twice as many pixels. Results differ by one or
 * two units of 255 then.
 */
import type { RgbImage } from './rgb.ts';

const PRECISION_BITS = 32 - 8 - 2;
/** What rounds to the nearest when the bits after the point are cut off. */
const HALF = 1 << (PRECISION_BITS - 1);
/** Half the width of the filter, in source pixels at scale 1. */
const SUPPORT = 2;

/** Keys' cubic with a = −0.5. */
function bicubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/** The source pixels of one target pixel and their weights, as 22-bit fixed point. */
interface Window {
  readonly first: number;
  readonly weights: Int32Array;
}

function windows(inSize: number, outSize: number): Window[] {
  const scale = inSize / outSize;
  const stretch = Math.max(scale, 1);
  const support = SUPPORT * stretch;
  return Array.from({ length: outSize }, (_, out) => {
    const centre = (out + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(inSize, Math.trunc(centre + support + 0.5));
    const weights = Array.from({ length: end - first }, (_, i) => bicubic((i + first - centre + 0.5) * (1 / stretch)));
    let sum = 0;
    for (const weight of weights) sum += weight;
    const fixed = weights.map((weight) => {
      const scaled = (sum !== 0 ? weight / sum : weight) * (1 << PRECISION_BITS);
      return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    });
    return { first, weights: Int32Array.from(fixed) };
  });
}

/** Sums are below 2^31: weights add up to 2^22, with negative lobes at most 1.3 · 2^22, times 255. */
function clip(sum: number): number {
  return Math.min(255, Math.max(0, sum >> PRECISION_BITS));
}

function resizeColumns({ width, height, data }: RgbImage, outWidth: number): RgbImage {
  const result = new Uint8Array(3 * outWidth * height);
  const all = windows(width, outWidth);
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (const { first, weights } of all) {
      let [red, green, blue] = [HALF, HALF, HALF];
      for (let i = 0, from = 3 * (y * width + first); i < weights.length; i++, from += 3) {
        const weight = weights[i]!;
        red += data[from]! * weight;
        green += data[from + 1]! * weight;
        blue += data[from + 2]! * weight;
      }
      result[to++] = clip(red);
      result[to++] = clip(green);
      result[to++] = clip(blue);
    }
  }
  return { width: outWidth, height, data: result };
}

/** A source row at a time, so that memory is read in its order. */
function resizeRows({ width, height, data }: RgbImage, outHeight: number): RgbImage {
  const stride = 3 * width;
  const result = new Uint8Array(stride * outHeight);
  const sums = new Int32Array(stride);
  for (const [y, { first, weights }] of windows(height, outHeight).entries()) {
    sums.fill(HALF);
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i]!;
      const from = (first + i) * stride;
      for (let x = 0; x < stride; x++) sums[x] = sums[x]! + data[from + x]! * weight;
    }
    for (let x = 0; x < stride; x++) result[y * stride + x] = clip(sums[x]!);
  }
  return { width, height: outHeight, data: result };
}

/** `pillow-13`: as the current Pillow; `width-first`: as all before, which the released checkpoints were trained with. */
export type PassOrder = 'pillow-13' | 'width-first';

/** Pillow's `image.resize((width, height), Image.BICUBIC)`. A pass that changes nothing is left out, as there. */
export function resizeBicubic(
  image: RgbImage,
  width: number,
  height: number,
  order: PassOrder = 'pillow-13',
): RgbImage {
  const columns = (from: RgbImage) => (from.width === width ? from : resizeColumns(from, width));
  const rows = (from: RgbImage) => (from.height === height ? from : resizeRows(from, height));
  const lostRows = image.height - height;
  const heightFirst = order === 'pillow-13' && lostRows > 0 && lostRows > 2 * (image.width - width);
  return heightFirst ? columns(rows(image)) : rows(columns(image));
}
