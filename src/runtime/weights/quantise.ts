/**
 * f32 → codes, scales and zeros, and back (shared/quantisation.ts says what they mean). Groups do not depend on each other, so
 * a matrix can be quantised piece by piece while it streams.
 *
 *     symmetric   scale = max|w| / Q,                   code = round(w / scale)             Q = 7 or 127
 *     with zeros  scale = (max(w, 0) − min(w, 0)) / (2Q + 1),  code = round(w / scale) + zero
 *
 *     hqq         the same scale; zeros and codes by half-quadratic optimisation (hqq.ts), zeros as f16
 *
 * Scales are rounded to f16 first and codes found for the rounded scale; ties go to even; codes outside the range are clamped.
 */
import type { Quantisation, UnsignedRows } from '../../shared/quantisation.ts';
import { runtimeError } from '../errors.ts';
import { bytesOf } from './dtypes.ts';
import { halfToNumber, toHalf, toHalves } from './halves.ts';
import { halfQuadratic, roundEven } from './hqq.ts';

/** Of some whole groups. */
export interface Packed {
  /** as they are stored */
  readonly codes: Uint8Array;
  /** bits of f16, one a group */
  readonly scales: Uint16Array;
  /** one a group, not yet packed; all 0 where groups are symmetric */
  readonly zeros: Float32Array;
}

/** Where numbers come from, for messages. */
export interface Source {
  readonly key: string;
  /** element of the tensor that is the first here */
  readonly first: number;
}

/**
 * @param values whole groups
 * @throws RuntimeError R1224 for a number that is not finite, R1225 for a scale past f16, R1240 for the method gptq
 */
export function quantise(values: Float32Array, quantisation: Quantisation, source: Source): Packed {
  const { bits, group, method } = quantisation;
  if (method === 'gptq') throw runtimeError('quantise_uncalibrated', { key: source.key });
  const groups = values.length / group;
  const codes = new Int8Array(values.length);
  const scales = new Uint16Array(groups);
  const zeros = new Float32Array(groups);
  for (let at = 0; at < groups; at++) {
    const [from, to] = [at * group, (at + 1) * group];
    const own = values.subarray(from, to);
    const { scale, zero } = gridOf(own, quantisation, { ...source, first: source.first + from });
    scales[at] = scale;
    const wide = halfToNumber(scale);
    zeros[at] = method === 'hqq' ? halfQuadratic(own, wide, bits) : zero;
    codesOf(own, wide, zeros[at]!, bits, codes.subarray(from, to));
  }
  return { codes: packCodes(codes, bits), scales, zeros };
}

/** The scale (bits of f16) and zero of a group, by its range. @throws RuntimeError R1224, R1225 */
export function gridOf(
  values: Float32Array,
  { bits, zeros }: Quantisation,
  source: Source,
): { readonly scale: number; readonly zero: number } {
  let [low, high] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value))
      throw runtimeError('quantise_not_finite', { key: source.key, index: source.first + i, value: String(value) });
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const most = 2 ** (bits - 1) - 1;
  const exact = zeros ? (high - low) / (2 * most + 1) : Math.max(high, -low) / most;
  const scale = toHalf(exact);
  const rounded = halfToNumber(scale);
  if (rounded === Number.POSITIVE_INFINITY)
    throw runtimeError('quantise_range', { key: source.key, index: source.first, scale: String(exact) });
  // a scale below 2^−14 is rounded by more than 2^−11 of itself, so that the zero may be past the codes
  const zero = zeros && rounded > 0 ? Math.min(-most - 1 + roundEven(-low / rounded), most) : 0;
  return { scale, zero };
}

/** round(w / scale + zero), in the range of the codes. A scale of 0 has only values of 0. */
export function codeOf(value: number, scale: number, zero: number, bits: number): number {
  const [least, most] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const code = scale === 0 ? zero : roundEven(value / scale + zero);
  return code < least ? least : code > most ? most : code;
}

function codesOf(values: Float32Array, scale: number, zero: number, bits: number, codes: Int8Array): void {
  for (let i = 0; i < values.length; i++) codes[i] = codeOf(values[i]!, scale, zero, bits);
}

