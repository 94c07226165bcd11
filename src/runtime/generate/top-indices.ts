/** Beyond this keeping a sorted list costs more than sorting. */
const MANY = 64;

/** Also of two infinities, whose difference is NaN. */
const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Indices of the k largest values, largest first; of equal values the lower index first. NaN is never taken.
 * Keeps a short sorted list, so a vocabulary of 51,200 is scanned once; for many all are sorted.
 */
export function topIndices(values: ArrayLike<number>, k: number): number[] {
  if (k > MANY) {
    const all = Array.from({ length: values.length }, (_, i) => i).filter((i) => !Number.isNaN(values[i]!));
    return all.sort((a, b) => compare(values[b]!, values[a]!) || a - b).slice(0, k);
  }
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
