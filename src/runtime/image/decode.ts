/** An image file of a known format to RGB. The first bytes decide, never a file name. */
import { runtimeError } from '../errors.ts';
import { decodeJpeg } from './jpeg.ts';
import { decodePng } from './png.ts';
import type { RgbImage } from './rgb.ts';

const SIGNATURES: readonly {
  readonly format: string;
  readonly bytes: readonly (number | null)[];
  readonly decode?: (bytes: Uint8Array) => RgbImage;
}[] = [
  { format: 'PNG', bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], decode: decodePng },
  { format: 'JPEG', bytes: [0xff, 0xd8, 0xff], decode: decodeJpeg },
  { format: 'GIF', bytes: [0x47, 0x49, 0x46, 0x38] },
  { format: 'BMP', bytes: [0x42, 0x4d] },
  // RIFF, four bytes of length, WEBP
  { format: 'WebP', bytes: [0x52, 0x49, 0x46, 0x46, null, null, null, null, 0x57, 0x45, 0x42, 0x50] },
  { format: 'TIFF', bytes: [0x49, 0x49, 0x2a, 0x00] },
  { format: 'TIFF', bytes: [0x4d, 0x4d, 0x00, 0x2a] },
];

/** @throws RuntimeError R0401 (another format), R0402 (too large), R0403 (damaged), R0404 (a kind that is not read) */
export function decodeImage(bytes: Uint8Array): RgbImage {
  const known = SIGNATURES.find((signature) => signature.bytes.every((byte, i) => byte === null || bytes[i] === byte));
  if (!known?.decode) throw runtimeError('R0401', { found: known?.format ?? 'no image format that is known' });
  return known.decode(bytes);
}
