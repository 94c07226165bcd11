/** What of a tokenizer.json is refused, by name, when it is loaded; and what `encode` and `decode` refuse. */
import { describe, expect, it } from 'vitest';
import type { RuntimeErrorCode } from '../../../src/runtime/errors.ts';
import { StreamDecoder } from '../../../src/runtime/tokenizer/stream-decoder.ts';
import { Tokenizer } from '../../../src/runtime/tokenizer/tokenizer.ts';
import { provokes } from '../support.ts';

const BPE = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] };
const WORDS = { type: 'WordLevel', vocab: { a: 0 }, unk_token: '<unk>' };
const SPLIT = { type: 'Split', behavior: 'Isolated', invert: false };
const added = (more: object) => ({ model: BPE, added_tokens: [{ id: 3, content: 'x', ...more }] });
const regex = (source: string) => ({ model: BPE, pre_tokenizer: { ...SPLIT, pattern: { Regex: source } } });

const CASES: Readonly<Record<string, readonly [code: RuntimeErrorCode, json: object, says: string]>> = {
  'a type that is not known': [
    'R0504',
    { model: BPE, pre_tokenizer: { type: 'UnicodeScripts' } },
    'pre_tokenizer in the tokenizer is of the type "UnicodeScripts", which is not read; the types are Sequence, ',
  ],
  'a model that is not known': ['R0504', { model: { type: 'Other' } }, 'model in the tokenizer is of the type "Other"'],
  'a type in a sequence': [
    'R0504',
    { model: BPE, decoder: { type: 'Sequence', decoders: [{ type: 'Fuse' }, { type: 'Fuze' }] } },
    'decoder.decoders[1] in the tokenizer is of the type "Fuze"',
  ],
  'a field that is not known': [
    'R0506',
    { model: { ...BPE, byte_fallbak: true } },
    'model in the tokenizer has a field byte_fallbak, which is not read, did you mean byte_fallback',
  ],
  'a field beside the components': ['R0506', { model: BPE, normaliser: null }, 'the tokenizer has a field normaliser'],
  'random ids': [
    'R0505',
    { model: { ...BPE, dropout: 0.1 } },
    'model.dropout in the tokenizer is 0.1 and must be null or 0',
  ],
  'an id that no vocabulary reaches': [
    'R0505',
    { model: { ...BPE, vocab: { a: 4e9 }, merges: [] } },
    'model.vocab["a"] in the tokenizer is 4000000000 and must be an integer from 0 to 16777215',
  ],
  'an id of an added token that no vocabulary reaches': ['R0505', added({ id: 4e9 }), 'added_tokens[0].id'],
  'a fraction as id': ['R0505', { model: { ...BPE, vocab: { a: 0.5 }, merges: [] } }, 'model.vocab["a"]'],
  'a behaviour that is not known': [
    'R0505',
    { model: BPE, pre_tokenizer: { ...SPLIT, pattern: { String: 'a' }, behavior: 'Kept' } },
    'pre_tokenizer.behavior in the tokenizer is "Kept" and must be one of Removed, Isolated, ',
  ],
  'a flag that is no flag': ['R0505', added({ single_word: 'yes' }), 'added_tokens[0].single_word'],
  'a pattern that is empty': [
    'R0505',
    { model: BPE, normalizer: { type: 'Replace', pattern: { String: '' }, content: '' } },
    'normalizer.pattern',
  ],
  'a map that is cut short': [
    'R0505',
    { model: BPE, normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } },
    'normalizer.precompiled_charsmap',
  ],
  'sequences without end': [
    'R0505',
    {
      model: BPE,
      normalizer: Array.from({ length: 40 }).reduce<object>((inner) => ({ type: 'Sequence', normalizers: [inner] }), {
        type: 'NFC',
      }),
    },
    'must be at most 20 levels deep',
  ],
  'truncation of the second text': [
    'R0505',
    { model: BPE, truncation: { direction: 'Right', max_length: 5, strategy: 'OnlySecond', stride: 0 } },
    'truncation.strategy',
  ],
  'look-behind': ['R0507', regex('(?<=a)b'), 'it has the group (?<'],
  'a reference to a group': ['R0507', regex('(a)\\1'), 'it has the escape \\1'],
  'an unknown property': ['R0507', regex('\\p{Letters}'), 'it has the property \\p{Letters}'],
  'a POSIX class': ['R0507', regex('[[:alpha:]]'), 'it has the class [:alpha:]'],
  '{n,m}+': ['R0507', regex('a{1,3}+'), 'it has {n,m}+'],
  'an open group': ['R0507', regex('(a'), 'it has no ) at character 2'],
  'a pattern that grows': ['R0507', regex('((a{100}){100}){100}'), 'more than 20000 steps'],
  'an id of two tokens': [
    'R0509',
    { model: { ...BPE, vocab: { a: 0, b: 0 }, merges: [] } },
    'the tokens "a" and "b" both have the id 0',
  ],
  'a merge without its result': [
    'R0509',
    { model: { ...BPE, vocab: { a: 0, b: 1 } } },
    'the merge "a b" needs the token "ab"',
  ],
  'an added token with another id': [
    'R0509',
    added({ content: 'a' }),
    'the added token "a" has the id 3, and 0 in the vocabulary',
  ],
  'an added token on the id of another': [
    'R0509',
    added({ id: 1 }),
    'the added token "x" has the id 1, which is that of "b"',
  ],
};

