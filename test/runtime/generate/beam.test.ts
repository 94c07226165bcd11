/** Beam search against exhaustive search, and what it refuses. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generate } from '../../../src/runtime/generate/generate.ts';
import type { GenerateOptions } from '../../../src/runtime/generate/options.ts';
import { fakeModel, type NextLogits, tableModel } from './fake-model.ts';
import { tokensOf } from './generate-support.ts';

describe('beam search', () => {
  // 0 ends. Greedy takes 1 (0.6) and then can only do badly; 2 (0.4) leads to a sure thing.
  const garden = {
    '9': [0, 0.6, 0.4, 0],
    '9 1': [0.1, 0.3, 0.3, 0.3],
    '9 2': [0.05, 0, 0, 0.95],
    '9 1 1': [0.4, 0.2, 0.2, 0.2],
    '9 1 2': [0.4, 0.2, 0.2, 0.2],
    '9 1 3': [0.4, 0.2, 0.2, 0.2],
    '9 2 3': [0.97, 0.01, 0.01, 0.01],
  };
  const options = { max_new_tokens: 3, stop_tokens: [0], num_beams: 2 };
  const run = async (more: GenerateOptions = {}) =>
    (await generate(tableModel(garden).session, { input_ids: [[9]] }, { ...options, ...more })).rows[0]!;

  it('finds the sequence that greedy misses', async () => {
    const greedy = await run({ num_beams: 1 });
    expect(greedy.tokens[0]).toBe(1);
    const best = await run();
    expect(best).toMatchObject({ tokens: [2, 3], finish: 'stop_token' });
    expect(best.score).toBeCloseTo(Math.log(0.4 * 0.95 * 0.97) / 3, 5);
  });

  it('divides by length^length_penalty, the stop token counted', async () => {
    // "0" at once: log 0.5 / 1^p; "1 1 0": log(0.5 · 0.5 · 0.9) / 3^p. The short one is likelier, the long one better per token.
    const table = { '9': [0.5, 0.5], '9 1': [0.5, 0.5], '9 1 1': [0.9, 0.1] };
    const best = async (length_penalty: number) =>
      (
        await generate(
          tableModel(table).session,
          { input_ids: [[9]] },
          { max_new_tokens: 3, stop_tokens: [0], num_beams: 2, length_penalty, early_stopping: 'never' },
        )
      ).rows[0]!;
    expect((await best(0)).tokens).toEqual([]);
    expect((await best(0)).score).toBeCloseTo(Math.log(0.5), 6);
    expect((await best(2)).tokens).toEqual([1, 1]);
    expect((await best(2)).score).toBeCloseTo(Math.log(0.225) / 9, 6);
  });

  it('early stopping: true takes the first num_beams endings, false looks on while a running beam is better', async () => {
    // "0" (0.4) and "1 0" (0.35 · 0.5) end first; "1 1 0" (0.35 · 0.4 · 0.95) is better per token
    const table = {
      '9': [0.4, 0.35, 0.25],
      '9 1': [0.5, 0.4, 0.1],
      '9 2': [0.1, 0.5, 0.4],
      '9 1 1': [0.95, 0.03, 0.02],
      '9 2 1': [0.95, 0.03, 0.02],
    };
    const best = async (early_stopping: boolean | 'never') =>
      (await generate(tableModel(table).session, { input_ids: [[9]] }, { ...options, early_stopping })).rows[0]!;
    expect((await best(true)).tokens).toEqual([1]);
    expect((await best(false)).tokens).toEqual([1, 1]);
    expect((await best('never')).tokens).toEqual([1, 1]);
  });

  it('"never" looks on where a high length penalty can still lift a running beam, false does not', async () => {
    // "0" scores log(0.7) = −0.36, "1 0" log(0.15) / 2² = −0.47, as high as anything of length 2;
    // "1 1 1 0" reaches log(0.25 · 0.35 · 0.96 · 0.96) / 4² = −0.16
    const table = {
      '9': [0.7, 0.25, 0.05],
      '9 1': [0.6, 0.35, 0.05],
      '9 2': [0.05, 0.05, 0.9],
      '9 1 1': [0.02, 0.96, 0.02],
      '9 2 2': [0.02, 0.02, 0.96],
      '9 1 1 1': [0.96, 0.02, 0.02],
      '9 2 2 2': [0.02, 0.02, 0.96],
    };
    const best = async (early_stopping: boolean | 'never') => {
      const search = { ...options, max_new_tokens: 4, early_stopping, length_penalty: 2 };
      return (await generate(tableModel(table).session, { input_ids: [[9]] }, search)).rows[0]!;
    };
    expect((await best(false)).tokens).toEqual([]);
    expect((await best('never')).tokens).toEqual([1, 1, 1]);
  });

  it('an ending that ranks below num_beams is not taken', async () => {
    // step 2 ranks "1 0" 0.3, "1 1" 0.195, "2 0" 0.16, "2 2" 0.14: "2 0" would be the second ending and stop the search
    const table = {
      '9': [0.1, 0.5, 0.4],
      '9 1': [0.6, 0.39, 0.01],
      '9 2': [0.4, 0.25, 0.35],
      '9 1 1': [0.95, 0.03, 0.02],
      '9 2 2': [0.95, 0.03, 0.02],
    };
    const { rows } = await generate(
      tableModel(table).session,
      { input_ids: [[9]] },
      { ...options, early_stopping: true },
    );
    expect(rows[0]!.tokens).toEqual([1, 1]);
  });

  it('ends at stop sequences, honours min_new_tokens, and returns unfinished beams', async () => {
    expect(await run({ stop_sequences: [[2, 3]] })).toMatchObject({ tokens: [], finish: 'stop_sequence' });
    expect(await run({ max_new_tokens: 1 })).toMatchObject({ tokens: [1], finish: 'length' });
    expect((await run({ min_new_tokens: 3 })).tokens).toHaveLength(3);
  });

  it('with as many beams as there are sequences finds the best of all', async () => {
    // exhaustive search over histories; any slip in reordering the cache changes what the model sees
    await fc.assert(
      fc.asyncProperty(fc.nat(10_000), fc.integer({ min: 1, max: 2 }), async (seed, prompts) => {
        const next: NextLogits = (history) =>
          Array.from({ length: 3 }, (_, t) => 3 * Math.sin(seed + 13 * t + history.reduce((a, b) => 5 * a + b + 1, 1)));
        const logp = (history: number[]) => {
          const z = next(history);
          const sum = z.reduce((a, b) => a + Math.exp(b), 0);
          return z.map((x) => x - Math.log(sum));
        };
        const bestOf = (prompt: number[]): { score: number; tokens: number[] } => {
          let best = { score: Number.NEGATIVE_INFINITY, tokens: [] as number[] };
          const visit = (tokens: number[], score: number): void => {
            if (tokens.length === 4) {
              if (score > best.score) best = { score, tokens };
              return;
            }
            for (const [t, p] of logp([...prompt, ...tokens]).entries()) visit([...tokens, t], score + p);
          };
          visit([], 0);
          return best;
        };
        const ids = Array.from({ length: prompts }, (_, i) => Array.from({ length: i + 1 }, () => 2 - i));
        const { rows } = await generate(
          fakeModel(3, next).session,
          { input_ids: ids },
          { max_new_tokens: 4, num_beams: 27, length_penalty: 0 },
        );
        for (const [i, prompt] of ids.entries()) {
          expect(rows[i]!.tokens).toEqual(bestOf(prompt).tokens);
          expect(rows[i]!.score).toBeCloseTo(bestOf(prompt).score, 5);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('without a cache finds the same', async () => {
    const { rows } = await generate(tableModel(garden, { cached: false }).session, { input_ids: [[9]] }, options);
    expect(rows[0]!.tokens).toEqual([2, 3]);
  });

  it('fills up when the vocabulary is smaller than the beams', async () => {
    expect((await tokensOf(() => [1, 2], 2, [[0]], { max_new_tokens: 3, num_beams: 6 }))[0]).toEqual([1, 1, 1]);
  });

  it('streams its tokens at the end', async () => {
    const heard: number[] = [];
    await run({ on_token: ({ token }) => void heard.push(token) });
    expect(heard).toEqual([2, 3]);
  });
});
