/** Minimum length: the stop tokens get −∞ until `least` tokens have been generated. */
export function minNewTokens(
  scores: Float64Array,
  generated: number,
  least: number,
  stopTokens: readonly number[],
): Float64Array {
  if (generated >= least) return scores;
  const result = scores.slice();
  for (const token of stopTokens) if (token < result.length) result[token] = Number.NEGATIVE_INFINITY;
  return result;
}
