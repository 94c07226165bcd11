/** What an image file leaves open: which way up it is, what shows through it, and how large it may be. */
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

/** @throws RuntimeError R0407 */
export function resolveDecodeOptions(options: DecodeOptions): ResolvedDecodeOptions {
  const { exif_orientation = false, background, max_pixels = MAX_PIXELS } = options;
  const check = (option: string, value: unknown, valid: boolean, expected: string): void => {
    if (!valid) throw runtimeError('R0407', { option, value: JSON.stringify(value), expected });
  };
  check('exif_orientation', exif_orientation, typeof exif_orientation === 'boolean', 'true or false');
  check('background', background, background === undefined || isColour(background), 'three integers from 0 to 255');
  const isCount = Number.isSafeInteger(max_pixels) && max_pixels >= 1 && max_pixels <= MOST_PIXELS;
  check('max_pixels', max_pixels, isCount, `an integer from 1 to ${MOST_PIXELS}`);
  return { exif_orientation, max_pixels, ...(background === undefined ? {} : { background }) };
}

export function isColour(value: unknown): value is Rgb {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    value.every((item) => Number.isInteger(item) && (item as number) >= 0 && (item as number) <= 255)
  );
}

/** Judges a size from a header, before memory is allocated for it. @throws RuntimeError R0402, R0403 */
export function checkSize(format: string, width: number, height: number, max_pixels: number): void {
  if (width === 0 || height === 0) throw runtimeError('R0403', { format, reason: 'its size is 0' });
  if (width * height > max_pixels) throw runtimeError('R0402', { width, height, limit: max_pixels });
}
