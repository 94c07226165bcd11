/** An image in memory: 8-bit RGB, row by row from the top, no padding. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** 3 · width · height bytes */
  readonly data: Uint8Array;
}

/** Images over this are refused before anything is allocated for them. */
export const LARGEST_IMAGE = 64 * 2 ** 20; // pixels
