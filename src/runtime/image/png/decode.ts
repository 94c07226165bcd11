/** PNG to RGB: every colour type, depth and interlacing, row by row. Without a background as Pillow's `convert("RGB")`. */
import type { ResolvedDecodeOptions } from '../options.ts';
import { orient } from '../orient.ts';
import type { RgbImage } from '../rgb.ts';
import { readPng } from './chunks.ts';
import { painterOf } from './paint.ts';
import { eachRow } from './rows.ts';

/** @throws RuntimeError R0402 (too large), R0403 (damaged) */
export function decodePng(bytes: Uint8Array, options: ResolvedDecodeOptions): RgbImage {
  const file = readPng(bytes, options.max_pixels);
  const { width, height, orientation } = file;
  const data = new Uint8Array(3 * width * height);
  const paint = painterOf(file, options.background);
  eachRow(file, (samples, { y, x0, step, count }) => paint(samples, count, data, 3 * (y * width + x0), 3 * step));
  return orient({ width, height, data }, options.exif_orientation ? orientation : 1);
}
