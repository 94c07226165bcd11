/**
 * erf and erfc in float64, accurate to a few units in the last place.
 *
 * Two classical expansions, both sums of positive terms, so nothing cancels:
 *   |x| < 1   erf(x)  = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!            (DLMF 7.6.2)
 *   x ≥ 1     erfc(x) = e^(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …))))  (DLMF 7.9.1)
 */
const SQRT_PI = Math.sqrt(Math.PI);

/** e^(−x²) without the rounding error of x²: x = h + l with h² exact, x² = h² + l(x + h). */
function expMinusSquare(x: number): number {
  const h = Math.fround(x);
  return Math.exp(-h * h) * Math.exp(-(x - h) * (x + h));
}

/** erf for |x| < 1: the terms shrink by 2x²/(2n+1), at most 30 of them count. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / SQRT_PI) * expMinusSquare(x) * sum;
}

/** erfc for x ≥ 1, from the tail of the fraction; its error falls as exp(−2x√(2n)), hence n ~ 1/x². */
function erfcFraction(x: number): number {
  if (x > 27) return 0; // erfc(27) is below the smallest float64
  const terms = Math.ceil(240 / (x * x)) + 8;
  let tail = x;
  for (let n = terms; n > 0; n--) tail = x + n / 2 / tail;
  return expMinusSquare(x) / (SQRT_PI * tail);
}

/** 2/√π ∫₀ˣ e^(−t²) dt */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) < 1) return x === 0 ? x : erfSeries(x);
  return x > 0 ? 1 - erfcFraction(x) : erfcFraction(-x) - 1;
}

/** 1 − erf(x), with full relative accuracy in the right tail */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x >= 1) return erfcFraction(x);
  if (x <= -1) return 2 - erfcFraction(-x);
  return 1 - erfSeries(x);
}

/** 1 / (1 + e^(−x)), with full relative accuracy in the left tail */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}
