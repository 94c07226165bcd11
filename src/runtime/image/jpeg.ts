/**
 * JPEG to RGB by libjpeg-turbo (WebAssembly), as Pillow decodes: the accurate inverse DCT, colour that is enlarged
 * smoothly, the colour space from APP14, JFIF and the components' names. Equal to the bit on whole files; where data is
 * missing or broken inside a file with an end, libjpeg makes something up, and so does Pillow.
 */

import { moduleOf } from '#image-modules';
import { runtimeError } from '../errors.ts';
import { Codec } from './codecs/wasm.ts';
import { type JpegHeader, readJpegHeader } from './jpeg-header.ts';
import type { ResolvedDecodeOptions } from './options.ts';
import { orient } from './orient.ts';
import type { RgbImage } from './rgb.ts';

/** Pixel formats of the TurboJPEG interface. */
const TJPF_RGB = 0;
const TJPF_CMYK = 11;

/** @throws RuntimeError R0402 (too large), R0403 (damaged), R0404 (a kind that is not read), R0408 (not loaded) */
export function decodeJpeg(bytes: Uint8Array, { exif_orientation, max_pixels }: ResolvedDecodeOptions): RgbImage {
  const header = readJpegHeader(bytes, max_pixels);
  const { width, height, orientation } = header;
  const codec = new Codec(moduleOf('JPEG'));
  let pixels: Uint8Array;
  try {
    pixels = decompress(codec, bytes, header);
  } catch (error) {
    throw runtimeError('image_damaged', { format: 'JPEG', reason: 'libjpeg gives up on its data' }, error);
  }
  const data = header.components === 4 ? fromCmyk(pixels) : pixels;
  return orient({ width, height, data }, exif_orientation ? orientation : 1);
}

/** RGB or CMYK. Results of the calls other than 0 are warnings, which Pillow does not heed; errors are thrown. */
function decompress(codec: Codec, bytes: Uint8Array, { width, height, components }: JpegHeader): Uint8Array {
  const file = codec.place(bytes);
  const decoder = codec.call('tjInitDecompress');
  const found = codec.allocate(16); // width, height, subsampling, colour space: four int
  codec.call('tjDecompressHeader3', decoder, file, bytes.length, found, found + 4, found + 8, found + 12);
  const [foundWidth, foundHeight] = codec.words(found, 2);
  if (foundWidth !== width || foundHeight !== height) throw new Error('it finds another size');
  const [format, channels] = components === 4 ? [TJPF_CMYK, 4] : [TJPF_RGB, 3];
  const size = channels * width * height;
  const pixels = codec.allocate(size);
  codec.call('tjDecompress2', decoder, file, bytes.length, pixels, width, channels * width, height, format, 0);
  return codec.bytes(pixels, size).slice();
}

/** As Pillow: CMYK in a JPEG is stored inverted, whether or not Adobe wrote it; then r = (1 − c)(1 − k). */
function fromCmyk(inks: Uint8Array): Uint8Array {
  const data = new Uint8Array((inks.length / 4) * 3);
  for (let from = 0, to = 0; from < inks.length; from += 4, to += 3) {
    const light = inks[from + 3]!;
    for (let c = 0; c < 3; c++) {
      const product = (255 - inks[from + c]!) * light + 128;
      data[to + c] = light - (((product >> 8) + product) >> 8);
    }
  }
  return data;
}
