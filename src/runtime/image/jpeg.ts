/**
 * JPEG to RGB. Decoders differ in the last bits of the inverse DCT and in how they enlarge subsampled colour, so this
 * agrees with Pillow (libjpeg-turbo) to a few units of 255, not exactly.
 *
 * The EXIF orientation is ignored, as the authors' code ignores it.
 */
import jpeg from 'jpeg-js';
import { reasonOf, runtimeError } from '../errors.ts';
import { LARGEST_IMAGE, type RgbImage } from './rgb.ts';

/** @throws RuntimeError R0402 (too large), R0403 (damaged) */
export function decodeJpeg(bytes: Uint8Array): RgbImage {
  const { width, height } = frameSize(bytes);
  if (width === 0 || height === 0) throw runtimeError('R0403', { format: 'JPEG', reason: 'its size is 0' });
  if (width * height > LARGEST_IMAGE) throw runtimeError('R0402', { width, height, limit: LARGEST_IMAGE });
  try {
    const image = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: LARGEST_IMAGE / 1e6,
      maxMemoryUsageInMB: 4096,
    });
    return { width: image.width, height: image.height, data: image.data };
  } catch (error) {
    throw runtimeError('R0403', { format: 'JPEG', reason: reasonOf(error) }, error);
  }
}

/** Width and height from the first frame header (SOF0 … SOF15), found by walking the markers. */
function frameSize(bytes: Uint8Array): { readonly width: number; readonly height: number } {
  const word = (at: number): number => (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) break;
    const marker = bytes[at + 1]!;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: word(at + 5), width: word(at + 7) };
    if (marker === 0xff)
      at += 1; // fill byte
    else at += 2 + word(at + 2);
  }
  throw runtimeError('R0403', { format: 'JPEG', reason: 'it has no frame header' });
}
