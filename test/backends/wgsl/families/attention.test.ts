/** Flash attention of both profiles against float64: masks, causality, blind queries, odd sizes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attentionForward } from '../../../../src/compiler/backends/wgsl/families/attention.ts';
import type { Profile } from '../../../../src/compiler/backends/wgsl/families/contract.ts';
import { testDevice, unavailable } from '../../../support/adapter.ts';
import { ATTENTION_CASES, type AttentionCase, dataOf, expectedOf, operandsOf, titleOf } from './attention-cases.ts';
import { difference } from './harness.ts';

const TOLERANCE = 1e-5;

let device: GPUDevice;
beforeAll(async () => {
  if (!unavailable) device = await testDevice();
});
afterAll(() => device?.destroy());

/** log-sum-exps without the blind queries', and which are blind */
function split(lse: ArrayLike<number>): { readonly seen: number[]; readonly blind: number[] } {
  const all = Array.from(lse);
  return {
    seen: all.map((value) => (value < -3e38 ? 0 : value)),
    blind: all.flatMap((value, index) => (value < -3e38 ? [index, value] : [])),
  };
}

async function check(c: AttentionCase): Promise<void> {
  const data = dataOf(c);
  const { bench, operands, extents, E } = operandsOf(c, data);
  const { B, H, T } = extents;
  const out = bench.sink('y', [B, H, T, E]);
  const lse = bench.sink('lse', [B, H, T]);
  const results = await bench.run(device, attentionForward({ ...operands, out, lse }));
  const expected = expectedOf(c, data);
  expect(difference(results.get('y')!, expected.y)).toBeLessThan(TOLERANCE);
  const [actual, wanted] = [split(results.get('lse')!), split(expected.lse)];
  expect(actual.blind).toEqual(wanted.blind);
  expect(difference(Float32Array.from(actual.seen), wanted.seen)).toBeLessThan(TOLERANCE);
  // blind queries give exact zeros
  const width = expected.y.length / expected.lse.length;
  for (let index = 0; index < wanted.blind.length; index += 2) {
    const row = wanted.blind[index]!;
    const zeros = results.get('y')!.subarray(row * width, (row + 1) * width);
    expect(zeros.every((value) => value === 0)).toBe(true);
  }
}

describe.skipIf(unavailable)('attention', () => {
  for (const profile of ['software', 'gpu'] satisfies Profile[]) {
    describe(profile, () => {
      test.each(ATTENTION_CASES.map((c) => [titleOf(c), c] as const))('%s', (_, c) => check({ ...c, profile }));
    });
  }

  test('1,024 queries and keys', () =>
    check({ queries: 1_024, keys: 1_024, width: 16, heads: 1, causal: true, magnitude: 20, profile: 'software' }));
});
