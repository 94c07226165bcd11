import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { corpus, OUTPUT, tokenizerText } from '../../../scripts/train-tokenizer.ts';
import { ALPHABET, BYTE_CHARACTERS, byteCharacters } from '../../../src/runtime/tokenizer/bytes.ts';
import { Tokenizer } from '../../../src/runtime/tokenizer/tokenizer.ts';
import { type TokenizerJson, trainBpe } from '../../../src/runtime/tokenizer/train.ts';
import { provokes } from '../support.ts';

const json = JSON.parse(readFileSync(OUTPUT, 'utf8')) as TokenizerJson;
const tokenizer = Tokenizer.from(json);

/**
 * Encoding from its definition: cut into words (here by hand, without a regular expression over the whole), then merge
 * the pair of lowest rank until none is left.
 */
function slowEncode(text: string): number[] {
  const ranks = new Map(json.model.merges.map((merge, rank) => [merge, rank]));
  const classOf = (character: string) =>
    /\p{L}/u.test(character) ? 'L' : /\p{N}/u.test(character) ? 'N' : /\s/u.test(character) ? 'S' : 'O';
  const encodeWord = (word: string): number[] => {
    const parts = byteCharacters(word);
    for (;;) {
      const candidates = parts
        .slice(1)
        .map((right, i) => ranks.get(`${parts[i]} ${right}`) ?? Number.POSITIVE_INFINITY);
      const best = Math.min(...candidates, Number.POSITIVE_INFINITY);
      if (best === Number.POSITIVE_INFINITY) return parts.map((part) => json.model.vocab[part]!);
      const at = candidates.indexOf(best);
      parts.splice(at, 2, parts[at]! + parts[at + 1]!);
    }
  };
  const encodeText = (plain: string): number[] => {
    const characters = [...plain];
    const words: string[] = [];
    for (let at = 0; at < characters.length; ) {
      const rest = characters.slice(at, at + 3).join('');
      const contraction = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].find((c) => rest.startsWith(c));
      let end = at + (contraction?.length ?? 0);
      if (!contraction) {
        const first =
          characters[at] === ' ' && at + 1 < characters.length && classOf(characters[at + 1]!) !== 'S' ? at + 1 : at;
        const kind = classOf(characters[first]!);
        end = first + 1;
        while (end < characters.length && classOf(characters[end]!) === kind) end++;
        // white space leaves its last character to the word that follows
        if (kind === 'S' && end < characters.length && end - at > 1) end--;
      }
      words.push(characters.slice(at, end).join(''));
      at = end;
    }
    return words.flatMap(encodeWord);
  };
  const special = '<|endoftext|>';
  return text
    .split(special)
    .flatMap((plain, i) => [...(i > 0 ? [json.model.vocab[special]!] : []), ...encodeText(plain)]);
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        ' ',
        '  ',
        '\n',
        "'s",
        "'ll",
        'a',
        'B',
        '7',
        '###',
        'Human',
        'é',
        '😀',
        '\u00a0',
        '_',
        '<|endoftext|>',
      ),
      { maxLength: 12 },
    )
    .map((a) => a.join('')),
);

describe('the nano tokenizer', () => {
  it('is what its script makes', () => {
    expect(readFileSync(OUTPUT, 'utf8')).toBe(tokenizerText());
  });
  it('has 512 entries: end of text, bytes, merges', () => {
    expect(tokenizer.vocabSize).toBe(512);
    expect(Object.keys(json.model.vocab)).toHaveLength(512);
    expect(json.model.merges).toHaveLength(255);
    expect(tokenizer.idOf('<|endoftext|>')).toBe(0);
    expect(tokenizer.idOf('<ImageHere>')).toBeUndefined();
    expect(tokenizer.encode('<ImageHere>').length).toBeGreaterThan(1);
  });
  it('encodes as the definition says', () => {
    for (const text of corpus().slice(0, 300)) expect(tokenizer.encode(text)).toEqual(slowEncode(text));
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tokenizer.encode(text)).toEqual(slowEncode(text));
      }),
      { numRuns: 500 },
    );
  });
  it('gives every text back', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tokenizer.decode(tokenizer.encode(text), { special: true })).toBe(text);
      }),
      { numRuns: 500 },
    );
  });
  it('keeps spaces as they are, and leaves special tokens out', () => {
    for (const text of [' a , b .', "do n't", '  x  ', '\n'])
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    expect(tokenizer.decode([...tokenizer.encode('a'), 0])).toBe('a');
    expect(tokenizer.encode('')).toEqual([]);
    expect(tokenizer.decode([])).toBe('');
  });
  it('shows half a character as U+FFFD', () => {
    const ids = tokenizer.encode('😀');
    expect(tokenizer.decode(ids.slice(0, 1))).toContain('\ufffd');
  });
  it('refuses other files, and ids it does not have', async () => {
    await provokes('R0501', () => Tokenizer.from('{'));
    await provokes('R0501', () => Tokenizer.from('null'));
    await provokes('R0501', () => Tokenizer.from({}));
    await provokes('R0502', () => tokenizer.decode([512]));
    await provokes('R0502', () => tokenizer.decode([-1]));
  });
});

describe('training', () => {
  it('merges the most frequent pair first; of equal ones that with the lower ids', () => {
    const merges = (texts: string[], size: number) => trainBpe(texts, size).model.merges;
    expect(merges(['abab ab', 'cd'], 258)).toEqual(['a b']);
    expect(merges(['cd ab'], 258)).toEqual(['a b']); // "Ġ a" and "a b" and "c d" once each: a is the lowest id
    expect(merges(['aaaa'], 259)).toEqual(['a a', 'aa aa']);
  });
  it('never merges across words', () => {
    expect(trainBpe(['ab ab ab ab ab'], 259).model.merges).toEqual(['a b', 'Ġ ab']);
  });
  it('does not depend on the order of the texts', () => {
    const texts = corpus().slice(0, 200);
    expect(trainBpe([...texts].reverse(), 300)).toEqual(trainBpe(texts, 300));
  });
  it('R0503: runs out of pairs', () => provokes('R0503', () => trainBpe(['ab'], 300)));
});

describe('the byte alphabet', () => {
  it('is GPT-2’s', () => {
    expect(new Set(BYTE_CHARACTERS).size).toBe(256);
    expect(BYTE_CHARACTERS[0x20]).toBe('Ġ');
    expect(BYTE_CHARACTERS[0x0a]).toBe('Ċ');
    expect(BYTE_CHARACTERS[0xad]).toBe('Ń');
    expect(ALPHABET.slice(0, 3)).toEqual(['!', '"', '#']);
  });
});
