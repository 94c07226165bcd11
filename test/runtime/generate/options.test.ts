/** Options of generate(): unknown names, types, caps, combinations; ids in every form. */
import { describe, expect, it } from 'vitest';
import { generate } from '../../../src/runtime/generate/generate.ts';
import { type GenerateOptions, resolveOptions } from '../../../src/runtime/generate/options.ts';
import { streamText } from '../../../src/runtime/generate/stream-text.ts';
import { topIndices } from '../../../src/runtime/generate/top-indices.ts';
import { provokes } from '../support.ts';
import { fakeModel, type NextLogits } from './fake-model.ts';

const refusal = (code: 'R0301' | 'R0307', options: object) =>
  provokes(code, () => resolveOptions(options as GenerateOptions));

describe('options', () => {
  it('R0307: names that are none, with the nearest', async () => {
    expect(await refusal('R0307', { maxNewTokens: 3 })).toContain(
      'no option maxNewTokens, did you mean max_new_tokens',
    );
    expect(await refusal('R0307', { temprature: 1 })).toContain('did you mean temperature');
    expect(await refusal('R0307', { stopText: ['x'] })).toContain('did you mean stop_text');
    expect(await refusal('R0307', { verbosity: 1 })).not.toContain('did you mean');
  });

  const wrong: Readonly<Record<string, object>> = {
    'a negative temperature': { temperature: -1, do_sample: true },
    'a temperature that is no number': { temperature: Number.NaN, do_sample: true },
    'an infinite temperature': { temperature: Number.POSITIVE_INFINITY, do_sample: true },
    'a text for a number': { temperature: '0.7', do_sample: true },
    'a text for a flag': { do_sample: 'yes' },
    'a text for a list of texts': { stop_text: 'x', decode: () => '' },
    'a number for a list of ids': { stop_tokens: 5 },
    'a kind of early stopping that is none': { early_stopping: 'always', num_beams: 2 },
    'beams without end': { num_beams: 1e6 },
    'an answer without end': { max_new_tokens: 2e9 },
    'top_k that is not finite': { top_k: Number.POSITIVE_INFINITY, do_sample: true },
    'a negative top_p': { top_p: -0.5, do_sample: true },
    'a temperature without sampling': { temperature: 0.7 },
    'a seed without sampling': { seed: 3 },
    'top_k at temperature 0': { temperature: 0, do_sample: true, top_k: 5 },
    'a length penalty without beams': { length_penalty: 2 },
    'early stopping without beams': { early_stopping: true },
    'a decoder that is none': { decode: 'utf-8' },
    'a signal that is none': { signal: true },
  };
  it.each(Object.entries(wrong))('R0301: %s', async (_, options) => {
    await refusal('R0301', options);
  });

  it.each<[string, GenerateOptions, string]>([
    ['stop_tokens', { stop_tokens: [3, -1] }, 'stop_tokens is -1 and must be of ids from 0 to 8'],
    ['stop_tokens', { stop_tokens: BigInt64Array.of(9n) }, 'stop_tokens is 9 and must be of ids from 0 to 8'],
    ['stop_sequences', { stop_sequences: [[8], [2, 9]] }, 'stop_sequences is 9 and'],
    ['pad_token', { pad_token: 9 }, 'pad_token is 9 and must be of ids from 0 to 8'],
  ])('R0301: ids that the model does not have, %s', async (_, options, message) => {
    const { session, decodes } = fakeModel(9, () => new Array<number>(9).fill(0));
    const said = await provokes('R0301', () => generate(session, { input_ids: [[1]] }, options));
    expect(said).toContain(message);
    expect(decodes).toEqual([]);
    await generate(session, { input_ids: [[1]] }, { stop_tokens: [0, 8], stop_sequences: [[8]], pad_token: 8 });
  });

  it('R0512: options and prompts that are no objects; R1280: prompts under another name', async () => {
    const { session } = fakeModel(9, () => new Array<number>(9).fill(0));
    const decode = () => '';
    for (const options of [null, 5, [1]]) {
      await provokes('R0512', () => generate(session, { input_ids: [[1]] }, options as never));
      await provokes('R0512', () => streamText(session, { input_ids: [[1]] }, options as never).next());
    }
    for (const input of [null, undefined, 'text', { input_ids: 5 }, { embeds: {} }])
      await provokes('R0512', () => generate(session, input as never));
    const refused = (input: object) => provokes('R1280', () => generate(session, input as never));
    expect(await refused({ inputs_ids: [[1]] })).toBe(
      'generate was given prompts as inputs_ids, did you mean input_ids; give token ids as input_ids, or embeds',
    );
    expect(await refused({ input_ids: [[1]], attention_mask: [[1]] })).toContain('prompts as attention_mask;');
    expect(await refused({})).toContain('generate was given no prompts;');
    await provokes('R1280', () => streamText(session, { input_id: [[1]] } as never, { decode }).next());
  });

  it('undefined is the default', () => {
    expect(
      resolveOptions({ max_new_tokens: undefined, temperature: undefined } as unknown as GenerateOptions),
    ).toMatchObject({
      max_new_tokens: 64,
      temperature: 1,
    });
  });

  it('temperature 0 is greedy, with do_sample and without', async () => {
    const next: NextLogits = () => [1, 1.01, 1, 1];
    for (const options of [{ temperature: 0 }, { temperature: 0, do_sample: true }]) {
      const { rows } = await generate(
        fakeModel(4, next).session,
        { input_ids: [[0]] },
        { max_new_tokens: 12, ...options },
      );
      expect(new Set(rows[0]!.tokens)).toEqual(new Set([1]));
    }
  });

  it('R0308: beams whose cache and logits do not fit', async () => {
    const { session } = fakeModel(1 << 19, () => new Array<number>(1 << 19).fill(0));
    const message = await provokes('R0308', () => generate(session, { input_ids: [[1]] }, { num_beams: 1024 }));
    expect(message).toContain('num_beams is 1024 with 1 prompt, whose cache and logits would take 4.0 GiB');
  });

  it('ids come as numbers, Int32Array or BigInt64Array', async () => {
    const countUp: NextLogits = (history) =>
      Array.from({ length: 9 }, (_, t) => (t === (history.at(-1)! + 1) % 9 ? 5 : 0));
    const { rows } = await generate(
      fakeModel(9, countUp).session,
      { input_ids: [[1, 2], Int32Array.of(4), BigInt64Array.of(1n, 0n)] },
      { max_new_tokens: 3, stop_tokens: BigInt64Array.of(6n), stop_sequences: [Int32Array.of(2, 3)] },
    );
    expect(rows.map(({ tokens }) => tokens)).toEqual([[3, 4, 5], [5], [1]]);
    await provokes('R0511', () => generate(fakeModel(9, countUp).session, { input_ids: [[0.5]] }));
  });
});

it('many top indices are those of a sort, few are too', () => {
  const values = Float64Array.from({ length: 500 }, (_, i) => (i % 50 === 0 ? Number.NaN : (i * 37) % 101));
  const sorted = [...values.keys()]
    .filter((i) => !Number.isNaN(values[i]!))
    .sort((a, b) => values[b]! - values[a]! || a - b);
  for (const k of [1, 64, 65, 200, 1000]) expect(topIndices(values, k)).toEqual(sorted.slice(0, k));
  expect(topIndices([Number.NEGATIVE_INFINITY, 1, Number.NEGATIVE_INFINITY], 100)).toEqual([1, 0, 2]);
});
