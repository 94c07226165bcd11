/**
 * IEEE 754 binary16 and bfloat16 to and from f32, on the bits: no number passes through a double, so that NaNs keep their
 * payload, and loops over typed arrays stay free of calls.
 */

/** The value of a half-precision number given its 16 bits (IEEE 754 binary16). */
export function halfToNumber(half: number): number {
  bits[0] = singleBits(half);
  return float[0]!;
}

/**
 * The bits of the single that a half is: with its digits in their places 2^112 too small, which a product mends, also of subnormals.
 * Infinities and NaNs, which keep their sign and payload, have the largest exponent in both.
 */
function singleBits(half: number): number {
  bits[0] = (half & 0x7fff) << 13;
  float[0]! *= 2 ** 112;
  return bits[0]! | ((half & 0x8000) << 16) | ((half & 0x7c00) === 0x7c00 ? 0x7f800000 : 0);
}

/** The nearest half-precision number's 16 bits, ties to even; past its range infinity. */
export function toHalf(value: number): number {
  float[0] = value;
  return halfBits(bits[0]!);
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/** The bits of the nearest half given those of a single. */
function halfBits(single: number): number {
  const sign = (single >>> 16) & 0x8000;
  const magnitude = single & 0x7fffffff;
  if (magnitude < 0x38800000) {
    // below 2^−14: beside 0.5 the last digit of a single is 2^−24, the unit of subnormals
    bits[0] = magnitude;
    float[0]! += 0.5;
    return sign | (bits[0]! - 0x3f000000);
  }
  // of normals: rebias the exponent from 127 to 15; a carry of the rounding moves into it, up to infinity
  if (magnitude < 0x47800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff); // NaN, quiet, with its payload's first bits
  return sign | 0x7c00; // 2^16 and up
}

/** The nearest halves' bits, as `toHalf`. */
export function toHalves(values: Float32Array): Uint16Array<ArrayBuffer> {
  const singles = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) halves[i] = halfBits(singles[i]!);
  return halves;
}

/** Index of the first infinity or NaN among the bits of halves, −1 when all are finite. */
export function firstNonFiniteHalf(halves: Uint16Array): number {
  for (let i = 0; i < halves.length; i++) if ((halves[i]! & 0x7c00) === 0x7c00) return i;
  return -1;
}

/** The values of halves, written to `target` from element `start` on. */
export function fromHalves(halves: Uint16Array, target: Float32Array, start: number): void {
  const singles = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < halves.length; i++) singles[start + i] = singleBits(halves[i]!);
}

/** The same of bfloat16, which is the upper half of an f32. */
export function fromBrainHalves(halves: Uint16Array, target: Float32Array, start: number): void {
  const singles = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < halves.length; i++) singles[start + i] = halves[i]! << 16;
}
