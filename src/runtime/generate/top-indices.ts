/**
 * Indices of the k largest values, largest first; of equal values the lower index first. NaN is never taken.
 * Keeps a short sorted list, so a vocabulary of 51,200 is scanned once.
 */
export function topIndices(values: ArrayLike<number>, k: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isNaN(value) || (best.length === k && value <= values[best[k - 1]!]!)) continue;
    let at = best.length;
    while (at > 0 && values[best[at - 1]!]! < value) at--;
    best.splice(at, 0, i);
    if (best.length > k) best.pop();
  }
  return best;
}
