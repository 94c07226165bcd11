/**
 * IEEE 754 binary16 and bfloat16 to and from f32, on the bits: no number passes through a double, so that NaNs keep their
 * payload, and loops over typed arrays stay free of calls.
 */

/** The value of a half-precision number given its 16 bits (IEEE 754 binary16). */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24; // zero and subnormals
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
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
  // of normals: rebias the exponent from 127 to 15; a carry of the rounding moves into it, up to infinity
  if (magnitude >= 0x38800000 && magnitude < 0x47800000)
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff); // NaN, quiet, with its payload's first bits
  if (magnitude >= 0x47800000) return sign | 0x7c00; // 2^16 and up
  const exponent = magnitude >>> 23;
  if (exponent < 102) return sign; // below 2^−25
  // below 2^−14: subnormal, in units of 2^−24
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

/** value / 2^shift, ties to even. */
function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
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

let table: Uint32Array | undefined;
/** The bits of all 65,536 halves as singles (256 KiB), made on first use. */
function singlesOfHalves(): Uint32Array {
  if (table) return table;
  const values = Float32Array.from({ length: 1 << 16 }, (_, half) => halfToNumber(half));
  table = new Uint32Array(values.buffer);
  // NaNs keep their sign and payload
  for (let half = 0x7c01; half < 0x8000; half++) {
    table[half] = 0x7f800000 | ((half & 0x3ff) << 13);
    table[half | 0x8000] = (table[half]! | 0x80000000) >>> 0;
  }
  return table;
}

/** The values of halves, written to `target` from element `start` on. */
export function fromHalves(halves: Uint16Array, target: Float32Array, start: number): void {
  const singles = new Uint32Array(target.buffer, target.byteOffset, target.length);
  const values = singlesOfHalves();
  for (let i = 0; i < halves.length; i++) singles[start + i] = values[halves[i]!]!;
}

/** The same of bfloat16, which is the upper half of an f32. */
export function fromBrainHalves(halves: Uint16Array, target: Float32Array, start: number): void {
  const singles = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < halves.length; i++) singles[start + i] = halves[i]! << 16;
}
