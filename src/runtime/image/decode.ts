/** An image file of a known format to RGB. The first bytes decide, never a file name. */

import { loadModules } from '#image-modules';
import { checkBytes } from '../arguments.ts';
import { runtimeError } from '../errors.ts';
import { WASM_FORMATS, type WasmFormat } from './codecs/formats.ts';
import { decodeJpeg } from './jpeg.ts';
import { readJpegHeader } from './jpeg-header.ts';
import { type DecodeOptions, type ResolvedDecodeOptions, resolveDecodeOptions } from './options.ts';
import { readPng } from './png/chunks.ts';
import { decodePng } from './png/decode.ts';
import type { RgbImage } from './rgb.ts';
import { decodeWebp, readWebpHeader } from './webp.ts';

const SIGNATURES: readonly {
  readonly format: string;
  readonly bytes: readonly (number | null)[];
  /** judges the file by its headers */
  readonly check?: (bytes: Uint8Array, max_pixels: number) => unknown;
  readonly decode?: (bytes: Uint8Array, options: ResolvedDecodeOptions) => RgbImage;
}[] = [
  { format: 'PNG', bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], check: readPng, decode: decodePng },
  { format: 'JPEG', bytes: [0xff, 0xd8, 0xff], check: readJpegHeader, decode: decodeJpeg },
  // RIFF, four bytes of length, WEBP
  {
    format: 'WebP',
    bytes: [0x52, 0x49, 0x46, 0x46, null, null, null, null, 0x57, 0x45, 0x42, 0x50],
    check: readWebpHeader,
    decode: decodeWebp,
  },
  { format: 'JPEG 2000', bytes: [0x00, 0x00, 0x00, 0x0c, 0x6a, 0x50, 0x20, 0x20] },
  { format: 'JPEG XL', bytes: [0x00, 0x00, 0x00, 0x0c, 0x4a, 0x58, 0x4c, 0x20] },
  { format: 'JPEG XL', bytes: [0xff, 0x0a] },
  { format: 'GIF', bytes: [0x47, 0x49, 0x46, 0x38] },
  { format: 'BMP', bytes: [0x42, 0x4d] },
  { format: 'TIFF', bytes: [0x49, 0x49, 0x2a, 0x00] },
  { format: 'TIFF', bytes: [0x4d, 0x4d, 0x00, 0x2a] },
  // the brands of the ISO container, after four bytes of length: ftypavif, ftypheic
  { format: 'AVIF', bytes: [null, null, null, null, 0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69, 0x66] },
  { format: 'HEIC', bytes: [null, null, null, null, 0x66, 0x74, 0x79, 0x70, 0x68, 0x65, 0x69, 0x63] },
];

const signatureOf = (bytes: Uint8Array) =>
  SIGNATURES.find((signature) => signature.bytes.every((byte, i) => byte === null || bytes[i] === byte));

/** The format that the first bytes say, also of those that are not read; undefined for what is no picture. */
export const pictureFormat = (bytes: Uint8Array): string | undefined => signatureOf(bytes)?.format;

/**
 * PNG, JPEG or WebP to RGB, equal to Pillow's `Image.open(…).convert("RGB")` unless the options say otherwise. In a page JPEG
 * and WebP need `await loadImageDecoders()` first.
 * @throws RuntimeError R0401 (another format), R0402 (too large), R0403 (damaged), R0404 (a kind that is not read), R0407
 * (options), R0408 (not loaded), R0512 (no bytes)
 */
export function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): RgbImage {
  const resolved = resolveDecodeOptions(options);
  return knownFormat(bytes).decode(bytes, resolved);
}

/** What `decodeImage` finds wrong with a file's headers, without decoding it. @throws RuntimeError R0401–R0404, R0407 */
export function checkImage(bytes: Uint8Array, options: DecodeOptions = {}): void {
  const { max_pixels } = resolveDecodeOptions(options);
  knownFormat(bytes).check(bytes, max_pixels);
}

/** What comes in place of a picture and is text: an error page, a drawing, a pointer that Git LFS left. */
function textFormat(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'an empty file';
  const start = String.fromCharCode(...bytes.subarray(0, 1024))
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart();
  if (/^version https:\/\/git-lfs/.test(start)) return 'a Git LFS pointer (`git lfs pull` fetches the file)';
  if (/^<(!doctype html|html)/i.test(start)) return 'an HTML page';
  if (/^<(\?xml|svg|!doctype svg|!--)/i.test(start) && /<svg/i.test(start)) return 'SVG';
  return 'no image format that is known';
}

function knownFormat(bytes: Uint8Array) {
  checkBytes('decodeImage', bytes);
  const { format, check, decode } = signatureOf(bytes) ?? {};
  if (!check || !decode) throw runtimeError('image_format', { found: format ?? textFormat(bytes) });
  return { check, decode };
}

/**
 * Loads the decoders of JPEG and WebP, or those that `images` need, where they are not there yet: in a page they are fetched
 * with the first picture that wants them, so that others cost nothing. `ask()` does it by itself; in Node it does nothing.
 * @throws RuntimeError R0409 when they cannot be loaded
 */
export function loadImageDecoders(images?: readonly Uint8Array[]): Promise<void> {
  const needed = images && new Set(images.map((bytes) => signatureOf(bytes)?.format));
  return loadModules(WASM_FORMATS.filter((format: WasmFormat) => needed?.has(format) ?? true));
}
