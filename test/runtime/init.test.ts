import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initialise } from '../../src/runtime/init.ts';
import type { Initializer } from '../../src/shared/initializer.ts';
import { provokes } from './support.ts';

const SPECS: readonly Initializer[] = [
  { kind: 'zeros' },
  { kind: 'ones' },
  { kind: 'constant', value: 0.25 },
  { kind: 'normal', mean: 0.5, std: 0.02 },
  { kind: 'truncated_normal', mean: 0, std: 1, a: -2, b: 2 },
  { kind: 'uniform', low: -1, high: 3 },
  { kind: 'kaiming_uniform', a: Math.sqrt(5) },
  { kind: 'xavier_uniform', gain: 1 },
  { kind: 'arange' },
];

function moments(values: Float32Array) {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance), min: Math.min(...values), max: Math.max(...values) };
}

const target = { seed: 1, key: 'layer.weight', shape: [200, 300] };

describe('initialise', () => {
  it.each(SPECS)('$kind: chunks are the same as the whole', (spec) => {
    const whole = initialise(spec, { ...target, shape: [7, 11] });
    fc.assert(
      fc.property(fc.nat(77), fc.nat(77), (a, b) => {
        const [start, end] = a < b ? [a, b] : [b, a];
        expect(initialise(spec, { ...target, shape: [7, 11] }, start, end - start)).toEqual(whole.slice(start, end));
      }),
      { numRuns: 30 },
    );
  });

  it('is the same on every run and machine', () => {
    // written down once: a change here changes every model that was made from a seed
    const first = (spec: Initializer) => [...initialise(spec, { seed: 0, key: 'w', shape: [4] })];
    const uniform = [0.9896311163902283, 0.0434841513633728, 0.43067872524261475, 0.5889368057250977];
    const normal = [2.312725067138672, -1.7116111516952515, -0.17464643716812134, 0.2248108983039856];
    expect(first({ kind: 'uniform', low: 0, high: 1 })).toEqual(uniform);
    expect(first({ kind: 'normal', mean: 0, std: 1 })).toEqual(normal);
    // tails too, over several pieces of the stream
    const many = initialise({ kind: 'normal', mean: 0, std: 1 }, { seed: 7, key: 'w', shape: [100_000] });
    expect(createHash('sha256').update(new Uint8Array(many.buffer)).digest('hex')).toBe(
      'b6e053422b2136fb2ce568d914784e2a6fbd21c5dc0c8399e7047f9487db7dd9',
    );
  });

  it('differs by seed and by key', () => {
    const spec = { kind: 'normal', mean: 0, std: 1 } as const;
    const base = initialise(spec, target, 0, 8);
    expect(initialise(spec, { ...target, seed: 2 }, 0, 8)).not.toEqual(base);
    expect(initialise(spec, { ...target, key: 'layer.bias' }, 0, 8)).not.toEqual(base);
  });

  it('constants', () => {
    expect([...initialise({ kind: 'constant', value: 2.5 }, { ...target, shape: [2] })]).toEqual([2.5, 2.5]);
    expect([...initialise({ kind: 'arange' }, { ...target, shape: [1, 4] })]).toEqual([0, 1, 2, 3]);
  });

  it('normal: mean and deviation', () => {
    const { mean, std, max } = moments(initialise({ kind: 'normal', mean: 0.5, std: 2 }, target));
    expect(mean).toBeCloseTo(0.5, 1);
    expect(std / 2).toBeCloseTo(1, 2);
    expect(max).toBeGreaterThan(0.5 + 3.5 * 2);
  });

  it('truncated normal: inside its bounds, with the deviation of the formula', () => {
    const { mean, std, min, max } = moments(
      initialise({ kind: 'truncated_normal', mean: 0, std: 1, a: -2, b: 2 }, target),
    );
    expect(min).toBeGreaterThanOrEqual(-2);
    expect(max).toBeLessThanOrEqual(2);
    expect(mean).toBeCloseTo(0, 1);
    expect(std).toBeCloseTo(0.8796, 2); // √(1 − 2·2·φ(2) / (2Φ(2) − 1))
  });

  it('truncated normal: wide bounds are no bounds, and a far tail is still spread', () => {
    const wide = moments(initialise({ kind: 'truncated_normal', mean: 0, std: 0.02, a: -2, b: 2 }, target));
    expect(wide.std).toBeCloseTo(0.02, 3);
    const upper = moments(initialise({ kind: 'truncated_normal', mean: 0, std: 1, a: 9, b: 11 }, target));
    expect(upper.min).toBeGreaterThanOrEqual(9);
    expect(upper.mean).toBeCloseTo(9.1085, 2); // 9 + 1/9 − 2/9³ + …
    const lower = moments(initialise({ kind: 'truncated_normal', mean: 0, std: 1, a: -11, b: -9 }, target));
    expect(lower.mean).toBeCloseTo(-9.1085, 2);
  });

  it('uniform, kaiming and xavier: bounds from the formula, evenly filled', () => {
    const cases: [Initializer, readonly number[], number][] = [
      [{ kind: 'uniform', low: -0.3, high: 0.3 }, [200, 300], 0.3],
      [{ kind: 'kaiming_uniform', a: Math.sqrt(5) }, [200, 300], 1 / Math.sqrt(300)],
      [{ kind: 'kaiming_uniform', a: 0 }, [20, 30, 10, 10], Math.sqrt(6 / 3000)],
      [{ kind: 'xavier_uniform', gain: 2 }, [200, 300], 2 * Math.sqrt(6 / 500)],
    ];
    for (const [spec, shape, bound] of cases) {
      const { mean, std, min, max } = moments(initialise(spec, { ...target, shape }));
      expect(Math.abs(mean)).toBeLessThan(0.01 * bound);
      expect(std / bound).toBeCloseTo(1 / Math.sqrt(3), 2);
      expect(max).toBeLessThanOrEqual(bound);
      expect(max).toBeGreaterThan(0.999 * bound);
      expect(min).toBeLessThan(-0.999 * bound);
    }
  });

  it('refuses what cannot be computed', async () => {
    await provokes('R0701', () => initialise({ kind: 'kaiming_uniform', a: 0 }, { ...target, shape: [5] }));
    await provokes('R0702', () => initialise({ kind: 'normal', mean: 0, std: -1 }, target));
    await provokes('R0702', () => initialise({ kind: 'truncated_normal', mean: 0, std: 1, a: 2, b: 2 }, target));
    await provokes('R0702', () => initialise({ kind: 'uniform', low: 1, high: 0 }, target));
    await provokes('R0703', () => initialise({ kind: 'zeros' }, target, 59_999, 2));
    await provokes('R0704', () => initialise({ kind: 'zeros' }, { ...target, seed: 1.5 }));
    await provokes('R0704', () => initialise({ kind: 'zeros' }, { ...target, seed: Number.NaN }));
  });
});
