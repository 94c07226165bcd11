/** The model of a tokenizer.json, by its type. */
import { isObject, type Kinds, readKind } from '../fields.ts';
import { BPE_FIELDS, readBpe } from './bpe.ts';
import { readUnigram, UNIGRAM_FIELDS } from './unigram.ts';
import type { TokenModel } from './vocabulary.ts';
import { readWordLevel, WORD_LEVEL_FIELDS } from './word-level.ts';
import { readWordPiece, WORD_PIECE_FIELDS } from './word-piece.ts';

const KINDS: Kinds<TokenModel> = {
  BPE: [BPE_FIELDS, readBpe],
  Unigram: [UNIGRAM_FIELDS, readUnigram],
  WordPiece: [WORD_PIECE_FIELDS, readWordPiece],
  WordLevel: [WORD_LEVEL_FIELDS, readWordLevel],
};

/** Files of the first releases do not say the type: what they have tells it. */
function typed(json: unknown): unknown {
  if (!isObject(json) || json.type !== undefined) return json;
  const type =
    'merges' in json
      ? 'BPE'
      : Array.isArray(json.vocab)
        ? 'Unigram'
        : 'max_input_chars_per_word' in json
          ? 'WordPiece'
          : 'WordLevel';
  return { type, ...json };
}

/** @throws RuntimeError R0504–R0506, R0509 */
export function readModel(path: string, json: unknown): TokenModel {
  return readKind(KINDS, path, typed(json), 0);
}