describe('a tokenizer.json is refused for', () => {
  it.each(Object.entries(CASES))('%s', async (_, [code, json, says]) => {
    expect(await provokes(code, () => Tokenizer.from(json))).toContain(says);
  });
});

describe('encode and decode refuse', () => {
  it('R0508: a word that is unknown where nothing stands for unknown', async () => {
    expect(await provokes('R0508', () => Tokenizer.from({ model: WORDS }).encode('b'))).toContain('cannot write "b"');
    const unigram = { type: 'Unigram', vocab: [['a', -1]], unk_id: null };
    await provokes('R0508', () => Tokenizer.from({ model: unigram }).encode('ab'));
    expect(Tokenizer.from({ model: { ...WORDS, vocab: { a: 0, '<unk>': 7 } } }).encode('b')).toEqual([7]);
  });
  it('R0510, R0301: options that do not exist, and values that are none', async () => {
    const tokenizer = Tokenizer.from({ model: BPE });
    const call = (options: object) => () => tokenizer.encode('a', options);
    expect(await provokes('R0510', call({ addSpecialTokens: false }))).toContain('did you mean add_special_tokens');
    await provokes('R0301', call({ split_special_tokens: 1 }));
    const decode = { skip_special_tokens: false } as object;
    expect(await provokes('R0510', () => tokenizer.decode([0], decode))).toContain('decode has no option');
  });
  it('R0505: padding that would take the memory of the process', async () => {
    const padding = { strategy: 'BatchLongest', direction: 'Right', pad_id: 0, pad_type_id: 0, pad_token: 'a' };
    for (const more of [{ strategy: { Fixed: 1e9 } }, { pad_to_multiple_of: 2 ** 40 }]) {
      const json = { model: BPE, padding: { ...padding, ...more } };
      expect(await provokes('R0505', () => Tokenizer.from(json))).toContain('at most 1048576');
    }
  });
  it('R0511: what is no id', async () => {
    const tokenizer = Tokenizer.from({ model: BPE });
    await provokes('R0511', () => tokenizer.decode([0.5]));
    await provokes('R0511', () => tokenizer.decode([Number.NaN]));
  });
  it('R0512: what callers without types pass by mistake', async () => {
    const tokenizer = Tokenizer.from({ model: BPE });
    for (const text of [null, undefined, 3, ['a']])
      expect(await provokes('R0512', () => tokenizer.encode(text as never))).toContain('a string is expected');
    for (const ids of [null, undefined, 'ab', 3, {}])
      expect(await provokes('R0512', () => tokenizer.decode(ids as never))).toContain('a list of integers');
    for (const options of [null, 'special', [1]]) {
      await provokes('R0512', () => tokenizer.encode('a', options as never));
      await provokes('R0512', () => tokenizer.decode([0], options as never));
    }
    await provokes('R0512', () => new StreamDecoder(tokenizer).push(null as never));
  });
  it('decode takes ids as models give them', () => {
    const tokenizer = Tokenizer.from({ model: BPE, decoder: { type: 'Fuse' } });
    expect([[2, 0], Int32Array.of(2, 0), BigInt64Array.of(2n, 0n)].map((ids) => tokenizer.decode(ids))).toEqual([
      'aba',
      'aba',
      'aba',
    ]);
  });
  it('a sparse vocabulary is as fast as a full one', () => {
    const tokenizer = Tokenizer.from({ model: { ...BPE, vocab: { a: 0, b: 16_777_215 }, merges: [] } });
    expect(tokenizer.vocabSize).toBe(16_777_216);
    expect(tokenizer.encode('ab')).toEqual([0, 16_777_215]);
  });
});
