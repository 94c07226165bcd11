/**
 * What a JPEG says of itself between its pixels: the frame, the orientation, whether it is whole. The decoder would tell
 * some of it too late (after it has allocated) and some not at all.
 */
import { runtimeError } from '../errors.ts';
import { exifOrientation, hasExifPrefix } from './exif.ts';
import { checkSize } from './options.ts';

export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 YCbCr or RGB, 4 CMYK or YCCK */
  readonly components: number;
  readonly orientation: number;
}

const SOF0 = 0xc0;
const SOF15 = 0xcf;
/** Between the frame markers: Huffman tables, a reserved one, arithmetic conditioning. */
const NO_FRAMES: readonly number[] = [0xc4, 0xc8, 0xcc];
const EOI = 0xd9;
const SOS = 0xda;
const APP1 = 0xe1;
/** RST0 … RST7, TEM and SOI stand alone, without a length. */
const standsAlone = (marker: number): boolean => (marker >= 0xd0 && marker <= 0xd8) || marker === 0x01;

/**
 * Progressive files have about ten scans. Each costs a pass over the whole picture however short it is, so a small file
 * with thousands could keep the decoder busy for minutes.
 */
const MOST_SCANS = 100;

/** By the marker of the frame: what it is called, where it is not read. Baseline, extended and progressive Huffman are. */
function unreadKind(marker: number): string | undefined {
  if (marker <= 0xc2) return undefined;
  if (marker === 0xc3) return 'a lossless JPEG';
  if (marker === 0xc9 || marker === 0xca) return 'an arithmetic-coded JPEG';
  return marker === 0xcb ? 'a lossless arithmetic-coded JPEG' : 'a hierarchical JPEG';
}

/**
 * Walks the markers as libjpeg does: fill bytes and garbage between segments are passed over.
 * @throws RuntimeError R0402 (too large), R0403 (no frame, no end), R0404 (a kind that is not read)
 */
export function readJpegHeader(bytes: Uint8Array, max_pixels: number): JpegHeader {
  const word = (at: number): number => (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
  const damaged = (reason: string) => runtimeError('image_damaged', { format: 'JPEG', reason });
  let frame: Omit<JpegHeader, 'orientation'> | undefined;
  let orientation: number | undefined;
  let scans = 0;
  for (let at = 2; ; ) {
    at = bytes.indexOf(0xff, at);
    if (at < 0 || at + 1 >= bytes.length) throw damaged(frame ? 'it is cut short' : 'it has no frame header');
    const marker = bytes[at + 1]!;
    // 0: a data byte 255 that is escaped; 255: a fill byte before the marker
    if (marker === 0x00 || marker === 0xff || standsAlone(marker)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker === EOI) break;
    if (marker >= SOF0 && marker <= SOF15 && !NO_FRAMES.includes(marker)) {
      if (frame) throw damaged('it has two frames');
      frame = readFrame(marker, bytes[at + 4] ?? 0, word(at + 5), word(at + 7), bytes[at + 9] ?? 0);
    }
    const content = bytes.subarray(at + 4, at + 2 + word(at + 2));
    if (marker === APP1 && orientation === undefined && hasExifPrefix(content)) orientation = exifOrientation(content);
    if (marker === SOS) scans++;
    if (scans > MOST_SCANS)
      throw runtimeError('image_feature', { found: `a JPEG of more than ${MOST_SCANS} scans`, fix: 'save it again' });
    at += 2 + Math.max(2, word(at + 2));
  }
  if (!frame) throw damaged('it has no frame header');
  checkSize('JPEG', frame.width, frame.height, max_pixels);
  return { ...frame, orientation: orientation ?? 1 };
}

function readFrame(marker: number, precision: number, height: number, width: number, components: number) {
  const kind = precision === 8 ? unreadKind(marker) : `a ${precision}-bit JPEG`;
  const fix = 'save it as a baseline JPEG of 8 bits';
  if (kind !== undefined) throw runtimeError('image_feature', { found: kind, fix });
  if (components !== 1 && components !== 3 && components !== 4)
    throw runtimeError('image_feature', { found: `a JPEG of ${components} components`, fix });
  return { width, height, components };
}
