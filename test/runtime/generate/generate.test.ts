import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leftPad, positionsOf } from '../../../src/runtime/generate/batch.ts';
import { generate, generateStream } from '../../../src/runtime/generate/generate.ts';
import type { GenerateOptions } from '../../../src/runtime/generate/options.ts';
import { undecidedTail } from '../../../src/runtime/generate/stop.ts';
import type { HostTensor } from '../../../src/shared/tensor.ts';
import { provokes } from '../support.ts';
import { fakeModel, type NextLogits } from './fake-model.ts';
import { tokensOf } from './generate-support.ts';

/** Counts up: after token t comes t + 1 (mod vocabulary), with certainty. */
const countUp =
  (vocabulary: number): NextLogits =>
  (history) =>
    Array.from({ length: vocabulary }, (_, token) => (token === (history.at(-1)! + 1) % vocabulary ? 5 : 0));

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

  it('a prompt longer than prefill_chunk runs in parts, and the last is what is left', async () => {
    const { session, decodes } = fakeModel(10, countUp(10));
    const options = { max_new_tokens: 2, prefill_chunk: 2 };
    const { rows } = await generate(session, { input_ids: [[1, 2, 3, 4, 5], [7]] }, options);
    expect(rows.map(({ tokens }) => tokens)).toEqual([
      [6, 7],
      [8, 9],
    ]);
    expect(decodes).toEqual([
      [2, 2],
      [2, 2],
      [2, 1],
      [2, 1],
    ]);
  });

  it('a prompt of a whole number of parts ends with a whole part; a shorter one is in one piece', async () => {
    const { session, decodes } = fakeModel(10, countUp(10));
    await generate(session, { input_ids: [[1, 2, 3, 4]] }, { max_new_tokens: 1, prefill_chunk: 2 });
    await generate(session, { input_ids: [[1, 2]] }, { max_new_tokens: 1, prefill_chunk: 5 });
    expect(decodes).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
  });

  it('R0301: a prompt in parts without a cache', async () => {
    const { session } = fakeModel(10, countUp(10), { cached: false });
    const message = await provokes('R0301', () => generate(session, { input_ids: [[1, 2, 3]] }, { prefill_chunk: 2 }));
    expect(message).toContain('the option prefill_chunk is 2 and must be 0 without a cache');
    // what fits in one part needs none
    await generate(session, { input_ids: [[1, 2]] }, { prefill_chunk: 2, max_new_tokens: 1 });
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
