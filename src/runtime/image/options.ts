/** What an image file leaves open: which way up it is, what shows through it, and how large it may be. */

import { nearest } from '../../shared/nearest.ts';
import { checkOptions } from '../arguments.ts';
import { runtimeError } from '../errors.ts';
import type { Rgb } from './rgb.ts';

export interface DecodeOptions {
  /**
   * Turns the picture as its EXIF orientation says, so that it stands as its camera was held: Pillow's
   * `ImageOps.exif_transpose`. False when absent, as Pillow's `Image.open(…).convert("RGB")`.
   */
  readonly exif_orientation?: boolean;
  /**
   * The colour behind transparent pixels, 0 … 255 each: v = round(alpha · colour + (1 − alpha) · background). When absent,
   * transparency is dropped, as Pillow's `convert("RGB")` drops it: whatever colour invisible pixels have shows, mostly black.
   */
  readonly background?: Rgb;
  /** Images of more pixels are refused, by their headers; 2^26 when absent, which is 8192 × 8192. */
  readonly max_pixels?: number;
}

/** A decoded image takes 3 bytes a pixel, and at most 10 more while it is decoded. */
export const MAX_PIXELS = 2 ** 26;
/** What a typed array of 3 bytes a pixel can surely hold. */
const MOST_PIXELS = 2 ** 29;

export type ResolvedDecodeOptions = Required<Omit<DecodeOptions, 'background'>> & Pick<DecodeOptions, 'background'>;

const DECODE_OPTIONS: readonly (keyof DecodeOptions)[] = ['exif_orientation', 'background', 'max_pixels'];

/** @param others names that the caller takes beside these. @throws RuntimeError R0407, R0410, R0512 */
export function resolveDecodeOptions(options: DecodeOptions, others: readonly string[] = []): ResolvedDecodeOptions {
  checkOptions('decodeImage', options);
  const name = Object.keys(options).find((key) => !(DECODE_OPTIONS as readonly string[]).includes(key));
  if (name !== undefined) {
    const known = [...DECODE_OPTIONS, ...others];
    throw runtimeError('unknown_image_option', { name, near: nearest(name, known), known });
  }
  const { exif_orientation = false, background, max_pixels = MAX_PIXELS } = options;
  const check = (option: string, value: unknown, valid: boolean, expected: string): void => {
    if (!valid) throw runtimeError('image_option', { option, value: JSON.stringify(value), expected });
  };
  check('exif_orientation', exif_orientation, typeof exif_orientation === 'boolean', 'true or false');
  check('background', background, background === undefined || isColour(background), 'three integers from 0 to 255');
  const isCount = Number.isSafeInteger(max_pixels) && max_pixels >= 1 && max_pixels <= MOST_PIXELS;
  check('max_pixels', max_pixels, isCount, `an integer from 1 to ${MOST_PIXELS}`);
  return { exif_orientation, max_pixels, ...(background === undefined ? {} : { background }) };
}

/** @throws RuntimeError R0407 */
export function checkStatistics(mean: unknown, std: unknown): void {
  const check = (option: string, value: unknown, good: (x: number) => boolean, expected: string): void => {
    if (value !== undefined && !isTriple(value, good))
      throw runtimeError('image_option', { option, value: JSON.stringify(value), expected });
  };
  check('mean', mean, () => true, 'three numbers');
  check('std', std, (x) => x > 0, 'three numbers above 0');
}

export function isTriple(value: unknown, good: (item: number) => boolean): boolean {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    value.every((item) => typeof item === 'number' && Number.isFinite(item) && good(item))
  );
}

export function isColour(value: unknown): value is Rgb {
  return isTriple(value, (item) => Number.isInteger(item) && item >= 0 && item <= 255);
}

/** Judges a size from a header, before memory is allocated for it. @throws RuntimeError R0402, R0403 */
export function checkSize(format: string, width: number, height: number, max_pixels: number): void {
  if (width === 0 || height === 0) throw runtimeError('image_damaged', { format, reason: 'its size is 0' });
  if (width * height > max_pixels) throw runtimeError('image_too_large', { width, height, limit: max_pixels });
}
