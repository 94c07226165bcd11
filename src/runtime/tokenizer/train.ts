/**
 * Trains a byte-level BPE vocabulary (Sennrich et al. 2016, on bytes as GPT-2), as a `tokenizer.json`.
 *
 * Deterministic: words are counted once, the most frequent pair is merged until the vocabulary is full, and of equally
 * frequent pairs the one with the lower ids goes first. Quadratic in the number of merges; meant for small
 * vocabularies.
 */
import { runtimeError } from '../errors.ts';
import { ALPHABET, byteCharacters, WORD_PATTERN } from './bytes.ts';

/** What HF tokenizers read and write, as far as a byte-level BPE needs it. */
export interface TokenizerJson {
  readonly version: '1.0';
  readonly truncation: null;
  readonly padding: null;
  readonly added_tokens: readonly { readonly id: number; readonly content: string; readonly special: boolean }[];
  readonly normalizer: null;
  readonly pre_tokenizer: object;
  readonly post_processor: object;
  readonly decoder: object;
  readonly model: {
    readonly type: 'BPE';
    readonly vocab: Readonly<Record<string, number>>;
    /** `left right`, in the order they are applied */
    readonly merges: readonly string[];
  };
}

/** The one special token; it has id 0, as special tokens come first in HF's trainers. */
export const END_OF_TEXT = '<|endoftext|>';

/** A distinct word as token ids, and how often it occurs. */
interface Word {
  ids: number[];
  readonly count: number;
}

/**
 * A vocabulary of exactly `vocabSize` entries: `<|endoftext|>` (id 0), 256 bytes, merges.
 * @throws RuntimeError R0503 when the texts have too few distinct pairs for that size
 */
export function trainBpe(texts: Iterable<string>, vocabSize: number): TokenizerJson {
  const words = countWords(texts);
  const tokens = [END_OF_TEXT, ...ALPHABET];
  const merges: string[] = [];
  while (tokens.length < vocabSize) {
    const best = mostFrequentPair(words);
    if (!best) throw runtimeError('vocabulary_too_large', { found: tokens.length, wanted: vocabSize });
    const [left, right] = best;
    merges.push(`${tokens[left]} ${tokens[right]}`);
    tokens.push(tokens[left]! + tokens[right]!);
    for (const word of words) word.ids = mergePair(word.ids, left, right, tokens.length - 1);
  }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [{ id: 0, content: END_OF_TEXT, ...flags, special: true }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      ...{
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: '',
        end_of_word_suffix: '',
        fuse_unk: false,
        byte_fallback: false,
      },
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

function countWords(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const [word] of text.matchAll(WORD_PATTERN)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const idOf = new Map(ALPHABET.map((character, i) => [character, i + 1]));
  return [...counts].map(([word, count]) => ({
    ids: byteCharacters(word).map((character) => idOf.get(character)!),
    count,
  }));
}

/** Lower ids win ties: first by the left one, then by the right one. */
function mostFrequentPair(words: readonly Word[]): readonly [number, number] | undefined {
  const width = 2 ** 26; // ids are below: a pair fits in one number that sorts by left, then right
  const counts = new Map<number, number>();
  for (const { ids, count } of words) {
    for (let i = 1; i < ids.length; i++) {
      const pair = ids[i - 1]! * width + ids[i]!;
      counts.set(pair, (counts.get(pair) ?? 0) + count);
    }
  }
  let best: number | undefined;
  let most = 0;
  for (const [pair, count] of counts) {
    if (count > most || (count === most && pair < best!)) {
      best = pair;
      most = count;
    }
  }
  return best === undefined ? undefined : [Math.floor(best / width), best % width];
}

function mergePair(ids: number[], left: number, right: number, merged: number): number[] {
  if (!ids.includes(left)) return ids;
  const result: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && ids[i + 1] === right) {
      result.push(merged);
      i++;
    } else result.push(ids[i]!);
  }
  return result;
}
