/**
 * Random numbers by counter: the n-th number of a stream is a function of (seed, stream, n) and of nothing else.
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a 128-bit counter and a
 * 64-bit key give four 32-bit words. The key is the seed, the upper half of the counter the stream (the hash of a
 * parameter's name), the lower half the position. So a tensor can be made in chunks, in any order, on any machine.
 */

/** High 32 bits of a 32 × 32-bit product; the low ones are Math.imul. */
function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16); // below 2^32
  const carry = a0 * b1 + (middle & 0xffff);
  return (a1 * b1 + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

export type Words = readonly [number, number, number, number];

/** Ten rounds of Philox4x32. All numbers are unsigned 32-bit; words are least significant first. */
export function philox(counter: Words, key: readonly [number, number]): Words {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high1 = mulHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** FNV-1a, 64 bits, of the UTF-8 bytes of a name: [low, high]. */
export function hashName(name: string): readonly [number, number] {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return [Number(hash & 0xffffffffn), Number(hash >> 32n)];
}

/**
 * The stream of a seed and a name: `at(n)` is its n-th 32-bit word.
 * @param seed an integer from 0 to 2^53 − 1
 */
export function randomStream(seed: number, name: string): { at(index: number): number } {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)] as const;
  const [streamLow, streamHigh] = hashName(name);
  let cached = -1;
  let words: Words = [0, 0, 0, 0];
  return {
    at(index) {
      const block = Math.floor(index / 4);
      if (block !== cached) {
        words = philox([block >>> 0, Math.floor(block / 2 ** 32), streamLow, streamHigh], key);
        cached = block;
      }
      return words[index % 4]!;
    },
  };
}
