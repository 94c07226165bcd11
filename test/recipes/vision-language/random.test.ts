import { describe, expect, it } from 'vitest';
import { diceOf, hash32 } from '../../../src/recipes/data/dice.ts';
import { permutation } from '../../../src/recipes/data/permutation.ts';

describe('dice', () => {
  it('depend on the seed, the stream and the index, and on nothing else', () => {
    const throwTen = (seed: number, stream: string, index: number): number[] => {
      const dice = diceOf(seed, stream)(index);
      return Array.from({ length: 10 }, () => dice.unit());
    };
    expect(throwTen(1, 'a', 5)).toEqual(throwTen(1, 'a', 5));
    const others = [throwTen(2, 'a', 5), throwTen(1, 'b', 5), throwTen(1, 'a', 6), throwTen(1 + 2 ** 32, 'a', 5)];
    for (const other of others) expect(other).not.toEqual(throwTen(1, 'a', 5));
    expect(throwTen(1, 'a', 5 + 2 ** 32)).not.toEqual(throwTen(1, 'a', 5));
  });
  it('are fair', () => {
    const dices = diceOf(0, 'fair');
    const counts = Array<number>(6).fill(0);
    for (let i = 0; i < 6000; i++) counts[dices(i).between(1, 6) - 1]!++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
    expect(dices(1).chance(0)).toBe(false);
    expect(dices(1).chance(1)).toBe(true);
  });
});

describe('permutation', () => {
  it.each([1, 2, 3, 4, 5, 17, 64, 65, 1000])('of %i numbers hits each once', (size) => {
    const shuffle = permutation(size, 7, 'epoch/0');
    const images = Array.from({ length: size }, (_, i) => shuffle(i));
    expect([...images].sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
  });
  it('differs by seed and stream', () => {
    const first = (seed: number, stream: string): number[] =>
      Array.from({ length: 20 }, (_, i) => permutation(1000, seed, stream)(i));
    expect(first(1, 'a')).toEqual(first(1, 'a'));
    expect(first(1, 'a')).not.toEqual(first(2, 'a'));
    expect(first(1, 'a')).not.toEqual(first(1, 'b'));
  });
});

describe('hash32', () => {
  it('never changes: splits depend on it', () => {
    expect([hash32(''), hash32('dog'), hash32('cat+dog')]).toMatchInlineSnapshot(`
      [
        2872998923,
        2443789735,
        1455560691,
      ]
    `);
  });
});
