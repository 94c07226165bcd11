/**
 * Repetition penalty (CTRL, Keskar et al. 2019), as in HF: a score of a token that has occurred is divided by the
 * penalty when it is positive and multiplied by it when it is negative. Each token counts once.
 */
export function repetitionPenalty(scores: Float64Array, seen: Iterable<number>, penalty: number): Float64Array {
  const result = scores.slice();
  for (const token of new Set(seen)) {
    const z = scores[token];
    if (z !== undefined) result[token] = z < 0 ? z * penalty : z / penalty;
  }
  return result;
}
