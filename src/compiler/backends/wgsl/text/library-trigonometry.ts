/**
 * sin and cos in WGSL: x is n quarters of a turn and a rest of at most π/4, whose sine and cosine are short series.
 *
 *     |x| < 8192      the rest is x − n·π/2, with π/2 in three parts of few bits each (Cody and Waite 1980): n·part is exact
 *     larger          the bits of x times those of 2/π that matter to the result, in integers (Payne and Hanek 1983)
 *     ±∞, NaN         NaN
 */

export const TRIGONOMETRY = {
  many_turns: {
    text: `struct Turned { rest: f32, quarters: i32 }
fn two_over_pi(word: u32) -> u32 {
  switch (word) {
    case 1u: { return 0x28be60dbu; }
    case 2u: { return 0x9391054au; }
    case 3u: { return 0x7f09d5f4u; }
    case 4u: { return 0x7d4d3770u; }
    case 5u: { return 0x36d8a566u; }
    case 6u: { return 0x4f10e410u; }
    default: { return 0u; }
  }
}
// the product's high and low words
fn multiply_wide(a: u32, b: u32) -> vec2u {
  let middle = (a >> 16u) * (b & 0xffffu) + (((a & 0xffffu) * (b & 0xffffu)) >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return vec2u((a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u), a * b);
}
fn many_turns(x: f32) -> Turned {
  let bits = bitcast<u32>(x);
  let mantissa = (bits << 8u) | 0x80000000u;
  let exponent = ((bits >> 23u) & 0xffu) - 126u;
  // three words of 2/π: what is before them makes whole turns
  let word = exponent >> 5u;
  let shift = exponent & 31u;
  var digits: array<u32, 3>;
  for (var i = 0u; i < 3u; i++) {
    digits[i] = (two_over_pi(word + i) << shift) | ((two_over_pi(word + i + 1u) >> 1u) >> (31u - shift));
  }
  let carried = multiply_wide(mantissa, digits[2]).x;
  let product = multiply_wide(mantissa, digits[1]);
  var low = product.y + carried;
  var high = product.x + select(0u, 1u, low < carried) + mantissa * digits[0];
  // two bits of quarters; the rest is rounded to −½ … ½, as a sign and 64 bits of fraction
  let down = (high >> 29u) & 1u;
  let quarters = i32((high >> 30u) + down);
  high = (high << 2u) | (low >> 30u);
  low <<= 2u;
  if (down == 1u) {
    low = ~low + 1u;
    high = ~high + select(0u, 1u, low == 0u);
  }
  // no f32 is as near to a multiple of π/2 as 2^−30 of it, so high is not 0
  let zeros = countLeadingZeros(high);
  let top = (high << zeros) | ((low >> 1u) >> (31u - zeros));
  let rest = f32(top) * 3.6572951981e-10 * bitcast<f32>((127u - zeros) << 23u); // π/2 · 2^−32
  let negative = bits >= 0x80000000u;
  return Turned(select(rest, -rest, (down == 1u) != negative), select(quarters, -quarters, negative));
}`,
  },
  turned: {
    text: `fn quarter_turns(x: f32) -> Turned {
  if (abs(x) >= 8192.0) { return many_turns(x); }
  let n = round(x * 0.63661977237);
  return Turned(((x - n * 1.5703125) - n * 0.00048351287841796875) - n * 3.139164786504813e-7, i32(n));
}
fn sine_near(r: f32) -> f32 {
  let s = r * r;
  return r * (1.0 - s * (0.16666666667 - s * (0.00833333333 - s * (0.00019841270 - s * 0.0000027557319))));
}
fn cosine_near(r: f32) -> f32 {
  let s = r * r;
  return 1.0 - s * (0.5 - s * (0.04166666667 - s * (0.00138888889 - s * (0.0000248015873 - s * 0.00000027557319))));
}
// sin(x + quarters · π/2)
fn turned(x: f32, quarters: i32) -> f32 {
  let turns = quarter_turns(x);
  let n = turns.quarters + quarters;
  let near = select(sine_near(turns.rest), cosine_near(turns.rest), (n & 1) == 1);
  let bits = bitcast<u32>(select(near, -near, (n & 2) == 2));
  return bitcast<f32>(select(bits, 0x7fc00000u, (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u));
}`,
    needs: ['many_turns'],
  },
  sin_of: { text: 'fn sin_of(x: f32) -> f32 { return turned(x, 0); }', needs: ['turned'] },
  cos_of: { text: 'fn cos_of(x: f32) -> f32 { return turned(x, 1); }', needs: ['turned'] },

  // |x| in three parts, so that a polynomial of r, |r| < tan(π/8), is enough: atan x = π/4 + atan((x − 1)/(x + 1)) = π/2 − atan(1/x)
  atan_of: {
    text: `fn atan_of(x: f32) -> f32 {
  let a = abs(x);
  let far = a > 2.41421356237;
  let middle = a > 0.41421356237;
  let r = select(select(a, (a - 1.0) / (a + 1.0), middle), -1.0 / a, far);
  let s = r * r;
  let near = r * (1.0 - s * (0.3333295525 - s * (0.1997792597 - s * (0.1387984895 - s * 0.0806030591))));
  let y = select(select(0.0, 0.78539816340, middle), 1.57079632679, far) + near;
  return unless_nan(x, bitcast<f32>(bitcast<u32>(y) | (bitcast<u32>(x) & 0x80000000u)));
}`,
    needs: ['unless_nan'],
  },
} as const;
