/** Drawn pictures of plain shapes, which a small model can learn in a minute. */
import { encode } from 'fast-png';

/** Side of a picture, in pixels. */
export const SIDE = 32;

export const COLOURS = {
  red: [214, 40, 40],
  orange: [247, 127, 0],
  yellow: [252, 211, 60],
  green: [46, 140, 70],
  blue: [40, 90, 200],
  purple: [130, 60, 170],
} as const satisfies Readonly<Record<string, Rgb>>;
export type Colour = keyof typeof COLOURS;

type Rgb = readonly [red: number, green: number, blue: number];

/** Whether a point is in the shape; the shape lies in the circle of radius 1 around (0, 0), y points down. */
const INSIDE = {
  circle: (x, y) => Math.hypot(x, y) <= 0.9,
  cross: (x, y) => Math.min(Math.abs(x), Math.abs(y)) <= 0.3 && Math.max(Math.abs(x), Math.abs(y)) <= 0.95,
  ring: (x, y) => Math.abs(Math.hypot(x, y) - 0.72) <= 0.24,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 0.72,
  // half-planes of the sides at 30°, 150° and below
  triangle: (x, y) => y <= 0.5 && Math.abs(x) * Math.sqrt(3) - y <= 1,
} as const satisfies Readonly<Record<string, (x: number, y: number) => boolean>>;
export type Shape = keyof typeof INSIDE;
export const SHAPES = Object.keys(INSIDE) as readonly Shape[];

export interface Drawing {
  readonly shape: Shape;
  readonly colour: Rgb;
  readonly background: Rgb;
  /** centre and radius, in pixels */
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** in radians */
  readonly turned: number;
}

/** Samples of a pixel's side, so that edges are smooth. */
const SAMPLES = 4;

/** A PNG of SIDE × SIDE pixels. */
export function draw({ shape, colour, background, x, y, radius, turned }: Drawing): Uint8Array {
  const inside = INSIDE[shape];
  const [cos, sin] = [Math.cos(turned) / radius, Math.sin(turned) / radius];
  const data = new Uint8Array(3 * SIDE * SIDE);
  for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
    let covered = 0;
    for (let sample = 0; sample < SAMPLES ** 2; sample++) {
      const dx = (pixel % SIDE) + ((sample % SAMPLES) + 0.5) / SAMPLES - x;
      const dy = Math.floor(pixel / SIDE) + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES - y;
      if (inside(cos * dx + sin * dy, cos * dy - sin * dx)) covered++;
    }
    const share = covered / SAMPLES ** 2;
    for (let c = 0; c < 3; c++) data[3 * pixel + c] = Math.round(share * colour[c]! + (1 - share) * background[c]!);
  }
  return encode({ width: SIDE, height: SIDE, data, channels: 3, depth: 8 });
}
