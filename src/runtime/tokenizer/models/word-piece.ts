/** WordPiece (Wu et al. 2016, BERT): of a word the longest token that it begins with, and so on behind it. */
import type { Fields } from '../fields.ts';
import { readVocabulary, type TokenModel, unknownId } from './vocabulary.ts';

export const WORD_PIECE_FIELDS = [
  'vocab',
  'unk_token',
  'continuing_subword_prefix',
  'max_input_chars_per_word',
] as const;

export function readWordPiece(fields: Fields): TokenModel {
  const vocabulary = readVocabulary(fields);
  const { idOf } = vocabulary;
  const unknown = idOf.get(fields.text('unk_token'));
  const prefix = fields.text('continuing_subword_prefix', '##');
  const longest = fields.count('max_input_chars_per_word', 100);
  const cutUp = (characters: readonly string[]): number[] | undefined => {
    const ids: number[] = [];
    for (let start = 0; start < characters.length; ) {
      let end = characters.length;
      let id: number | undefined;
      for (; end > start; end--) {
        id = idOf.get((start > 0 ? prefix : '') + characters.slice(start, end).join(''));
        if (id !== undefined) break;
      }
      if (id === undefined) return undefined;
      ids.push(id);
      start = end;
    }
    return ids;
  };
  return {
    ...vocabulary,
    tokenize: (word) => {
      const characters = [...word];
      const ids = characters.length > longest ? undefined : cutUp(characters);
      return ids ?? [unknownId(unknown, word)];
    },
  };
}
