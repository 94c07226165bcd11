/** Pictures as bytes: white canvases, pasting, tints, and the way into `pixel_values`. */
import { decodeImage } from '../../runtime/image/decode.ts';
import { CLIP_MEAN, CLIP_STD } from '../../runtime/image/preprocess.ts';
import type { Rgb, RgbImage } from '../../runtime/image/rgb.ts';

const WHITE: Rgb = [255, 255, 255];

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

/** Whatever shows through is white: `decodeImage` with that background. @throws RuntimeError R0401–R0404, R0408 */
export function decodeOnWhite(bytes: Uint8Array): RgbImage {
  return decodeImage(bytes, { background: WHITE });
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
