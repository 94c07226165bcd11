/**
 * From a picture to the squares that an encoder takes, as the image processors of transformers cut it (their Pillow backend): the whole
 * picture in one square, the middle of it, or parts of it with the whole behind them.
 *
 *     neither           both sides become `size`
 *     shorter_side      the shorter side gets this length, the longer one keeps the ratio; the middle of size × size is taken
 *     longest_side      the longest side gets this length, both are made multiples of `size` and cut into rows and columns of
 *                       squares; behind them the whole picture as one square. A picture of one square is not cut. Where nothing is cut
 *                       (`cut` false) both sides become `size` from there
 */
import { cropped } from './crop.ts';
import { type FilterName, resizeImage } from './resize.ts';
import type { RgbImage } from './rgb.ts';

export interface SquareOptions {
  /** side of a square, in pixels */
  readonly size: number;
  readonly filter?: FilterName | undefined;
  /** in pixels, at least `size`; not beside longest_side */
  readonly shorter_side?: number | undefined;
  /** in pixels */
  readonly longest_side?: number | undefined;
  /** whether a picture with longest_side is cut; true when absent */
  readonly cut?: boolean | undefined;
}

export interface Squares {
  /** rows · columns parts, row by row, then the whole; the whole alone where the picture is not cut */
  readonly images: readonly RgbImage[];
  readonly rows: number;
  readonly columns: number;
}

export function squaresOf(
  image: RgbImage,
  { size, filter, shorter_side, longest_side, cut = true }: SquareOptions,
): Squares {
  const resized = (from: RgbImage, width: number, height: number): RgbImage =>
    resizeImage(from, width, height, filter === undefined ? {} : { filter });
  const whole = (one: RgbImage): Squares => ({ images: [one], rows: 0, columns: 0 });
  if (longest_side !== undefined) {
    const [width, height] = withLongest(image, longest_side);
    const long = resized(image, width, height);
    if (!cut) return whole(resized(long, size, size));
    const [wide, high] = multiples(width, height, size);
    const even = resized(long, wide, high);
    const [rows, columns] = [high / size, wide / size];
    if (rows === 1 && columns === 1) return whole(even);
    const parts = Array.from({ length: rows * columns }, (_, at) =>
      cropped(even, (at % columns) * size, Math.floor(at / columns) * size, size),
    );
    return { images: [...parts, resized(even, size, size)], rows, columns };
  }
  if (shorter_side === undefined) return whole(resized(image, size, size));
  const { width, height } = image;
  const longer = Math.trunc((shorter_side * Math.max(width, height)) / Math.min(width, height));
  const one = width <= height ? resized(image, shorter_side, longer) : resized(image, longer, shorter_side);
  return whole(cropped(one, Math.floor((one.width - size) / 2), Math.floor((one.height - size) / 2), size));
}

/** The longest side gets this length; the other keeps the ratio and is made even. */
function withLongest({ width, height }: RgbImage, longest: number): readonly [width: number, height: number] {
  const even = (side: number): number => Math.max(1, side + (side % 2));
  const ratio = width / height;
  if (width >= height) return [longest, even(Math.trunc(longest / ratio))];
  return [even(Math.trunc(longest * ratio)), longest];
}

/** The longer side up to a multiple of `size`, the other by the ratio and up. */
function multiples(width: number, height: number, size: number): readonly [width: number, height: number] {
  const up = (side: number): number => Math.ceil(side / size) * size;
  const ratio = width / height;
  if (width >= height) return [up(width), up(Math.trunc(up(width) / ratio))];
  return [up(Math.trunc(up(height) * ratio)), up(height)];
}
