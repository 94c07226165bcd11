/** Top-k: all but the k largest scores become −∞. Scores equal to the k-th are kept, as in HF. */
import { topIndices } from '../top-indices.ts';

export function topK(scores: Float64Array, k: number): Float64Array {
  if (k >= scores.length) return scores;
  const threshold = scores[topIndices(scores, k).at(-1)!]!;
  return scores.map((z) => (z < threshold ? Number.NEGATIVE_INFINITY : z));
}
