/**
 * HQQ: the zero of a group by half-quadratic optimisation, without data. Badri and Shaji 2023, "Half-Quadratic Quantization of
 * Large Machine Learning Models", https://mobiusml.github.io/hqq_blog/
 *
 *   minimise over z  Σ |w − s · (q − z)|^p,   q = clamp(round(w / s + z)),   p = 0.7, by turns:
 *
 *     e ← shrink(w − s · (q − z), β),   shrink(x) = sign(x) · max(|x| − |x|^(p − 1) / β, 0)
 *     z ← mean(q − (w − e) / s),        β ← 1.01 · β,   from β = 10, while the mean of |w − s · (q − z)| falls, 20 turns at most
 *
 * Each group stops by itself (the authors' code stops a matrix as a whole), so that a matrix can stream. Zeros are rounded to
 * f16 at each turn, so that what is judged is what is stored.
 */
import { halfToNumber, toHalf } from './halves.ts';

const [NORM, BETA, GROWTH, TURNS] = [0.7, 10, 1.01, 20];

/**
 * The zero, rounded to f16.
 * @param scale of the group, as it is stored
 */
export function halfQuadratic(values: Float32Array, scale: number, bits: number): number {
  if (scale === 0) return 0;
  const [least, most] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const low = values.reduce((least, value) => Math.min(least, value), 0);
  let zero = asHalf(Math.min(least + roundEven(-low / scale), most));
  let [best, bestError, beta] = [zero, Number.POSITIVE_INFINITY, BETA];
  for (let turn = 0; turn <= TURNS; turn++) {
    let [error, sum] = [0, 0];
    for (const value of values) {
      const code = Math.min(Math.max(roundEven(value / scale + zero), least), most);
      const residual = value - scale * (code - zero);
      error += Math.abs(residual);
      sum += code - (value - shrink(residual, beta)) / scale;
    }
    if (error >= bestError) break;
    [best, bestError] = [zero, error];
    zero = asHalf(sum / values.length);
    beta *= GROWTH;
  }
  return best;
}

function shrink(x: number, beta: number): number {
  const size = Math.abs(x);
  if (size === 0) return 0;
  return Math.sign(x) * Math.max(size - size ** (NORM - 1) / beta, 0);
}

const asHalf = (value: number): number => halfToNumber(toHalf(value));

/** To the nearest integer, ties to even. */
export function roundEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
