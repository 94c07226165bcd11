/**
 * From a decoded picture to the square that the model takes: torchvision's Resize, CenterCrop and RandomCrop, or the middle as the image
 * processors of transformers take it, mirrored or not.
 */

import { cropped } from '../../runtime/image/crop.ts';
import { type FilterName, resizeImage } from '../../runtime/image/resize.ts';
import type { RgbImage } from '../../runtime/image/rgb.ts';
import type { Dice } from '../data/dice.ts';

export interface PictureOptions {
  /** side of the result, in pixels */
  readonly size: number;
  /** length of the shorter side before cropping, in pixels, at least `size` */
  readonly resize: number;
  /** bicubic when absent */
  readonly filter?: FilterName | undefined;
  readonly crop: 'none' | 'center' | 'middle' | 'random';
  readonly flip: boolean;
}

/** @param dice of this picture in this epoch; absent: nothing is by chance */
export function squareOf(image: RgbImage, { size, resize, filter, crop, flip }: PictureOptions, dice?: Dice): RgbImage {
  let square: RgbImage;
  if (crop === 'none') square = resized(image, size, size, filter);
  else {
    const resized = shorterSide(image, resize, filter);
    const [right, down] = [resized.width - size, resized.height - size];
    const round = crop === 'middle' ? Math.floor : roundHalfEven;
    const [x, y] =
      crop === 'random' && dice ? [dice.between(0, right), dice.between(0, down)] : [round(right / 2), round(down / 2)];
    square = cropped(resized, x, y, size);
  }
  return flip && dice?.chance(0.5) ? mirrored(square) : square;
}

const resized = (image: RgbImage, width: number, height: number, filter: FilterName | undefined): RgbImage =>
  resizeImage(image, width, height, filter === undefined ? {} : { filter });

/** The shorter side gets this length, the longer one ⌊length · longer / shorter⌋ (torchvision). */
function shorterSide(image: RgbImage, length: number, filter: FilterName | undefined): RgbImage {
  const { width, height } = image;
  const longer = Math.floor((length * Math.max(width, height)) / Math.min(width, height));
  const [wide, high] = width <= height ? [length, longer] : [longer, length];
  return resized(image, wide, high, filter);
}

/** Python's round, by which torchvision finds the corner of a central crop. */
function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

function mirrored({ width, height, data }: RgbImage): RgbImage {
  const result = new Uint8Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = 3 * (y * width + x);
      result.set(data.subarray(from, from + 3), 3 * (y * width + width - 1 - x));
    }
  return { width, height, data: result };
}
