/** The chunks of a PNG that its pixels depend on. Texts, colour profiles and times are passed over, unread. */
import { runtimeError } from '../../errors.ts';
import { exifOrientation } from '../exif.ts';
import { checkSize } from '../options.ts';

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** bits of a sample */
  readonly depth: number;
  readonly colourType: number;
  /** samples of a pixel */
  readonly channels: number;
  readonly interlaced: boolean;
}

export interface PngFile extends PngHeader {
  /** red, green, blue of each entry; empty without PLTE */
  readonly palette: Uint8Array;
  /** contents of tRNS; empty without */
  readonly transparency: Uint8Array;
  readonly orientation: number;
  /** contents of the IDAT chunks: one zlib stream */
  readonly data: readonly Uint8Array[];
}

export const GREY = 0;
export const RGB = 2;
export const PALETTE = 3;
export const GREY_ALPHA = 4;
export const RGB_ALPHA = 6;

/** By colour type: samples per pixel, and the depths that the format allows. */
const COLOUR_TYPES: Readonly<Record<number, { readonly channels: number; readonly depths: readonly number[] }>> = {
  [GREY]: { channels: 1, depths: [1, 2, 4, 8, 16] },
  [RGB]: { channels: 3, depths: [8, 16] },
  [PALETTE]: { channels: 1, depths: [1, 2, 4, 8] },
  [GREY_ALPHA]: { channels: 2, depths: [8, 16] },
  [RGB_ALPHA]: { channels: 4, depths: [8, 16] },
};

/** Chunks whose checksums must be right. */
const READ: readonly string[] = ['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'];

const damaged = (reason: string) => runtimeError('image_damaged', { format: 'PNG', reason });

/** @throws RuntimeError R0402 (too large), R0403 (damaged) */
export function readPng(bytes: Uint8Array, max_pixels: number): PngFile {
  const header = readHeader(bytes, max_pixels);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let palette = new Uint8Array() as Uint8Array;
  let transparency = palette;
  let orientation = 1;
  const data: Uint8Array[] = [];
  const read: { readonly kind: string; readonly start: number; readonly end: number }[] = [];
  for (let at = 8; read.at(-1)?.kind !== 'IEND'; ) {
    if (at + 12 > bytes.length) throw damaged('it is cut short');
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) throw damaged('it is cut short');
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const content = bytes.subarray(at + 8, end - 4);
    if (kind === 'PLTE') palette = content;
    else if (kind === 'tRNS') transparency = content;
    else if (kind === 'eXIf') orientation = exifOrientation(content);
    else if (kind === 'IDAT') data.push(content);
    if (READ.includes(kind)) read.push({ kind, start: at + 4, end: end - 4 });
    at = end;
  }
  checkAmount(header, data);
  for (const { kind, start, end } of read) {
    if (crc32(bytes.subarray(start, end)) !== view.getUint32(end))
      throw damaged(`the checksum of its ${kind} chunk is wrong`);
  }
  if (header.colourType === PALETTE && palette.length === 0) throw damaged('it has no palette');
  return { ...header, palette, transparency, orientation, data };
}

/** IHDR, which must come first. */
function readHeader(bytes: Uint8Array, max_pixels: number): PngHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33 || view.getUint32(8) !== 13 || view.getUint32(12) !== 0x49484452)
    throw damaged('it does not begin with a header');
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, colourType] = [bytes[24]!, bytes[25]!];
  const kind = COLOUR_TYPES[colourType];
  const [compression, filter, interlace] = [bytes[26]!, bytes[27]!, bytes[28]!];
  if (!kind?.depths.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1)
    throw damaged('its header makes no sense');
  checkSize('PNG', width, height, max_pixels);
  return { width, height, depth, colourType, channels: kind.channels, interlaced: interlace === 1 };
}

/** Deflate never needs much more than the plain bytes: far more input is no picture of this size. */
function checkAmount({ width, height, channels, depth }: PngHeader, data: readonly Uint8Array[]): void {
  const plain = height * (1 + Math.ceil((width * channels * depth) / 8));
  const compressed = data.reduce((sum, part) => sum + part.length, 0);
  if (compressed > 1.1 * plain + 4096) throw damaged('it holds more data than its size explains');
}

/** The CRC of the PNG specification, a byte at a time. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
