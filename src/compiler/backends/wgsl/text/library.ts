/**
 * WGSL functions that kernels use where the language's own are too inexact or undefined.
 *
 * WGSL allows tanh an absolute error of 1e-5 and sin and cos one of 2^-11, and leaves infinities and NaN to the
 * implementation (section 15.7, "Floating point evaluation"). Ours stay within a few units of the last place of f32.
 */

interface LibraryFunction {
  readonly text: string;
  readonly needs?: readonly LibraryName[];
}

export type LibraryName =
  | 'is_nan'
  | 'erf_of'
  | 'tanh_of'
  | 'sigmoid_of'
  | 'gelu_erf'
  | 'gelu_tanh'
  | 'quarter_turns'
  | 'sin_of'
  | 'cos_of'
  | 'power'
  | 'maximum_of'
  | 'minimum_of'
  | 'to_integer'
  | 'reduce_mod'
  | 'multiply_mod'
  | 'cube_mod';

/** The field of random_uniform, 2²⁴ − 17: see ops/random.ts */
const P = '16777199u';

export const LIBRARY: { readonly [N in LibraryName]: LibraryFunction } = {
  // by bits: a comparison of x with itself may be optimised away
  is_nan: { text: 'fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }' },

  // |x| < 1: Maclaurin series to x¹⁹ (DLMF 7.6.1), remainder below 1e-9; else Abramowitz and Stegun 7.1.26, error 1.5e-7
  erf_of: {
    text: `fn erf_of(x: f32) -> f32 {
  let s = x * x;
  if (s < 1.0) {
    let series = 1.0 - s * (0.33333333333 - s * (0.1 - s * (0.02380952381 - s * (0.00462962963 - s * (0.00075757576
      - s * (0.00010683761 - s * (0.00001322751 - s * (0.00000145892 - s * 0.00000014504))))))));
    return 1.1283791671 * x * series;
  }
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - p * exp(-min(s, 80.0)));
}`,
  },

  // small x by the series, whose relative error is that of f32; e^(−2|x|) cannot overflow
  tanh_of: {
    text: `fn tanh_of(x: f32) -> f32 {
  let s = x * x;
  if (s < 0.1) {
    return x * (1.0 - s * (0.33333333333 - s * (0.13333333333 - s * (0.05396825397 - s * (0.02186948854 - s * 0.00886323552)))));
  }
  let e = exp(-2.0 * min(abs(x), 20.0));
  return select(sign(x) * (1.0 - e) / (1.0 + e), x, is_nan(x));
}`,
    needs: ['is_nan'],
  },

  // e^(−|x|) cannot overflow, and the left tail keeps its digits
  sigmoid_of: {
    text: `fn sigmoid_of(x: f32) -> f32 {
  let e = exp(-min(abs(x), 87.0));
  return select(select(e, 1.0, x >= 0.0) / (1.0 + e), x, is_nan(x));
}`,
    needs: ['is_nan'],
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

  // x − n·π/2 with π/2 in three parts of few bits each (Cody and Waite 1980): n·part is exact while |n| < 2¹³
  quarter_turns: {
    text: `fn quarter_turns(x: f32) -> vec2<f32> {
  let n = round(x * 0.63661977237);
  let r = ((x - n * 1.5703125) - n * 0.00048351287841796875) - n * 3.139164786504813e-7;
  return vec2<f32>(r, n);
}
fn sine_near(r: f32) -> f32 {
  let s = r * r;
  return r * (1.0 - s * (0.16666666667 - s * (0.00833333333 - s * (0.00019841270 - s * 0.0000027557319))));
}
fn cosine_near(r: f32) -> f32 {
  let s = r * r;
  return 1.0 - s * (0.5 - s * (0.04166666667 - s * (0.00138888889 - s * (0.0000248015873 - s * 0.00000027557319))));
}
fn turned(r: f32, n: i32) -> f32 {
  let value = select(sine_near(r), cosine_near(r), (n & 1) == 1);
  return select(value, -value, (n & 2) == 2);
}`,
  },
  sin_of: {
    text: 'fn sin_of(x: f32) -> f32 { let q = quarter_turns(x); return turned(q.x, i32(q.y)); }',
    needs: ['quarter_turns'],
  },
  cos_of: {
    text: 'fn cos_of(x: f32) -> f32 { let q = quarter_turns(x); return turned(q.x, i32(q.y) + 1); }',
    needs: ['quarter_turns'],
  },

  // WGSL's pow is undefined for a negative base; NaN there where the exponent is no integer
  power: {
    text: `fn power(a: f32, b: f32) -> f32 {
  if (b == 0.0 || a == 1.0) { return 1.0; }
  if (b == 1.0) { return a; }
  if (b == 2.0) { return a * a; }
  if (b == 0.5) { return sqrt(a); }
  if (b == -1.0) { return 1.0 / a; }
  if (a == 0.0) { return select(1.0 / a, 0.0, b > 0.0); }
  let whole = floor(b);
  if (a < 0.0 && whole != b) { return sqrt(a); }
  let odd = abs(whole - 2.0 * floor(whole * 0.5)) == 1.0;
  var size = 0.0;
  if (whole == b && abs(b) <= 8.0) {
    size = 1.0;
    for (var i = 0u; i < u32(abs(b)); i++) { size *= abs(a); }
    size = select(size, 1.0 / size, b < 0.0);
  } else {
    size = exp2(b * log2(abs(a)));
  }
  return select(size, -size, a < 0.0 && odd);
}`,
  },

  // NaN wins, as in NumPy and torch; WGSL's max may drop it
  maximum_of: {
    text: 'fn maximum_of(a: f32, b: f32) -> f32 { return select(max(a, b), a + b, is_nan(a) || is_nan(b)); }',
    needs: ['is_nan'],
  },
  minimum_of: {
    text: 'fn minimum_of(a: f32, b: f32) -> f32 { return select(min(a, b), a + b, is_nan(a) || is_nan(b)); }',
    needs: ['is_nan'],
  },

  to_integer: {
    text: 'fn to_integer(x: f32) -> i32 { return select(i32(x), 0, (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u); }',
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
  },
};
