/**
 * Numbers at the edges of their formats, in the middle of a graph, the same on every target: IEEE 754's values of a product with a
 * literal 0, torch 2.15's of attention whose scores are all −∞ (its math and its flash kernel give zeros), indices that f32
 * rounds up, integers that float64 does not have.
 */
import { describe, expect, it } from 'vitest';
import { sessionOn, TARGETS } from '../support/targets.ts';
import { provokes } from './support.ts';

const SOURCE = `model M {
  param w: [5, 2] = normal(1.0)
  entry nothing(x: [B]) -> (y: [B]) { x * 0.0 }
  entry behind(x: [B]) -> (y: [B]) { 0.0 * exp(x) + 1.0 }
  entry filled(x: [B]) -> (y: [B]) { x * full([B], 0.0) }
  entry integers(x: [B]) -> (y: [B]) { x * float(iota(B) * 0) }
  entry summed(x: [B]) -> (y: []) { sum(x + x * 0.0) }
  entry below(x: [B]) -> (y: [B]) { 0.0 / x }
  entry attend(q: [B, 1, T, 2], k: [B, 1, S, 2], v: [B, 1, S, 2]) -> (y: [B, 1, T, 2]) { attention(q, k, v) }
  entry causal(q: [B, 1, T, 2], k: [B, 1, S, 2], v: [B, 1, S, 2]) -> (y: [B, 1, T, 2]) { attention(q, k, v, causal = true) }
  entry masked(q: [B, 1, T, 2], k: [B, 1, S, 2], v: [B, 1, S, 2], m: bool[B, S]) -> (y: [B, 1, T, 2]) { attention(q, k, v, m) }
  entry rounded(i: int[B]) -> (y: [B, 2]) { gather(w, int(clamp(float(i), 0, 4.99999999))) }
  entry squares(i: int[B]) -> (y: int[B]) { i * i }
  entry totals(i: int[B]) -> (y: int[B]) { cumsum(i, axis = 0) }
  entry compared(i: int[B], j: int[B]) -> (y: bool[B]) { i < j }
}`;

const [NAN, INF] = [Number.NaN, Number.POSITIVE_INFINITY];
const f32 = (shape: readonly number[], ...values: number[]) => ({
  dtype: 'f32' as const,
  shape,
  data: Float32Array.from(values),
});
const i64 = (...values: (number | bigint)[]) => ({
  dtype: 'i64' as const,
  shape: [values.length],
  data: BigInt64Array.from(values, BigInt),
});
const X = [NAN, INF, -INF, 0, -2, 3];
const ONES = f32([1, 1, 2, 2], 1, 1, 1, 1);
const V = f32([1, 1, 2, 2], 3, 4, 7, 2);

describe.each(TARGETS)('on %s', (target) => {
  const opened = sessionOn(target, SOURCE);
  const numbers = async (entry: string, feeds: Parameters<Awaited<typeof opened>['run']>[1]) =>
    [...(await (await opened).run(entry, feeds)).y!.data].map((value) => Number(value) + 0);

  it.each([
    ['nothing', [NAN, NAN, NAN, 0, 0, 0]],
    ['behind', [NAN, NAN, 1, 1, 1, 1]],
    ['filled', [NAN, NAN, NAN, 0, 0, 0]],
    ['integers', [NAN, NAN, NAN, 0, 0, 0]],
    ['summed', [NAN]],
    ['below', [NAN, 0, 0, NAN, 0, 0]],
  ])('a literal 0 hides no NaN: %s', async (entry, expected) => {
    expect(await numbers(entry, { x: f32([6], ...X) })).toEqual(expected);
  });

  it('a query whose scores are all −∞ attends to nothing, and to no later or hidden key', async () => {
    const none = f32([1, 1, 2, 2], -INF, -INF, -INF, 1);
    expect(await numbers('attend', { q: ONES, k: none, v: V })).toEqual([0, 0, 0, 0]);
    const first = f32([1, 1, 2, 2], -INF, -INF, 1, 1);
    expect(await numbers('causal', { q: ONES, k: first, v: V })).toEqual([0, 0, 7, 2]);
    const m = { dtype: 'bool' as const, shape: [1, 2], data: Uint8Array.of(1, 0) };
    expect(await numbers('masked', { q: ONES, k: first, v: V, m })).toEqual([0, 0, 0, 0]);
  });

  it('a NaN beside scores of −∞ is not nothing', async () => {
    const k = f32([1, 1, 2, 2], -INF, -INF, NAN, 1);
    expect(await numbers('attend', { q: ONES, k, v: V })).toEqual([NAN, NAN, NAN, NAN]);
  });

  it('R0224: an index is the f32 that its bound rounds to', async () => {
    const session = await opened;
    const says = await provokes('R0224', () => session.run('rounded', { i: i64(3, 9) }));
    expect(says).toContain('the index 5 for gather');
  });

  it('integers past 2^53 are int64 or an error', async () => {
    const exactly = async (entry: string, expected: bigint[], ...feeds: ReturnType<typeof i64>[]) => {
      const session = await opened;
      const named = Object.fromEntries(feeds.map((feed, at) => ['ij'[at]!, feed]));
      if (target === 'reference') expect(await provokes('R0215', () => session.run(entry, named))).toContain('float64');
      else if (target === 'webgpu') await expect(session.run(entry, named)).rejects.toThrow(/32 bits/);
      else expect([...(await session.run(entry, named)).y!.data].map(BigInt)).toEqual(expected);
    };
    await exactly('squares', [9000000006000000001n], i64(3000000001));
    await exactly('squares', [9007199515875289n], i64(94906267));
    await exactly('totals', [2n ** 53n - 1n, 2n ** 53n + 1n], i64(2 ** 53 - 1, 2));
    await exactly('compared', [1n], i64(2n ** 53n), i64(2n ** 53n + 1n));
  });
});
