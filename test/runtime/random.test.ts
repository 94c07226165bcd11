import { describe, expect, it } from 'vitest';
import { normalCdf, normalQuantile } from '../../src/runtime/normal.ts';
import { hashName, philox, randomStream } from '../../src/runtime/random.ts';

describe('philox4x32-10', () => {
  // the known answers that ship with Random123
  const ones = 0xffffffff;
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [ones, ones, ones, ones],
      [ones, ones],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('counter %j, key %j', (counter, key, words) => {
    expect(philox(counter, key)).toEqual(words);
  });
});

describe('hashName', () => {
  // from the FNV reference's test suite
  it.each([
    ['', 0xcbf29ce4, 0x84222325],
    ['a', 0xaf63dc4c, 0x8601ec8c],
    ['foobar', 0x85944171, 0xf73967e8],
  ])('FNV-1a of %j', (name, high, low) => {
    expect(hashName(name)).toEqual([low, high]);
  });
});

describe('randomStream', () => {
  it('depends on seed, name and index, and on no earlier call', () => {
    const forward = randomStream(7, 'w');
    const numbers = Array.from({ length: 20 }, (_, i) => forward.at(i));
    const backward = randomStream(7, 'w');
    for (let i = 19; i >= 0; i--) expect(backward.at(i)).toBe(numbers[i]);
    expect(randomStream(8, 'w').at(0)).not.toBe(numbers[0]);
    expect(randomStream(7, 'v').at(0)).not.toBe(numbers[0]);
    expect(randomStream(7 + 2 ** 32, 'w').at(0)).not.toBe(numbers[0]);
    expect(new Set(numbers).size).toBe(20);
  });

  it.each([0, 1, 6, 2 ** 34 - 3])('many words at once are those one by one, from %d on', (start) => {
    const random = randomStream(7, 'w');
    for (const count of [0, 1, 2, 7, 16]) {
      const words = new Uint32Array(count);
      random.fill(words, start);
      expect([...words]).toEqual(Array.from(words, (_, i) => randomStream(7, 'w').at(start + i)));
    }
  });
});

describe('the normal distribution', () => {
  // from Python's statistics.NormalDist and math.erfc
  it.each([
    [1e-12, -7.034483825301132],
    [1e-5, -4.2648907939228256],
    [0.01, -2.3263478740408408],
    [0.3, -0.5244005127080407],
    [0.5, 0],
    [0.9, 1.2815515655446008],
    [0.999, 3.090232306167813],
  ])('quantile of %f', (p, x) => {
    expect(Math.abs(normalQuantile(p) - x)).toBeLessThan(1e-14 * Math.max(1, Math.abs(x)));
  });
  it.each([
    [-8, 6.220960574271819e-16],
    [-3.5, 0.00023262907903552504],
    [-2, 0.02275013194817921],
    [-0.5, 0.3085375387259869],
    [0, 0.5],
    [1, 0.8413447460685429],
  ])('cumulative at %f', (x, p) => {
    expect(Math.abs(normalCdf(x) / p - 1)).toBeLessThan(1e-12);
  });
});
