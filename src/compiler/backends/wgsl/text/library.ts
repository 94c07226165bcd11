/**
 * WGSL functions that kernels use where the language's own are too inexact or undefined.
 *
 * WGSL allows tanh an absolute error of 1e-5, log near 1 one of 2^-21 and sin and cos one of 2^-11, says nothing of log, sqrt
 * and pow outside of their domains, and lets an implementation assume that no f32 is NaN or infinite (section 15.7,
 * "Floating point evaluation"). Ours stay within a few units of the last place of f32 and have IEEE 754's values
 * everywhere; only a subnormal, as operand or result, may count as 0, as WGSL allows.
 *
 * Special values are recognised by their bits and selected as bits, so that no assumption about f32 removes them. Plain
 * +, −, · and negation are left to the device.
 */

import { call, type Expression, type Type } from './expression.ts';
import { ELEMENTARY } from './library-elementary.ts';
import { TRIGONOMETRY } from './library-trigonometry.ts';
import { Name } from './name.ts';

interface LibraryFunction {
  readonly text: string;
  readonly needs?: readonly LibraryName[];
  /** type of its operands and of its result, where that is not f32 */
  readonly takes?: Type;
  readonly gives?: Type;
}

export type LibraryName =
  | keyof typeof ELEMENTARY
  | keyof typeof TRIGONOMETRY
  | ('is_nan' | 'unless_nan' | 'truth_of' | 'equal_of' | 'less_of' | 'less_equal_of' | 'maximum_of' | 'minimum_of')
  | (
      | 'times_zero'
      | 'quotient'
      | 'erf_of'
      | 'tanh_of'
      | 'sigmoid_of'
      | 'relu_of'
      | 'softplus_of'
      | 'round_of'
      | 'floor_of'
      | 'half_of'
      | 'gelu_erf'
      | 'gelu_tanh'
    )
  | ('byte_of' | 'bytes_of' | 'bytes_from' | 'halves_of' | 'halves_from')
  | ('to_integer' | 'reduce_mod' | 'multiply_mod' | 'cube_mod');

/** The field of random_uniform, 2²⁴ − 17: see ops/random.ts */
const P = '16777199u';

/** false where one is NaN */
const comparison = (name: string, sign: string): LibraryFunction => ({
  text: `fn ${name}(a: f32, b: f32) -> bool { return !is_nan(a) && !is_nan(b) && a ${sign} b; }`,
  needs: ['is_nan'],
  gives: 'bool',
});

/** NaN wins, as in NumPy and torch; WGSL's max may drop it. */
const extreme = (name: string, of: 'max' | 'min'): LibraryFunction => ({
  text: `fn ${name}(a: f32, b: f32) -> f32 { return unless_nan(a, unless_nan(b, ${of}(a, b))); }`,
  needs: ['unless_nan'],
});

