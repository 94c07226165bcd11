/** Transparency over a colour. */

/** round(alpha / 255 · colour + (1 − alpha / 255) · background) in integers, as Pillow's `paste` with a mask. */
export function blend(colour: number, alpha: number, background: number): number {
  const sum = colour * alpha + background * (255 - alpha) + 128;
  return (sum + (sum >> 8)) >> 8;
}
