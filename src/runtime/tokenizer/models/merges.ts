/** The merges of a BPE, applied to a word: of all neighbours that can be merged those of the lowest rank, leftmost first. */

/** Ids are below 2^24, so a pair fits in one number. */
export const pairKey = (left: number, right: number): number => left * 2 ** 24 + right;

export interface MergeRule {
  readonly rank: number;
  readonly id: number;
}

interface Entry extends MergeRule {
  readonly at: number;
}

/** A symbol is at the place of its first character; `next` and `previous` are −1 at the ends, a merged one is gone. */
export function mergeWord(symbols: readonly number[], rules: ReadonlyMap<number, MergeRule>): number[] {
  const ids = [...symbols];
  const gone = new Uint8Array(ids.length);
  const next = Int32Array.from(ids, (_, i) => (i + 1 < ids.length ? i + 1 : -1));
  const previous = Int32Array.from(ids, (_, i) => i - 1);
  const queue = new Queue();
  const offer = (at: number): void => {
    const rule = at < 0 || next[at]! < 0 ? undefined : rules.get(pairKey(ids[at]!, ids[next[at]!]!));
    if (rule) queue.push({ ...rule, at });
  };
  for (let at = 0; at < ids.length; at++) offer(at);
  for (let top = queue.pop(); top; top = queue.pop()) {
    const { at, id } = top;
    const right = next[at]!;
    // an entry is stale when one of its symbols has been merged since
    if (gone[at] || right < 0 || rules.get(pairKey(ids[at]!, ids[right]!))?.id !== id) continue;
    ids[at] = id;
    gone[right] = 1;
    next[at] = next[right]!;
    if (next[at]! >= 0) previous[next[at]!] = at;
    offer(previous[at]!);
    offer(at);
  }
  return ids.filter((_, i) => !gone[i]);
}

/** A binary heap: lowest rank first, then leftmost. */
class Queue {
  private readonly heap: Entry[] = [];

  push(entry: Entry): void {
    const { heap } = this;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  pop(): Entry | undefined {
    const { heap } = this;
    const top = heap[0];
    const last = heap.pop();
    if (!last || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.rank < b.rank || (a.rank === b.rank && a.at < b.at);
