/** An image in memory: 8-bit RGB, row by row from the top, no padding. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** 3 · width · height bytes */
  readonly data: Uint8Array;
}

/** Red, green, blue. */
export type Rgb = readonly [number, number, number];
