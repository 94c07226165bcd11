/** What is heard while an answer grows: nothing of a stop text, nothing of half a character, and all of the rest. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTPUT } from '../../../scripts/train-tokenizer.ts';
import { generateStream } from '../../../src/runtime/generate/generate.ts';
import type { GenerateOptions } from '../../../src/runtime/generate/options.ts';
import { decidedLength } from '../../../src/runtime/generate/stop.ts';
import { streamText } from '../../../src/runtime/generate/stream-text.ts';
import { Tokenizer } from '../../../src/runtime/tokenizer/tokenizer.ts';
import { provokes } from '../support.ts';
import { fakeModel } from './fake-model.ts';

const tokenizer = Tokenizer.from(readFileSync(OUTPUT, 'utf8'));
const decode = (tokens: readonly number[]): string => tokenizer.decode(tokens);
const PROMPT = [[0]];

/** A model that says the tokens of a text, each in its turn. */
function says(tokens: readonly number[]) {
  return fakeModel(512, (history) => {
    const next = tokens[history.length - 1] ?? 0;
    return Array.from({ length: 512 }, (_, token) => (token === next ? 9 : 0));
  }).session;
}

async function heard(
  text: string | readonly number[],
  options: GenerateOptions,
): Promise<{ pieces: string[]; text: string }> {
  const tokens = typeof text === 'string' ? tokenizer.encode(text) : text;
  const events = streamText(says(tokens), { input_ids: PROMPT }, { max_new_tokens: tokens.length, decode, ...options });
  const pieces: string[] = [];
  for (;;) {
    const { done, value } = await events.next();
    if (done) return { pieces, text: value.rows[0]!.text! };
    pieces.push(value);
  }
}

describe('streamText', () => {
  it('holds back what could begin a stop text', async () => {
    const { pieces, text } = await heard('a cat###Human: more', { stop_text: ['###'] });
    expect([pieces.join(''), text]).toEqual(['a cat', 'a cat']);
    const other = await heard('a # b ## c', { stop_text: ['###'] });
    expect(other.pieces.join('')).toBe('a # b ## c');
  });

  it('the tokens of events do not spell the beginning of a stop text either', async () => {
    const tokens = [...'ab##'].flatMap((character) => tokenizer.encode(character)).concat(tokenizer.encode('#'));
    const spelled: string[] = [];
    for await (const { token } of generateStream(
      says(tokens),
      { input_ids: PROMPT },
      { max_new_tokens: tokens.length, stop_text: ['###'], decode },
    ))
      spelled.push(decode([token]));
    expect(spelled.join('')).toBe('ab');
  });

  it('gives whole characters, and the last half one as U+FFFD', async () => {
    const { pieces } = await heard('hi 🙂 日本語', {});
    expect(pieces.join('')).toBe('hi 🙂 日本語');
    expect(pieces.some((piece) => piece.includes('\ufffd'))).toBe(false);
    expect((await heard(tokenizer.encode('a🙂').slice(0, -1), {})).pieces.join('')).toBe('a\ufffd');
  });

  it('is the text of the result, whatever the tokens and the stop texts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...tokenizer.encode('ab#\n🙂 日a#b##'), 300, 400), { minLength: 1, maxLength: 14 }),
        fc.array(fc.constantFrom('#', '##', 'b#', '🙂', '\n', 'a#b', '日a'), { maxLength: 3 }),
        async (tokens, stop_text) => {
          const { pieces, text } = await heard(tokens, { stop_text });
          expect(pieces.join('')).toBe(text);
          for (const stop of stop_text) expect(text.includes(stop)).toBe(false);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('a stop text that ended before min_new_tokens has no effect', async () => {
    const tokens = [...'a\nb\nc'].flatMap((character) => tokenizer.encode(character));
    expect((await heard(tokens, { stop_text: ['\n'], min_new_tokens: 3 })).text).toBe('a\nb');
    expect((await heard(tokens, { stop_text: ['\n'], min_new_tokens: 2 })).text).toBe('a');
  });

  it('R0309, R0301: wants one prompt, and decode', async () => {
    const drain = (input_ids: number[][], options: GenerateOptions) => async () => {
      for await (const _ of streamText(says([1]), { input_ids }, options));
    };
    await provokes('R0309', drain([[1], [2]], { decode }));
    await provokes('R0301', drain([[1]], {}));
  });
});

it('a text is decided up to the longest tail that could begin a stop text', () => {
  expect(decidedLength('a##', ['###'])).toBe(1);
  expect(decidedLength('a###', ['####', 'x'])).toBe(1);
  expect(decidedLength('abab', ['abac'])).toBe(2);
  expect(decidedLength('ab', ['x'])).toBe(2);
  expect(decidedLength('ab\ufffd', ['x'])).toBe(2);
});
