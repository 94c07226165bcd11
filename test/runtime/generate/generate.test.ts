import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leftPad, positionsOf } from '../../../src/runtime/generate/batch.ts';
import { generate, generateStream } from '../../../src/runtime/generate/generate.ts';
import type { GenerateOptions } from '../../../src/runtime/generate/options.ts';
import { undecidedTail } from '../../../src/runtime/generate/stop.ts';
import type { HostTensor } from '../../../src/shared/tensor.ts';
import { provokes } from '../support.ts';
import { fakeModel, type NextLogits, tableModel } from './fake-model.ts';

/** Counts up: after token t comes t + 1 (mod vocabulary), with certainty. */
const countUp =
  (vocabulary: number): NextLogits =>
  (history) =>
    Array.from({ length: vocabulary }, (_, token) => (token === (history.at(-1)! + 1) % vocabulary ? 5 : 0));

const tokensOf = async (next: NextLogits, vocabulary: number, ids: number[][], options: GenerateOptions) =>
  (await generate(fakeModel(vocabulary, next).session, { input_ids: ids }, options)).rows.map(({ tokens }) => tokens);

describe('greedy', () => {
  it('prefills once, then runs one token at a time', async () => {
    const { session, decodes } = fakeModel(10, countUp(10));
    const { rows } = await generate(session, { input_ids: [[4, 5]] }, { max_new_tokens: 3 });
    expect(rows).toMatchObject([{ tokens: [6, 7, 8], finish: 'length' }]);
    expect(decodes).toEqual([
      [1, 2],
      [1, 1],
      [1, 1],
    ]);
    const p = Math.exp(5) / (Math.exp(5) + 9);
    expect(rows[0]!.score).toBeCloseTo(3 * Math.log(p), 6);
  });

  it('without a cache gives the same, running everything again', async () => {
    const { session, decodes } = fakeModel(10, countUp(10), { cached: false });
    const { rows } = await generate(session, { input_ids: [[4, 5], [1]] }, { max_new_tokens: 3 });
    expect(rows.map(({ tokens }) => tokens)).toEqual([
      [6, 7, 8],
      [2, 3, 4],
    ]);
    expect(decodes).toEqual([
      [2, 2],
      [2, 3],
      [2, 4],
    ]);
  });

  it('a batch of different lengths gives what each row gives alone', async () => {
    // the fake checks mask, positions and padding itself
    const next: NextLogits = (history) =>
      Array.from({ length: 11 }, (_, t) => -(((history.reduce((a, b) => 3 * a + b, 1) + t) * 7) % 11));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(10), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
        async (prompts) => {
          const options = { max_new_tokens: 5, stop_tokens: [3] };
          const together = await tokensOf(next, 11, prompts, options);
          for (const [i, prompt] of prompts.entries())
            expect(await tokensOf(next, 11, [prompt], options)).toEqual([together[i]]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('takes embeddings', async () => {
    const embeds: HostTensor[] = [
      { dtype: 'f32', shape: [2, 2], data: Float32Array.of(7, 1, 8, 1) },
      { dtype: 'f32', shape: [1, 1, 2], data: Float32Array.of(1, 1) },
    ];
    const { rows } = await generate(fakeModel(10, countUp(10)).session, { embeds }, { max_new_tokens: 2 });
    expect(rows.map(({ tokens }) => tokens)).toEqual([
      [9, 0],
      [2, 3],
    ]);
  });

  it('the repetition penalty counts the prompt and the new tokens', async () => {
    const next: NextLogits = () => [4, 3.9, 3.8, 3];
    expect(await tokensOf(next, 4, [[3]], { max_new_tokens: 4, repetition_penalty: 1.5 })).toEqual([[0, 1, 2, 0]]);
    expect(await tokensOf(next, 4, [[0]], { max_new_tokens: 2, repetition_penalty: 1.5 })).toEqual([[1, 2]]);
  });
});

describe('stopping', () => {
  const run = async (options: GenerateOptions) =>
    (await generate(fakeModel(10, countUp(10)).session, { input_ids: [[0], [5]] }, { max_new_tokens: 8, ...options }))
      .rows;
  it('at a stop token, each row by itself', async () => {
    expect(await run({ stop_tokens: [7] })).toMatchObject([
      { tokens: [1, 2, 3, 4, 5, 6], finish: 'stop_token' },
      { tokens: [6], finish: 'stop_token' },
    ]);
  });
  it('at a stop sequence, which is cut off', async () => {
    expect(
      await run({
        stop_sequences: [
          [4, 5],
          [9, 0],
        ],
      }),
    ).toMatchObject([
      { tokens: [1, 2, 3], finish: 'stop_sequence' },
      { tokens: [6, 7, 8], finish: 'stop_sequence' },
    ]);
  });
  it('at a stop text, wherever the tokens begin', async () => {
    // token t is "t" doubled, so the text is 1122334455…
    const decode = (tokens: readonly number[]) => tokens.map((t) => `${t}${t}`).join('');
    const rows = await run({ stop_text: ['344', '78'], decode });
    expect(rows[0]).toMatchObject({ tokens: [1, 2], text: '11223', finish: 'stop_sequence' });
    expect(rows[1]).toMatchObject({ tokens: [6], text: '667', finish: 'stop_sequence' });
  });
  it('not before min_new_tokens', async () => {
    const [row] = await run({ stop_tokens: [2], min_new_tokens: 4 });
    expect(row!.tokens).toEqual([1, 0, 1, 0, 1]); // 2 is impossible at its turns, and ties go to token 0
    const [other] = await run({ stop_sequences: [[1], [6]], min_new_tokens: 3 });
    expect(other!.tokens).toEqual([1, 2, 3, 4, 5]);
  });
  it('text comes with decode', async () => {
    expect((await run({ max_new_tokens: 2, decode: (tokens) => tokens.join('-') }))[0]!.text).toBe('1-2');
  });
  it('knows which tokens could begin a stop sequence', () => {
    expect(undecidedTail([1, 2], [[2, 3]])).toBe(1);
    expect(undecidedTail([2, 2], [[2, 2, 2]])).toBe(2);
    expect(undecidedTail([1], [[2, 3]])).toBe(0);
    expect(undecidedTail([2, 3], [[2, 3]])).toBe(0);
  });
});

describe('streaming', () => {
  it('announces tokens in order, and never those of a stop sequence', async () => {
    const heard: string[] = [];
    const options = {
      max_new_tokens: 8,
      stop_sequences: [[4, 5]],
      on_token: ({ row, token }: { row: number; token: number }) => heard.push(`${row}:${token}`),
    };
    const events = generateStream(fakeModel(10, countUp(10)).session, { input_ids: [[1], [3]] }, options);
    const seen: string[] = [];
    let result = await events.next();
    for (; !result.done; result = await events.next()) seen.push(`${result.value.row}:${result.value.token}`);
    expect(seen.filter((event) => event.startsWith('0'))).toEqual(['0:2', '0:3']);
    expect(seen.filter((event) => event.startsWith('1'))).toEqual([]);
    expect(heard).toEqual(seen);
    expect(result.value.rows.map(({ tokens }) => tokens)).toEqual([[2, 3], []]);
  });
  it('R0304: is broken off by a signal, before the first and between tokens', async () => {
    const { session, decodes } = fakeModel(10, countUp(10));
    await provokes('R0304', () =>
      generate(session, { input_ids: [[1]] }, { signal: AbortSignal.abort(new Error('enough')) }),
    );
    expect(decodes).toEqual([]);
    const controller = new AbortController();
    const on_token = ({ index }: { index: number }) => index === 2 && controller.abort(new Error('enough'));
    const message = await provokes('R0304', () =>
      generate(session, { input_ids: [[1]] }, { signal: controller.signal, on_token: (event) => void on_token(event) }),
    );
    expect(message).toContain('after 3 tokens');
    await provokes('R0304', () =>
      generate(session, { input_ids: [[1]] }, { signal: AbortSignal.abort('x'), num_beams: 2 }),
    );
  });
});

describe('sampling', () => {
  const probabilities = [0.5, 0.25, 0.125, 0.125];
  const next: NextLogits = () => probabilities.map(Math.log);
  // 40 rows of 50 tokens
  const draw = async (options: GenerateOptions) => {
    const prompts = Array.from({ length: 40 }, () => [0]);
    return (await tokensOf(next, 4, prompts, { max_new_tokens: 50, do_sample: true, ...options })).flat();
  };
  const share = (tokens: readonly number[], token: number) => tokens.filter((t) => t === token).length / tokens.length;

  it('follows the distribution, and the seed', async () => {
    const tokens = await draw({ seed: 1 });
    for (const [token, p] of probabilities.entries()) expect(Math.abs(share(tokens, token) - p)).toBeLessThan(0.04);
    expect(await draw({ seed: 1 })).toEqual(tokens);
    expect(await draw({ seed: 2 })).not.toEqual(tokens);
  });
  it('temperature, top-k and top-p shape it', async () => {
    // τ = ½ squares the probabilities: 16 : 4 : 1 : 1 of 22
    expect(Math.abs(share(await draw({ temperature: 0.5 }), 0) - 16 / 22)).toBeLessThan(0.04);
    expect(new Set(await draw({ top_k: 1 }))).toEqual(new Set([0]));
    const two = await draw({ top_k: 2 });
    expect(new Set(two)).toEqual(new Set([0, 1]));
    expect(Math.abs(share(two, 0) - 2 / 3)).toBeLessThan(0.04);
    expect(new Set(await draw({ top_p: 0.7 }))).toEqual(new Set([0, 1]));
  });
  it('rows of a batch draw their own numbers, the same as alone in row 0', async () => {
    const options = { max_new_tokens: 20, do_sample: true, seed: 3 };
    const [a, b] = await tokensOf(next, 4, [[0], [0]], options);
    expect(a).not.toEqual(b);
    expect(await tokensOf(next, 4, [[0]], options)).toEqual([a]);
  });
});

describe('left padding', () => {
  it('pads with zeros on the left; positions count the tokens', () => {
    const row = (...values: number[]): HostTensor => ({
      dtype: 'f32',
      shape: [values.length, 1],
      data: Float32Array.from(values),
    });
    const { inputs_embeds, mask } = leftPad([row(1, 2, 3), row(4)]);
    expect(inputs_embeds.shape).toEqual([2, 3, 1]);
    expect([...inputs_embeds.data]).toEqual([1, 2, 3, 0, 0, 4]);
    expect(mask).toEqual([
      [1, 1, 1],
      [0, 0, 1],
    ]);
    expect(positionsOf([0, 0, 1, 1, 1])).toEqual([1, 1, 0, 1, 2]);
  });
});

describe('refusals', () => {
  const { session } = fakeModel(4, () => [1, 2, 3, 4]);
  const run = (options: GenerateOptions) => () => generate(session, { input_ids: [[1]] }, options);
  it('R0301: options', async () => {
    const wrong: GenerateOptions[] = [
      { max_new_tokens: 0 },
      { max_new_tokens: 1.5 },
      { min_new_tokens: 9, max_new_tokens: 8 },
      { temperature: 0.7 },
      { top_k: -1, do_sample: true },
      { top_k: 5 },
      { top_p: 0, do_sample: true },
      { top_p: 0.9 },
      { repetition_penalty: 0 },
      { num_beams: 0 },
      { num_beams: 2, do_sample: true },
      { num_beams: 2, stop_text: ['x'], decode: () => '' },
      { length_penalty: Number.NaN },
      { seed: -1 },
      { stop_sequences: [[]] },
      { stop_text: ['x'] },
      { stop_text: [''], decode: () => '' },
    ];
    for (const options of wrong) await provokes('R0301', run(options));
    expect(await provokes('R0301', run({ top_p: 0.9 }))).toContain('1 unless do_sample is true');
  });
  it('R0302: prompts', async () => {
    const embeds = (...shapes: number[][]): HostTensor[] =>
      shapes.map((shape) => ({ dtype: 'f32', shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }));
    await provokes('R0302', () => generate(session, { input_ids: [] }));
    await provokes('R0302', () => generate(session, { input_ids: [[1], []] }));
    await provokes('R0302', () => generate(session, { embeds: embeds([1, 2], [1, 3]) }));
    await provokes('R0302', () => generate(session, { embeds: embeds([2]) }));
    await provokes('R0302', () => generate(session, { embeds: embeds([0, 2]) }));
  });
  it('R0303: a model without the entries', async () => {
    const { decode, embed_tokens } = session.manifest.entries as Record<
      string,
      (typeof session.manifest.entries)[string]
    >;
    const model = (entries: typeof session.manifest.entries) => ({
      manifest: { ...session.manifest, entries },
      run: session.run.bind(session),
    });
    await provokes('R0303', () => generate(model({ embed_tokens: embed_tokens! }), { input_ids: [[1]] }));
    await provokes('R0303', () => generate(model({ decode: decode! }), { input_ids: [[1]] }));
    await provokes('R0303', () =>
      generate(model({ decode: embed_tokens!, embed_tokens: embed_tokens! }), { input_ids: [[1]] }),
    );
  });
  it('R0305: logits that are not numbers', async () => {
    const broken = fakeModel(2, () => [Number.NaN, Number.NaN]).session;
    await provokes('R0305', () => generate(broken, { input_ids: [[1]] }));
    await provokes('R0305', () => generate(broken, { input_ids: [[1]] }, { num_beams: 2 }));
  });
});

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
