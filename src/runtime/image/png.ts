/**
 * PNG to RGB exactly as Pillow's `Image.open(…).convert("RGB")`:
 * alpha and transparent colours are dropped (not blended), the low byte of 16-bit colours is cut off, 16-bit
 * greyscale without alpha is clipped at 255 (a quirk of Pillow's mode I;16), palette indices past the end are black.
 */
import { decode } from 'fast-png';
import { reasonOf, runtimeError } from '../errors.ts';
import { LARGEST_IMAGE, type RgbImage } from './rgb.ts';

/** By colour type: samples per pixel, and the depths that the format allows. */
const COLOUR_TYPES: Readonly<Record<number, { readonly channels: number; readonly depths: readonly number[] }>> = {
  0: { channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { channels: 3, depths: [8, 16] },
  3: { channels: 1, depths: [1, 2, 4, 8] },
  4: { channels: 2, depths: [8, 16] },
  6: { channels: 4, depths: [8, 16] },
};
const GREYSCALE = 0;
const PALETTE = 3;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: number;
  readonly channels: number;
  readonly interlaced: boolean;
}

/** @throws RuntimeError R0402 (too large), R0403 (damaged), R0404 (interlaced below 8 bits) */
export function decodePng(bytes: Uint8Array): RgbImage {
  const header = readHeader(bytes);
  const { width, height, depth, colourType, channels } = header;
  const essential = essentialChunks(bytes, header);
  let png: ReturnType<typeof decode>;
  try {
    png = decode(essential, { checkCrc: true });
  } catch (error) {
    throw runtimeError('R0403', { format: 'PNG', reason: reasonOf(error) }, error);
  }
  const sample = sampler(png.data, width * channels, depth);
  const data = new Uint8Array(3 * width * height);
  const { palette } = png;
  if (colourType === PALETTE && !palette) throw runtimeError('R0403', { format: 'PNG', reason: 'it has no palette' });
  const toByte = byteOf(depth, colourType);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      if (colourType === PALETTE) {
        const colour = palette![sample(y, x)] ?? [0, 0, 0];
        for (let c = 0; c < 3; c++) data[at + c] = colour[c]!;
      } else if (channels < 3) {
        data.fill(toByte(sample(y, x * channels)), at, at + 3);
      } else {
        for (let c = 0; c < 3; c++) data[at + c] = toByte(sample(y, x * channels + c));
      }
    }
  }
  return { width, height, data };
}

/** IHDR, which must come first. */
function readHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33 || view.getUint32(8) !== 13 || view.getUint32(12) !== 0x49484452) {
    throw runtimeError('R0403', { format: 'PNG', reason: 'it does not begin with a header' });
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, colourType] = [bytes[24]!, bytes[25]!];
  const kind = COLOUR_TYPES[colourType];
  if (width === 0 || height === 0 || !kind?.depths.includes(depth)) {
    throw runtimeError('R0403', { format: 'PNG', reason: 'its header makes no sense' });
  }
  if (width * height > LARGEST_IMAGE) throw runtimeError('R0402', { width, height, limit: LARGEST_IMAGE });
  const header = { width, height, depth, colourType, channels: kind.channels, interlaced: bytes[28] !== 0 };
  // the decoder takes each sample of an interlaced image for at least a byte
  if (header.interlaced && header.depth < 8)
    throw runtimeError('R0404', { found: `interlaced PNG of ${header.depth} bits` });
  return header;
}

/**
 * The file without its ancillary chunks: texts, colour profiles and transparency do not change the result, and
 * compressed ones could inflate to any size.
 */
function essentialChunks(bytes: Uint8Array, { width, height, depth, channels }: Header): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Uint8Array[] = [bytes.subarray(0, 8)];
  let compressed = 0;
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw runtimeError('R0403', { format: 'PNG', reason: 'it is cut short' });
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) throw runtimeError('R0403', { format: 'PNG', reason: 'it is cut short' });
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (kind === 'IHDR' || kind === 'PLTE' || kind === 'IDAT' || kind === 'IEND') kept.push(bytes.subarray(at, end));
    if (kind === 'IDAT') compressed += end - at - 12;
    if (kind === 'IEND') break;
    at = end;
  }
  // deflate never needs much more than the plain bytes: far more input means that it inflates to more than the image
  const plain = height * (1 + Math.ceil((width * channels * depth) / 8));
  if (compressed > 1.1 * plain + 4096)
    throw runtimeError('R0403', { format: 'PNG', reason: 'it holds more data than its size explains' });
  const result = new Uint8Array(kept.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of kept) {
    result.set(chunk, at);
    at += chunk.length;
  }
  return result;
}

/** The i-th sample of row y; samples below 8 bits are packed, the first in the highest bits, rows start at a byte. */
function sampler(data: ArrayLike<number>, samplesPerRow: number, depth: number): (y: number, i: number) => number {
  if (depth >= 8) return (y, i) => data[y * samplesPerRow + i]!;
  const rowBytes = Math.ceil((samplesPerRow * depth) / 8);
  const mask = (1 << depth) - 1;
  return (y, i) => {
    const bit = i * depth;
    return (data[y * rowBytes + (bit >> 3)]! >> (8 - depth - (bit & 7))) & mask;
  };
}

function byteOf(depth: number, colourType: number): (sample: number) => number {
  if (depth === 16) return colourType === GREYSCALE ? (sample) => Math.min(sample, 255) : (sample) => sample >> 8;
  const scale = 255 / ((1 << depth) - 1); // 255, 85, 17, 1
  return (sample) => sample * scale;
}
