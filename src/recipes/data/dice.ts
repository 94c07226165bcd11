/**
 * Random choices by counter: what the n-th example of a stream looks like depends on (seed, stream, n) alone, so any
 * batch can be made again after a restart, in any order.
 */
import { hashName, philox } from '../../runtime/random.ts';

/** Choices of one example; each call uses up the next number. */
export interface Dice {
  /** in [0, 1) */
  unit(): number;
  /** an integer from 0 to n − 1 */
  below(n: number): number;
  /** an integer from `low` to `high`, both included */
  between(low: number, high: number): number;
  pick<T>(list: readonly T[]): T;
  /** true with this probability */
  chance(probability: number): boolean;
}

/**
 * The dice of each example of a stream.
 * @param seed an integer from 0 to 2^53 − 1
 * @param stream its name, such as `emoji/stage2/train`
 */
export function diceOf(seed: number, stream: string): (index: number) => Dice {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)] as const;
  const [low, high] = hashName(stream);
  return (index) => {
    let block = 0;
    let words: readonly number[] = [];
    let used = 4;
    const next = (): number => {
      if (used === 4) {
        // the position takes the first two words of the counter: block and example
        words = philox([block++, index >>> 0, low, (high ^ Math.floor(index / 2 ** 32)) >>> 0], key);
        used = 0;
      }
      return words[used++]!;
    };
    const unit = (): number => next() / 2 ** 32;
    const below = (n: number): number => Math.floor(unit() * n);
    return {
      unit,
      below,
      between: (from, to) => from + below(to - from + 1),
      pick: (list) => list[below(list.length)]!,
      chance: (probability) => unit() < probability,
    };
  };
}

/** A fixed 32-bit hash of a text (FNV-1a with a final mix, as murmur3 has it): decides splits, never content. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
