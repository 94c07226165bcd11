/** Text as it comes: pieces of whole characters that together are what decoding all ids gives. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTPUT } from '../../../scripts/train-tokenizer.ts';
import { StreamDecoder } from '../../../src/runtime/tokenizer/stream-decoder.ts';
import { Tokenizer } from '../../../src/runtime/tokenizer/tokenizer.ts';
import { type Fixture, readFixture } from './fixtures.ts';

const nano = Tokenizer.from(readFileSync(OUTPUT, 'utf8'));
const texts = readFixture<string[]>('texts.json');

function streamed(tokenizer: Tokenizer, ids: readonly number[]): string[] {
  const decoder = new StreamDecoder(tokenizer);
  return [...ids.map((id) => decoder.push(id)), decoder.end()];
}

describe('StreamDecoder', () => {
  it('never gives half a character', () => {
    for (const text of ['hi 🙂', '日本語', 'é👍🏽!']) {
      const pieces = streamed(nano, nano.encode(text));
      expect(pieces.join('')).toBe(text);
      expect(pieces.filter((piece) => piece.includes('\ufffd'))).toEqual([]);
    }
    const four = nano.encode('🙂');
    expect(four).toHaveLength(4);
    expect(streamed(nano, four)).toEqual(['', '', '', '🙂', '']);
  });

  it('gives what is left at the end as decode does, and begins anew', () => {
    const decoder = new StreamDecoder(nano);
    expect(decoder.push(nano.encode('🙂').slice(0, 3))).toBe('');
    expect(decoder.end()).toBe('\ufffd');
    expect(decoder.push(BigInt64Array.from(nano.encode('🙂'), BigInt))).toBe('🙂');
  });

  it('of any ids is what decode gives', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(511), { maxLength: 300 }), (ids) => {
        expect(streamed(nano, ids).join('')).toBe(nano.decode(ids));
      }),
      { numRuns: 100 },
    );
  });

  it.each(['bert', 'gpt2', 'llama2', 'llama3', 'qwen2', 't5', 'gemma'])(
    '%s: all texts, also behind one another',
    (family) => {
      const tokenizer = Tokenizer.from(readFixture<Fixture>(`families/${family}.json`).tokenizer);
      for (const text of texts) {
        const ids = tokenizer.encode(text);
        expect(streamed(tokenizer, ids).join('')).toBe(tokenizer.decode(ids));
      }
      const long = texts.slice(60, 160).flatMap((text) => tokenizer.encode(text));
      expect(streamed(tokenizer, long).join('')).toBe(tokenizer.decode(long));
    },
  );
});
