/** Temperature: z / τ. Below 1 sharpens the distribution, above 1 flattens it. */
export function temperature(scores: Float64Array, tau: number): Float64Array {
  return scores.map((z) => z / tau);
}
