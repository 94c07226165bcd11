/**
 * Pillow's resize, byte for byte (Pillow, src/libImaging/Resample.c): bilinear, bicubic and Lanczos.
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
/** Keys' cubic with a = −0.5. */
function bicubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/** sin(pi x) / (pi x), windowed by itself over 3 source pixels. */
function lanczos(distance: number): number {
  const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
  return Math.abs(distance) < 3 ? sinc(distance) * sinc(distance / 3) : 0;
}

interface Filter {
  /** half the width, in source pixels at scale 1 */
  readonly support: number;
  readonly weight: (distance: number) => number;
}

const FILTERS = {
  bilinear: { support: 1, weight: (distance) => Math.max(0, 1 - Math.abs(distance)) },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: lanczos },
} as const satisfies { readonly [name: string]: Filter };

export type FilterName = keyof typeof FILTERS;

/** The source pixels of one target pixel and their weights, as 22-bit fixed point. */
interface Window {
  readonly first: number;
  readonly weights: Int32Array;
}

function windows(inSize: number, outSize: number, filter: Filter): Window[] {
  const scale = inSize / outSize;
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  return Array.from({ length: outSize }, (_, out) => {
    const centre = (out + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(inSize, Math.trunc(centre + support + 0.5));
    const weights = Array.from({ length: end - first }, (_, i) =>
      filter.weight((i + first - centre + 0.5) * (1 / stretch)),
    );
    let sum = 0;
    for (const weight of weights) sum += weight;
    const fixed = weights.map((weight) => {
      const scaled = (sum !== 0 ? weight / sum : weight) * (1 << PRECISION_BITS);
      return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    });
    return { first, weights: Int32Array.from(fixed) };
  });
}

/** Sums are below 2^31: weights add up to 2^22, with negative lobes at most 1.5 · 2^22, times 255. */
function clip(sum: number): number {
  return Math.min(255, Math.max(0, sum >> PRECISION_BITS));
}

function resizeColumns({ width, height, data }: RgbImage, outWidth: number, filter: Filter): RgbImage {
  const result = new Uint8Array(3 * outWidth * height);
  const all = windows(width, outWidth, filter);
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
function resizeRows({ width, height, data }: RgbImage, outHeight: number, filter: Filter): RgbImage {
  const stride = 3 * width;
  const result = new Uint8Array(stride * outHeight);
  const sums = new Int32Array(stride);
  for (const [y, { first, weights }] of windows(height, outHeight, filter).entries()) {
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

export interface ResizeOptions {
  /** `bicubic` when absent */
  readonly filter?: FilterName;
  /** `pillow-13` when absent */
  readonly order?: PassOrder;
}

/** Pillow's `image.resize((width, height), filter)`. A pass that changes nothing is left out, as there. */
export function resizeImage(
  image: RgbImage,
  width: number,
  height: number,
  { filter = 'bicubic', order = 'pillow-13' }: ResizeOptions = {},
): RgbImage {
  const by = FILTERS[filter];
  const columns = (from: RgbImage) => (from.width === width ? from : resizeColumns(from, width, by));
  const rows = (from: RgbImage) => (from.height === height ? from : resizeRows(from, height, by));
  const lostRows = image.height - height;
  const heightFirst = order === 'pillow-13' && lostRows > 0 && lostRows > 2 * (image.width - width);
  return heightFirst ? columns(rows(image)) : rows(columns(image));
}

/** Pillow's `image.resize((width, height), Image.BICUBIC)`. */
export function resizeBicubic(image: RgbImage, width: number, height: number, order?: PassOrder): RgbImage {
  return resizeImage(image, width, height, order === undefined ? {} : { order });
}
