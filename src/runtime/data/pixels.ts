/** Pictures as bytes: white canvases, pasting, transparency, and the way into `pixel_values`. */
import { decode } from 'fast-png';
import { reasonOf, runtimeError } from '../errors.ts';
import { CLIP_MEAN, CLIP_STD } from '../image/preprocess.ts';
import type { RgbImage } from '../image/rgb.ts';

type Rgb = readonly [number, number, number];

export function whiteCanvas(size: number): RgbImage {
  return { width: size, height: size, data: new Uint8Array(3 * size * size).fill(255) };
}

/** Copies a picture onto a canvas with its top left corner at (x, y); it must lie inside. */
export function paste(canvas: RgbImage, picture: RgbImage, x: number, y: number): void {
  const row = 3 * picture.width;
  for (let line = 0; line < picture.height; line++) {
    const at = 3 * ((y + line) * canvas.width + x);
    canvas.data.set(picture.data.subarray(line * row, (line + 1) * row), at);
  }
}

/**
 * A PNG with transparency, blended onto white: v = round(alpha · colour + (1 − alpha) · 255).
 * `decodeImage` drops alpha as Pillow's `convert("RGB")` does, which shows whatever colour the invisible pixels have
 * (black, mostly) and fringes where the edges are soft.
 * @throws RuntimeError R0403 when it is damaged
 */
export function decodeOnWhite(bytes: Uint8Array): RgbImage {
  let png: ReturnType<typeof decode>;
  try {
    png = decode(bytes);
  } catch (error) {
    throw runtimeError('R0403', { format: 'PNG', reason: reasonOf(error) }, error);
  }
  const { width, height, depth, channels, palette, data } = png;
  const unit = depth === 16 ? 257 : 1; // 16-bit samples per 8-bit ones
  const isGrey = !palette && channels < 3;
  const hasAlpha = channels === 2 || channels === 4;
  const result = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const colour = palette?.[packed(data, i, width, depth)];
    const at = i * channels;
    const alpha = palette ? (colour?.[3] ?? 255) : hasAlpha ? data[at + channels - 1]! / unit : 255;
    for (let c = 0; c < 3; c++) {
      const value = palette ? (colour?.[c] ?? 0) : data[isGrey ? at : at + c]! / unit;
      result[3 * i + c] = Math.round(255 + (alpha / 255) * (value - 255));
    }
  }
  return { width, height, data: result };
}

/** Pixel i where pixels may have fewer than 8 bits: rows start at a byte, the first pixel in the highest bits. */
function packed(data: ArrayLike<number>, i: number, width: number, depth: number): number {
  if (depth >= 8) return data[i]!;
  const bit = (i % width) * depth;
  const byte = data[Math.floor(i / width) * Math.ceil((width * depth) / 8) + (bit >> 3)]!;
  return (byte >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
}

/** Multiplies each channel's distance from white: a tint that leaves the background white. */
export function tint(picture: RgbImage, gains: Rgb): void {
  const { data } = picture;
  for (let c = 0; c < 3; c++) {
    const table = new Uint8Array(256);
    for (let v = 0; v < 256; v++) table[v] = Math.max(0, Math.round(255 - gains[c]! * (255 - v)));
    for (let i = c; i < data.length; i += 3) data[i] = table[data[i]!]!;
  }
}

const TABLES = new Map<string, readonly Float32Array[]>();

/** The same numbers as `normaliseImage`, from tables that are kept. */
function normaliseTables(mean: Rgb, std: Rgb): readonly Float32Array[] {
  const name = `${mean.join()} ${std.join()}`;
  let tables = TABLES.get(name);
  if (!tables) {
    tables = mean.map((centre, c) => {
      const [m, s] = [Math.fround(centre), Math.fround(std[c]!)];
      return Float32Array.from({ length: 256 }, (_, v) => Math.fround(Math.fround(v / 255) - m) / s);
    });
    TABLES.set(name, tables);
  }
  return tables;
}

/** Writes a picture, channels first, at the `index`-th place of f32 [N, 3, H, W]. */
export function normaliseInto(
  target: Float32Array,
  index: number,
  { width, height, data }: RgbImage,
  mean: Rgb = CLIP_MEAN,
  std: Rgb = CLIP_STD,
): void {
  const pixels = width * height;
  const tables = normaliseTables(mean, std);
  for (let c = 0; c < 3; c++) {
    const table = tables[c]!;
    const start = (3 * index + c) * pixels;
    for (let i = 0; i < pixels; i++) target[start + i] = table[data[3 * i + c]!]!;
  }
}