export const LIBRARY: { readonly [N in LibraryName]: LibraryFunction } = {
  ...ELEMENTARY,
  ...TRIGONOMETRY,

  is_nan: {
    text: 'fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }',
    gives: 'bool',
  },
  // y, or x where that is NaN
  unless_nan: {
    text: `fn unless_nan(x: f32, y: f32) -> f32 {
  return bitcast<f32>(select(bitcast<u32>(y), bitcast<u32>(x), is_nan(x)));
}`,
    needs: ['is_nan'],
  },

  // x ≠ 0: NaN is, and WGSL's != may say otherwise
  truth_of: { text: 'fn truth_of(x: f32) -> bool { return (bitcast<u32>(x) << 1u) != 0u; }', gives: 'bool' },
  equal_of: comparison('equal_of', '=='),
  less_of: comparison('less_of', '<'),
  less_equal_of: comparison('less_equal_of', '<='),
  maximum_of: extreme('maximum_of', 'max'),
  minimum_of: extreme('minimum_of', 'min'),

  // NaN of NaN and ±∞, else 0 with the sign of x
  times_zero: {
    text: `fn times_zero(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  return bitcast<f32>(select(bits & 0x80000000u, 0x7fc00000u, (bits & 0x7f800000u) == 0x7f800000u));
}`,
  },

  // WGSL says how exact a division is for divisors up to 2¹²⁶; beyond, implementations that multiply by 1/b give 0
  quotient: {
    text: `fn quotient(a: f32, b: f32) -> f32 {
  let scale = select(1.0, 0.25, abs(b) > 0x1p+125f);
  return (a * scale) / (b * scale);
}`,
  },

  // WGSL's own, which keep the numbers from 2²³ up as they are; NaN and ±∞ stay
  round_of: {
    text: 'fn round_of(x: f32) -> f32 { return unless_nan(x, select(x, round(x), abs(x) < 0x1p+23f)); }',
    needs: ['unless_nan'],
  },
  floor_of: {
    text: 'fn floor_of(x: f32) -> f32 { return unless_nan(x, select(x, floor(x), abs(x) < 0x1p+23f)); }',
    needs: ['unless_nan'],
  },

  // of normal halves the 13 digits that f32 has more are rounded off, to even; below, a multiple of 2⁻²⁴
  half_of: {
    text: `fn half_of(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  let small = bitcast<u32>(round(bitcast<f32>(min(size, 0x38800000u)) * 0x1p+24f) * 0x1p-24f);
  let near = (size + 0xfffu + ((size >> 13u) & 1u)) & 0xffffe000u;
  let far = select(near, 0x7f800000u, size >= 0x477ff000u);
  return unless_nan(x, bitcast<f32>(select(far, small, size < 0x38800000u) | (bits & 0x80000000u)));
}`,
    needs: ['unless_nan'],
  },

  // |x| < 1: Maclaurin series to x¹⁹ (DLMF 7.6.1), remainder below 1e-9; else Abramowitz and Stegun 7.1.26, error 1.5e-7
  erf_of: {
    text: `fn erf_of(x: f32) -> f32 {
  let a = min(abs(x), 8.0);
  let s = a * a;
  let series = 1.0 - s * (0.33333333333 - s * (0.1 - s * (0.02380952381 - s * (0.00462962963 - s * (0.00075757576
    - s * (0.00010683761 - s * (0.00001322751 - s * (0.00000145892 - s * 0.00000014504))))))));
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let far = sign(x) * (1.0 - p * exp(-s));
  return unless_nan(x, select(far, 1.1283791671 * x * series, s < 1.0));
}`,
    needs: ['unless_nan'],
  },

  // small x by the series, whose relative error is that of f32; e^(−2|x|) cannot overflow
  tanh_of: {
    text: `fn tanh_of(x: f32) -> f32 {
  let s = x * x;
  let series = x * (1.0 - s * (0.33333333333 - s * (0.13333333333 - s * (0.05396825397 - s * (0.02186948854 - s * 0.00886323552)))));
  let e = exp(-2.0 * min(abs(x), 20.0));
  return unless_nan(x, select(sign(x) * (1.0 - e) / (1.0 + e), series, s < 0.1));
}`,
    needs: ['unless_nan'],
  },

  // e^(−|x|) cannot overflow, and the left tail keeps its digits
  sigmoid_of: {
    text: `fn sigmoid_of(x: f32) -> f32 {
  let a = abs(x);
  let e = select(exp(-min(a, 88.0)), 0.0, a > 88.0);
  return unless_nan(x, select(e, 1.0, x >= 0.0) / (1.0 + e));
}`,
    needs: ['unless_nan'],
  },

  // 0 for what has a sign and is no NaN
  relu_of: {
    text: 'fn relu_of(x: f32) -> f32 { return select(x, 0.0, bitcast<u32>(x) - 0x80000000u <= 0x7f800000u); }',
  },

  // max(x, 0) + log(1 + e), e = e^(−|x|): log(1 + e) = 2 artanh(t), t = e/(2 + e), by its series, remainder below 2e-8 of it
  softplus_of: {
    text: `fn softplus_of(x: f32) -> f32 {
  let a = abs(x);
  let e = select(exp(-min(a, 88.0)), 0.0, a > 88.0);
  let twice = e / (1.0 + 0.5 * e);
  let s = 0.25 * twice * twice;
  let series = 1.0 + s * (0.33333333333 + s * (0.2 + s * (0.14285714286 + s * (0.11111111111 + s * (0.09090909091 + s * 0.07692307692)))));
  return unless_nan(x, max(x, 0.0) + twice * series);
}`,
    needs: ['unless_nan'],
  },

  gelu_erf: {
    text: 'fn gelu_erf(x: f32) -> f32 { return 0.5 * x * (1.0 + erf_of(x * 0.70710678118)); }',
    needs: ['erf_of'],
  },

  // x/2 · (1 + tanh u) = x · sigmoid(2u)
  gelu_tanh: {
    text: 'fn gelu_tanh(x: f32) -> f32 { return x * sigmoid_of(1.59576912161 * (x + 0.044715 * x * x * x)); }',
    needs: ['sigmoid_of'],
  },

  // byte i % 4 of a word, and all four
  byte_of: {
    text: 'fn byte_of(word: u32, i: u32) -> f32 { return f32(extractBits(bitcast<i32>(word), 8u * (i & 3u), 8u)); }',
    takes: 'u32',
  },
  bytes_of: {
    text: `fn bytes_of(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4<i32>(bitcast<i32>(word)) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));
}`,
    takes: 'u32',
    gives: 'vec4f',
  },
  // of whole numbers from −128 to 127
  bytes_from: {
    text: `fn bytes_from(x: vec4<f32>) -> u32 {
  let bytes = bitcast<vec4<u32>>(vec4<i32>(x)) & vec4<u32>(0xffu);
  return bytes.x | (bytes.y << 8u) | (bytes.z << 16u) | (bytes.w << 24u);
}`,
    takes: 'vec4f',
    gives: 'u32',
  },
  halves_of: {
    text: `fn halves_of(x: vec2<u32>) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(x.x), unpack2x16float(x.y));
}`,
    takes: 'vec2u',
    gives: 'vec4f',
  },
  // the bits of numbers that halves hold
  halves_from: {
    text: `fn halves_from(x: vec4<f32>) -> vec2<u32> {
  let bits = bitcast<vec4<u32>>(x);
  let size = bits & vec4<u32>(0x7fffffffu);
  let normal = (size - vec4<u32>(0x38000000u)) >> vec4<u32>(13u);
  let small = vec4<u32>(bitcast<vec4<f32>>(min(size, vec4<u32>(0x38800000u))) * 0x1p+24f);
  let finite = select(normal, small, size < vec4<u32>(0x38800000u));
  let odd = select(vec4<u32>(0x7c00u), vec4<u32>(0x7e00u), size > vec4<u32>(0x7f800000u));
  let half = select(finite, odd, size >= vec4<u32>(0x7f800000u)) | ((bits >> vec4<u32>(16u)) & vec4<u32>(0x8000u));
  return half.xz | (half.yw << vec2<u32>(16u));
}`,
    takes: 'vec4f',
    gives: 'vec2u',
  },

  to_integer: {
    text: 'fn to_integer(x: f32) -> i32 { return select(i32(x), 0, (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u); }',
    gives: 'i32',
  },

  // 2²⁴ ≡ 17, so what is above 24 bits comes back 17-fold: below 2²⁴ + 4352 for any x, which is below 2p
  reduce_mod: {
    text: `fn reduce_mod(x: u32) -> u32 {
  let r = (x & 0xffffffu) + 17u * (x >> 24u);
  return select(r, r - ${P}, r >= ${P});
}`,
  },
  // x·y mod p for x, y < 2²⁴ in 32 bits: halves of 12 bits, whose products are h·2²⁴ + m·2¹² + l with h, l < 2²⁴ and m < 2²⁵
  multiply_mod: {
    text: `fn multiply_mod(x: u32, y: u32) -> u32 {
  let a = x >> 12u;
  let b = x & 0xfffu;
  let c = y >> 12u;
  let d = y & 0xfffu;
  let m = a * d + b * c;
  return reduce_mod(17u * (a * c + (m >> 12u)) + ((m & 0xfffu) << 12u) + b * d);
}`,
    needs: ['reduce_mod'],
  },
  cube_mod: {
    text: 'fn cube_mod(x: u32) -> u32 { let y = reduce_mod(x); return multiply_mod(multiply_mod(y, y), y); }',
    needs: ['multiply_mod', 'reduce_mod'],
    takes: 'u32',
    gives: 'u32',
  },
};

/** In the order in which they are printed. */
export const LIBRARY_NAMES = Object.keys(LIBRARY) as readonly LibraryName[];

const NAMES: ReadonlyMap<LibraryName, Name> = new Map(LIBRARY_NAMES.map((name) => [name, new Name(name)]));
const FUNCTIONS: ReadonlyMap<Name, LibraryName> = new Map([...NAMES].map(([name, made]) => [made, name]));

/** The name of a function of the library, in a template: what has it in its text has the function in its module. */
export const libraryName = (name: LibraryName): Name => NAMES.get(name)!;

export const libraryFunction = (name: Name): LibraryName | undefined => FUNCTIONS.get(name);

/** A call of a function of the library. @throws Error for operands of another type, which no rule gives it */
export function library(name: LibraryName, operands: readonly Expression[]): Expression {
  const { takes = 'f32', gives = 'f32' } = LIBRARY[name];
  const other = operands.find(({ type }) => type !== takes);
  if (other) throw new Error(`${name} takes ${takes}, and ${other.key} is ${other.type}`);
  return call(libraryName(name), operands, gives);
}
