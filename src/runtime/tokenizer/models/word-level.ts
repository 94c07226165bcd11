/** WordLevel: a word is a token, or unknown. */
import type { Fields } from '../fields.ts';
import { readVocabulary, type TokenModel, unknownId } from './vocabulary.ts';

export const WORD_LEVEL_FIELDS = ['vocab', 'unk_token'] as const;

export function readWordLevel(fields: Fields): TokenModel {
  const vocabulary = readVocabulary(fields);
  const unknown = vocabulary.idOf.get(fields.text('unk_token', '<unk>'));
  return { ...vocabulary, tokenize: (word) => [vocabulary.idOf.get(word) ?? unknownId(unknown, word)] };
}
