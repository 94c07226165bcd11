/** WebP to RGB by libwebp (WebAssembly): lossy and lossless, with and without transparency, equal to Pillow to the bit. */

import { moduleOf } from '#image-modules';
import { runtimeError } from '../errors.ts';
import { blend } from './alpha.ts';
import { Codec } from './codecs/wasm.ts';
import { exifOrientation } from './exif.ts';
import { checkSize, type ResolvedDecodeOptions } from './options.ts';
import { orient } from './orient.ts';
import type { Rgb, RgbImage } from './rgb.ts';

interface Header {
  readonly width: number;
  readonly height: number;
  readonly orientation: number;
}

/** @throws RuntimeError R0402 (too large), R0403 (damaged), R0404 (animated), R0408 (not loaded) */
export function decodeWebp(bytes: Uint8Array, options: ResolvedDecodeOptions): RgbImage {
  const { width, height, orientation } = readWebpHeader(bytes, options.max_pixels);
  const codec = new Codec(moduleOf('WebP'));
  let data: Uint8Array;
  try {
    const file = codec.place(bytes);
    const size = codec.allocate(8); // width and height: two int
    const pixels = codec.call('WebPDecodeRGBA', file, bytes.length, size, size + 4);
    const [foundWidth, foundHeight] = codec.words(size, 2);
    if (pixels === 0 || foundWidth !== width || foundHeight !== height) throw new Error('no pixels');
    data = toRgb(codec.bytes(pixels, 4 * width * height), options.background);
  } catch (error) {
    throw runtimeError('image_damaged', { format: 'WebP', reason: 'libwebp gives up on its data' }, error);
  }
  return orient({ width, height, data }, options.exif_orientation ? orientation : 1);
}

/**
 * Walks the chunks of the RIFF container. The size is the canvas's where there is a VP8X chunk, else the frame's:
 * VP8 (lossy) has two fields of 14 bits after its start code, VP8L 14 + 14 bits, less one, after its signature.
 * @throws RuntimeError R0402–R0404
 */
export function readWebpHeader(bytes: Uint8Array, max_pixels: number): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = (reason: string) => runtimeError('image_damaged', { format: 'WebP', reason });
  if (bytes.length < 30 || view.getUint32(4, true) + 8 > bytes.length) throw damaged('it is cut short');
  let size: readonly [number, number] | undefined;
  let orientation = 1;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = String.fromCharCode(...bytes.subarray(at, at + 4));
    const length = view.getUint32(at + 4, true);
    const start = at + 8;
    if (start + length > bytes.length) break; // what follows the RIFF chunk is nobody's
    if (name === 'VP8X' && length >= 10) {
      if (bytes[start]! & 0x02)
        throw runtimeError('image_feature', { found: 'an animated WebP', fix: 'save one of its frames' });
      size ??= [(view.getUint32(start + 4, true) & 0xffffff) + 1, (view.getUint32(start + 6, true) >>> 8) + 1];
    } else if (name === 'VP8 ' && length >= 10) {
      size ??= [view.getUint16(start + 6, true) & 0x3fff, view.getUint16(start + 8, true) & 0x3fff];
    } else if (name === 'VP8L' && length >= 5) {
      const fields = view.getUint32(start + 1, true);
      size ??= [(fields & 0x3fff) + 1, ((fields >> 14) & 0x3fff) + 1];
    } else if (name === 'EXIF') {
      orientation = exifOrientation(bytes.subarray(start, start + length));
    }
    at = start + length + (length & 1);
  }
  if (!size) throw damaged('it has no picture');
  checkSize('WebP', size[0], size[1], max_pixels);
  return { width: size[0], height: size[1], orientation };
}

function toRgb(rgba: Uint8Array, background: Rgb | undefined): Uint8Array {
  const data = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const alpha = rgba[from + 3]!;
    for (let c = 0; c < 3; c++)
      data[to + c] = background ? blend(rgba[from + c]!, alpha, background[c]!) : rgba[from + c]!;
  }
  return data;
}
