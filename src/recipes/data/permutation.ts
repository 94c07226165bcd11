/**
 * A shuffle that needs no list: a keyed permutation of 0 … n − 1, one index at a time.
 *
 * A Feistel network of four rounds permutes the numbers of 2k bits (Luby and Rackoff 1988), with Philox as the round
 * function; an image at or past n is sent through again until it lies below ("cycle walking"), at most four times on
 * average because 2^2k < 4n.
 */
import { hashName, philox } from '../../runtime/random.ts';

const ROUNDS = 4;

/**
 * @param size how many numbers are shuffled, below 2^32
 * @param seed an integer from 0 to 2^53 − 1
 * @param stream tells permutations of one seed apart, such as `epoch/3`
 */
export function permutation(size: number, seed: number, stream: string): (index: number) => number {
  let bits = 1; // of each half
  while (4 ** bits < size) bits++;
  const mask = 2 ** bits - 1;
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)] as const;
  const [low, high] = hashName(stream);
  const once = (value: number): number => {
    let left = Math.floor(value / 2 ** bits);
    let right = value & mask;
    for (let round = 0; round < ROUNDS; round++) {
      const [word] = philox([right, round, low, high], key);
      [left, right] = [right, (left ^ word) & mask];
    }
    return left * 2 ** bits + right;
  };
  return (index) => {
    let image = once(index);
    while (image >= size) image = once(image);
    return image;
  };
}
