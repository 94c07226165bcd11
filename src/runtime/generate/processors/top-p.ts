/**
 * Top-p (nucleus sampling, Holtzman et al. 2020), as HF computes it: from the least likely token up, tokens are
 * dropped while their cumulated probability is at most 1 − p. The most likely token always stays. Of equally likely
 * tokens the higher ids go first.
 */
import { softmax } from '../softmax.ts';

export function topP(scores: Float64Array, p: number): Float64Array {
  const probabilities = softmax(scores);
  const ascending = Array.from(scores.keys()).sort((a, b) => probabilities[a]! - probabilities[b]! || b - a);
  const kept = scores.slice();
  let cumulated = 0;
  for (const token of ascending.slice(0, -1)) {
    cumulated += probabilities[token]!;
    if (cumulated > 1 - p) break;
    kept[token] = Number.NEGATIVE_INFINITY;
  }
  return kept;
}
