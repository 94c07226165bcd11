import type { RgbImage } from './rgb.ts';

/** The square of `size` pixels whose top left corner is at (x, y); it must lie inside. */
export function cropped({ width, data }: RgbImage, x: number, y: number, size: number): RgbImage {
  const result = new Uint8Array(3 * size * size);
  for (let row = 0; row < size; row++) {
    const from = 3 * ((y + row) * width + x);
    result.set(data.subarray(from, from + 3 * size), 3 * row * size);
  }
  return { width: size, height: size, data: result };
}
