import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { minNewTokens } from '../../../src/runtime/generate/processors/min-new-tokens.ts';
import { repetitionPenalty } from '../../../src/runtime/generate/processors/repetition-penalty.ts';
import { temperature } from '../../../src/runtime/generate/processors/temperature.ts';
import { topK } from '../../../src/runtime/generate/processors/top-k.ts';
import { topP } from '../../../src/runtime/generate/processors/top-p.ts';
import { logSoftmax, pick, softmax } from '../../../src/runtime/generate/softmax.ts';
import { topIndices } from '../../../src/runtime/generate/top-indices.ts';

const NO = Number.NEGATIVE_INFINITY;
const of = (...values: number[]) => Float64Array.from(values);
const logs = (...probabilities: number[]) => Float64Array.from(probabilities, Math.log);
const survivors = (scores: Float64Array) => [...scores.keys()].filter((i) => scores[i] !== NO);

describe('logits processors', () => {
  it('temperature divides', () => {
    expect([...temperature(of(1, -2, 3), 0.5)]).toEqual([2, -4, 6]);
  });
  it('top-k keeps the k largest, and ties with the k-th', () => {
    expect([...topK(of(1, 4, 2, 3), 2)]).toEqual([NO, 4, NO, 3]);
    expect([...topK(of(1, 3, 3, 3), 2)]).toEqual([NO, 3, 3, 3]);
    expect([...topK(of(1, 2), 5)]).toEqual([1, 2]);
    expect([...topK(of(NO, 2, NO), 2)]).toEqual([NO, 2, NO]);
  });
  it('top-p keeps the smallest set that reaches p', () => {
    const scores = logs(0.125, 0.5, 0.125, 0.25);
    expect(survivors(topP(scores, 0.4))).toEqual([1]);
    expect(survivors(topP(scores, 0.6))).toEqual([1, 3]);
    expect(survivors(topP(scores, 0.8))).toEqual([0, 1, 3]); // of equal tokens the lower id stays
    expect(survivors(topP(scores, 0.9))).toEqual([0, 1, 2, 3]);
    expect(survivors(topP(scores, 1e-9))).toEqual([1]);
    expect(topP(scores, 0.6)[3]).toBe(scores[3]);
  });
  it('the repetition penalty divides positive scores, multiplies negative ones, once per token', () => {
    expect([...repetitionPenalty(of(2, -2, 3, -3), [0, 1, 0], 2)]).toEqual([1, -4, 3, -3]);
    expect([...repetitionPenalty(of(1), [5, -1], 2)]).toEqual([1]);
  });
  it('the minimum length forbids stop tokens until it is reached', () => {
    expect([...minNewTokens(of(1, 2, 3), 1, 2, [2, 9])]).toEqual([1, 2, NO]);
    expect([...minNewTokens(of(1, 2, 3), 2, 2, [2])]).toEqual([1, 2, 3]);
  });
  it('none changes its input', () => {
    const scores = of(3, 1, -2);
    temperature(scores, 2);
    topK(scores, 1);
    topP(scores, 0.1);
    repetitionPenalty(scores, [0, 1, 2], 3);
    minNewTokens(scores, 0, 1, [0]);
    expect([...scores]).toEqual([3, 1, -2]);
  });
});

describe('softmax and picking', () => {
  it('softmax of log-probabilities is the probabilities, however large the scores', () => {
    for (const shift of [0, 1e4, -1e4]) {
      const probabilities = softmax(logs(0.1, 0.2, 0.7).map((z) => z + shift));
      for (const [i, p] of [0.1, 0.2, 0.7].entries()) expect(probabilities[i]).toBeCloseTo(p, 10);
    }
    expect(softmax(of(NO, 0))[0]).toBe(0);
    expect(logSoftmax(of(0, 0))[0]).toBeCloseTo(-Math.LN2, 15);
  });
  it('pick takes the token whose interval holds u', () => {
    const probabilities = of(0.25, 0, 0.5, 0.25);
    expect([0, 0.2499, 0.25, 0.7499, 0.75, 0.999999].map((u) => pick(probabilities, u))).toEqual([0, 0, 2, 2, 3, 3]);
    expect(pick(of(0, 1, 0), 1 - 2 ** -32)).toBe(1);
  });
  it('topIndices is a stable sort', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 })), fc.nat(8), (values, k) => {
        const expected = [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b).slice(0, k);
        expect(topIndices(values, k)).toEqual(expected);
      }),
    );
  });
});
