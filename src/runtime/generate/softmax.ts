/** Softmax over the vocabulary, in float64 and safe against overflow: the largest score is subtracted first. */

/** zᵢ − log Σⱼ exp(zⱼ) */
export function logSoftmax(scores: Float64Array): Float64Array {
  const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = scores.reduce((total, z) => total + Math.exp(z - largest), 0);
  const shift = largest + Math.log(sum);
  return scores.map((z) => z - shift);
}

/** exp(zᵢ) / Σⱼ exp(zⱼ) */
export function softmax(scores: Float64Array): Float64Array {
  return logSoftmax(scores).map(Math.exp);
}

/**
 * The token whose share of [0, 1) holds u, tokens in order of their ids.
 * @param u in [0, 1)
 */
export function pick(probabilities: Float64Array, u: number): number {
  const total = probabilities.reduce((sum, p) => sum + p, 0);
  let left = u * total;
  let last = 0;
  for (let token = 0; token < probabilities.length; token++) {
    const p = probabilities[token]!;
    if (p <= 0) continue;
    if (left < p) return token;
    left -= p;
    last = token; // rounding may leave a crumb after the last token
  }
  return last;
}