/** Codes or zeros as they are stored: of int4, the first of two in the low half of a byte. */
export function packCodes(codes: Int8Array, bits: number): Uint8Array {
  if (bits === 8) return new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
  const packed = new Uint8Array(Math.ceil(codes.length / 2));
  for (let i = 0; i < codes.length; i++) packed[i >> 1]! |= (codes[i]! & 15) << (4 * (i & 1));
  return packed;
}

/** @param count of codes, as an odd number of them fills half of the last byte */
export function unpackCodes(packed: Uint8Array, bits: number, count: number): Int8Array {
  if (bits === 8) return new Int8Array(packed.buffer, packed.byteOffset, count);
  const codes = new Int8Array(count);
  for (let i = 0; i < count; i++) codes[i] = (packed[i >> 1]! << (i & 1 ? 24 : 28)) >> 28;
  return codes;
}

/** Zeros as they are stored. */
export function packZeros(zeros: Float32Array, { bits, method }: Quantisation): Uint8Array {
  return method === 'hqq' ? bytesOf(toHalves(zeros)) : packCodes(Int8Array.from(zeros), bits);
}

/** Packed codes plus 2^(bits − 1), which turns the sign bit of each. */
export function unsignedCodes(packed: Uint8Array, bits: number): Uint8Array {
  const signs = bits === 8 ? 0x80 : 0x88;
  return packed.map((code) => code ^ signs);
}

/** The halves of codes of int8 plus 128, each packed as codes of int4. */
export function codeHalves(codes: Uint8Array): { readonly high: Uint8Array; readonly low: Uint8Array } {
  const bytes = Math.ceil(codes.length / 2);
  const [high, low] = [new Uint8Array(bytes), new Uint8Array(bytes)];
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]! ^ 0x80;
    const shift = 4 * (i & 1);
    high[i >> 1]! |= (code >> 4) << shift;
    low[i >> 1]! |= (code & 15) << shift;
  }
  return { high, low };
}

/** Zeros as `UnsignedRows` has them. */
export function unsignedZeros(zeros: Float32Array, quantisation: Quantisation, rows: UnsignedRows): Uint8Array {
  if (quantisation.method === 'hqq') return packZeros(zeros, quantisation);
  return rows.halves ? halvedZeros(zeros, rows) : wholeZeros(zeros, quantisation, rows);
}

/** The high halves of all rows, and then the low ones. */
function halvedZeros(zeros: Float32Array, { groups }: UnsignedRows): Uint8Array {
  const width = Math.ceil(groups / 2);
  const rows = zeros.length / groups;
  const bytes = new Uint8Array(2 * rows * width);
  for (let row = 0; row < rows; row++) {
    const own = Int8Array.from(zeros.subarray(row * groups, (row + 1) * groups));
    const { high, low } = codeHalves(packCodes(own, 8));
    bytes.set(high, row * width);
    bytes.set(low, (rows + row) * width);
  }
  return bytes;
}

function wholeZeros(zeros: Float32Array, quantisation: Quantisation, { groups }: UnsignedRows): Uint8Array {
  const { bits } = quantisation;
  const width = Math.ceil((groups * bits) / 8);
  const rows = zeros.length / groups;
  const bytes = new Uint8Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const own = packZeros(zeros.subarray(row * groups, (row + 1) * groups), quantisation);
    bytes.set(unsignedCodes(own, bits), row * width);
  }
  return bytes;
}

/** The values, which f32 holds exactly where zeros are integers. */
export function dequantise({ codes, scales, zeros }: Packed, { bits, group }: Quantisation): Float32Array {
  const values = new Float32Array(scales.length * group);
  const integers = unpackCodes(codes, bits, values.length);
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i / group);
    values[i] = halfToNumber(scales[at]!) * (integers[i]! - zeros[at]!);
  }
  return values;
}

/** Pieces of an f32 tensor in pieces of whole groups: bytes come in whatever lengths a file or a seed gives them. */
export async function* wholeGroups(chunks: AsyncIterable<Uint8Array>, group: number): AsyncIterable<Float32Array> {
  let rest = new Uint8Array(0);
  for await (const chunk of chunks) {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const whole = bytes.length - (bytes.length % (4 * group));
    if (whole > 0) yield new Float32Array(bytes.buffer, 0, whole / 4);
    rest = bytes.slice(whole);
  }
}
