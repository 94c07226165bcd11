/** Turns and mirrors a picture by its EXIF orientation, as Pillow's `ImageOps.exif_transpose`. */
import type { RgbImage } from './rgb.ts';

/**
 * By orientation: whether rows become columns, and whether the walk along the result's x and y goes backwards in the
 * original.
 */
const TURNS: { readonly [orientation: number]: { readonly swap: boolean; readonly x: boolean; readonly y: boolean } } =
  {
    2: { swap: false, x: true, y: false },
    3: { swap: false, x: true, y: true },
    4: { swap: false, x: false, y: true },
    5: { swap: true, x: false, y: false },
    6: { swap: true, x: true, y: false },
    7: { swap: true, x: true, y: true },
    8: { swap: true, x: false, y: true },
  };

export function orient(image: RgbImage, orientation: number): RgbImage {
  const turn = TURNS[orientation];
  if (!turn) return image;
  const { data } = image;
  const [width, height] = turn.swap ? [image.height, image.width] : [image.width, image.height];
  const pixel = 3;
  const row = 3 * image.width;
  const [alongX, alongY] = turn.swap ? [row, pixel] : [pixel, row];
  const start = (turn.x ? (width - 1) * alongX : 0) + (turn.y ? (height - 1) * alongY : 0);
  const [stepX, stepY] = [turn.x ? -alongX : alongX, turn.y ? -alongY : alongY];
  const result = new Uint8Array(data.length);
  let to = 0;
  for (let y = 0; y < height; y++) {
    let from = start + y * stepY;
    for (let x = 0; x < width; x++, from += stepX, to += 3) {
      result[to] = data[from]!;
      result[to + 1] = data[from + 1]!;
      result[to + 2] = data[from + 2]!;
    }
  }
  return { width, height, data: result };
}
