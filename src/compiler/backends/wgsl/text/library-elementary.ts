/**
 * Powers, logarithms and roots in WGSL, with IEEE 754's values outside of their domains (see library.ts).
 *
 *     exp     ∞ past 88.72283, 0 below −88.72283 (the results between there and −103.3 are subnormal)
 *     log     −∞ of ±0, NaN below 0
 *     expm1   as exp; ±0 of ±0
 *     log1p   −∞ of −1, NaN below; ±0 of ±0
 *     sqrt    ±0 of ±0, NaN below 0
 *     rsqrt   ±∞ of ±0, 0 of ∞, NaN below 0
 *     pow     as IEEE 754's pow; NaN for a finite negative base with an exponent that is no integer
 */

/** for f32, and for vec4f */
function exponential(name: string, type: 'f32' | 'vec4f'): string {
  const words = type === 'f32' ? 'u32' : 'vec4u';
  const bits = (value: string): string => (type === 'f32' ? value : `${words}(${value})`);
  return `fn ${name}(x: ${type}) -> ${type} {
  let bits = bitcast<${words}>(x);
  let size = bits & ${bits('0x7fffffffu')};
  let past = select(${bits('0x7f800000u')}, ${bits('0u')}, bits > ${bits('0x7fffffffu')});
  let found = select(bitcast<${words}>(exp(x)), past, size > ${bits('0x42b17217u')});
  return bitcast<${type}>(select(found, bits, size > ${bits('0x7f800000u')}));
}`;
}

export const ELEMENTARY = {
  exp_of: { text: exponential('exp_of', 'f32') },
  exp4_of: {
    text: exponential('exp4_of', 'vec4f'),
    ...({ takes: 'vec4f', gives: 'vec4f' } as const),
  },

  // x = 2^k · (1 + f) with 1 + f between √½ and √2, and log(1 + f) by s = f / (2 + f) (fdlibm, e_logf.c).
  // A subnormal is its bits times 2^−149.
  log_of: {
    text: `fn log_of(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let tiny = bits < 0x00800000u;
  let shifted = select(bits, bitcast<u32>(f32(bits)), tiny) + 0x004afb0du;
  let k = f32(i32(shifted >> 23u) - select(127, 276, tiny));
  let f = bitcast<f32>((shifted & 0x007fffffu) + 0x3f3504f3u) - 1.0;
  let s = f / (2.0 + f);
  let z = s * s;
  let w = z * z;
  let r = z * (0.66666662693 + w * 0.28498786688) + w * (0.40000972152 + w * 0.24279078841);
  let half = 0.5 * f * f;
  let y = ((s * (half + r) + k * 9.0580006145e-6) - half) + f + k * 6.9313812256e-1;
  var found = select(bitcast<u32>(y), bits, bits >= 0x7f800000u);
  found = select(found, 0x7fc00000u, bits > 0x80000000u);
  return bitcast<f32>(select(found, 0xff800000u, (bits << 1u) == 0u));
}`,
  },

  // |x| < ½: its series to x⁹, remainder below 1e-9 of it
  expm1_of: {
    text: `fn expm1_of(x: f32) -> f32 {
  let series = x * (1.0 + x * (0.5 + x * (0.16666666667 + x * (0.04166666667 + x * (0.00833333333 + x * (0.00138888889
    + x * (0.00019841270 + x * (0.00002480159 + x * 0.00000275573))))))));
  return unless_nan(x, select(exp_of(x) - 1.0, series, abs(x) < 0.5));
}`,
    needs: ['unless_nan', 'exp_of'],
  },

  // |x| < ½: 2 artanh(r), r = x / (2 + x), by its series to r¹⁵, remainder below 1e-9 of it
  log1p_of: {
    text: `fn log1p_of(x: f32) -> f32 {
  let r = x / (2.0 + x);
  let s = r * r;
  let series = 1.0 + s * (0.33333333333 + s * (0.2 + s * (0.14285714286 + s * (0.11111111111 + s * (0.09090909091
    + s * (0.07692307692 + s * 0.06666666667))))));
  return unless_nan(x, select(log_of(1.0 + x), 2.0 * r * series, abs(x) < 0.5));
}`,
    needs: ['unless_nan', 'log_of'],
  },

  sqrt_of: {
    text: `fn sqrt_of(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  // 0, ∞, NaN and what has a sign
  let found = select(bitcast<u32>(sqrt(x)), bits, bits - 1u >= 0x7f7fffffu);
  return bitcast<f32>(select(found, 0x7fc00000u, bits > 0x80000000u));
}`,
  },

  rsqrt_of: {
    text: `fn rsqrt_of(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  var found = select(bitcast<u32>(inverseSqrt(x)), 0u, bits == 0x7f800000u);
  found = select(found, 0x7fc00000u, bits > 0x7f800000u);
  return bitcast<f32>(select(found, bits | 0x7f800000u, (bits << 1u) == 0u));
}`,
  },

  // small whole exponents by multiplication, which is exact where the result is
  power: {
    text: `fn power(a: f32, b: f32) -> f32 {
  let bits = bitcast<u32>(a);
  if (bits == 0x3f800000u || (bitcast<u32>(b) << 1u) == 0u) { return 1.0; }
  if (is_nan(a) || is_nan(b)) { return unless_nan(a, b); }
  if (b == 1.0) { return a; }
  if (b == 2.0) { return a * a; }
  let size = abs(a);
  let whole = abs(b) >= 8388608.0 || floor(b) == b;
  // finite, below 0
  if (bits - 0x80000001u < 0x7f7fffffu && !whole) { return bitcast<f32>(0x7fc00000u | bits); }
  var power = 1.0;
  if (whole && abs(b) <= 8.0) {
    let factor = select(size, 1.0 / size, b < 0.0);
    for (var i = 0u; i < u32(abs(b)); i++) { power *= factor; }
  } else if (b == 0.5) {
    power = sqrt_of(size);
  } else if (size != 1.0) {
    power = exp_of(b * log_of(size));
  }
  let odd = whole && abs(b) < 16777216.0 && (i32(b) & 1) == 1;
  return select(power, -power, odd && bits >= 0x80000000u);
}`,
    needs: ['unless_nan', 'sqrt_of', 'exp_of', 'log_of'],
  },
} as const;
