/**
 * Random numbers by counter: the n-th number of a stream is a function of (seed, stream, n) and of nothing else.
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a 128-bit counter and a
 * 64-bit key give four 32-bit words. The key is the seed, the upper half of the counter the stream (the hash of a
 * parameter's name), the lower half the position. So a tensor can be made in chunks, in any order, on any machine.
 */

/**
 * High 32 bits of an unsigned 32 × 32-bit product, as a signed integer; the low ones are Math.imul. In 16-bit halves, so that nothing leaves 32 bits: a product
 * of halves and one half more are at most 2^32 − 2^16.
 */
function mulHigh(a: number, b: number): number {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const upper = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
  const lower = (Math.imul(a0, b1) + (upper & 0xffff)) | 0;
  return (Math.imul(a1, b1) + (upper >>> 16) + (lower >>> 16)) | 0;
}

export type Words = readonly [number, number, number, number];

/** Ten rounds of Philox4x32. All numbers are unsigned 32-bit; words are least significant first. */
export function philox(counter: Words, key: readonly [number, number]): Words {
  const words = new Uint32Array(4);
  philoxInto(words, 0, counter, key);
  return [...words] as unknown as Words;
}

/** The same, as four words from `at` on. */
function philoxInto(into: Uint32Array, at: number, counter: Words, key: readonly [number, number]): void {
  // signed in between, so that the loop is one of machine integers
  let [c0, c1, c2, c3] = [counter[0] | 0, counter[1] | 0, counter[2] | 0, counter[3] | 0];
  let [k0, k1] = [key[0] | 0, key[1] | 0];
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high1 = mulHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  into[at] = c0;
  into[at + 1] = c1;
  into[at + 2] = c2;
  into[at + 3] = c3;
}

/** FNV-1a, 64 bits, of the UTF-8 bytes of a name: [low, high]. */
export function hashName(name: string): readonly [number, number] {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return [Number(hash & 0xffffffffn), Number(hash >> 32n)];
}

export interface RandomStream {
  /** The word at an index. */
  at(index: number): number;
  /** The words from `start` on, as many as `into` holds. */
  fill(into: Uint32Array, start: number): void;
}

/**
 * The stream of a seed and a name: `at(n)` is its n-th 32-bit word.
 * @param seed an integer from 0 to 2^53 − 1
 */
export function randomStream(seed: number, name: string): RandomStream {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)] as const;
  const [streamLow, streamHigh] = hashName(name);
  const words = new Uint32Array(4);
  let cached = -1;
  const block = (number: number, into: Uint32Array, at: number): void =>
    philoxInto(into, at, [number >>> 0, Math.floor(number / 2 ** 32), streamLow, streamHigh], key);
  const at = (index: number): number => {
    const number = Math.floor(index / 4);
    if (number !== cached) {
      block(number, words, 0);
      cached = number;
    }
    return words[index % 4]!;
  };
  return {
    at,
    fill(into, start) {
      let i = 0;
      for (; i < into.length && (start + i) % 4 !== 0; i++) into[i] = at(start + i);
      for (; i + 4 <= into.length; i += 4) block((start + i) / 4, into, i);
      for (; i < into.length; i++) into[i] = at(start + i);
    },
  };
}
