/** Byte-pair encoding (Sennrich et al. 2016): characters, or the bytes that stand for them, merged pair by pair. */
import { runtimeError } from '../../errors.ts';
import { type Fields, refuse } from '../fields.ts';
import { type MergeRule, mergeWord, pairKey } from './merges.ts';
import { byteIds, readVocabulary, type TokenModel, unknownId } from './vocabulary.ts';

export const BPE_FIELDS = [
  'vocab',
  'merges',
  'dropout',
  'unk_token',
  'continuing_subword_prefix',
  'end_of_word_suffix',
  'fuse_unk',
  'byte_fallback',
  'ignore_merges',
] as const;

/** Words that are remembered, and the longest of them, as in `tokenizers`. */
const CACHE_WORDS = 10_000;
const CACHE_LENGTH = 256;

export function readBpe(fields: Fields): TokenModel {
  const vocabulary = readVocabulary(fields);
  const { idOf } = vocabulary;
  const dropout = fields.value('dropout');
  if (dropout !== undefined && dropout !== 0)
    refuse(fields.at('dropout'), dropout, 'null or 0, because ids may not be random');
  const unknownToken = fields.optionalText('unk_token');
  const unknown = unknownToken === undefined ? undefined : idOf.get(unknownToken);
  const prefix = fields.text('continuing_subword_prefix', '');
  const suffix = fields.text('end_of_word_suffix', '');
  const fuse = fields.flag('fuse_unk', false);
  const byteFallback = fields.flag('byte_fallback', false);
  const ignoreMerges = fields.flag('ignore_merges', false);
  const rules = readMerges(fields, idOf, prefix);

  const symbolsOf = (word: string): number[] => {
    const symbols: number[] = [];
    let pending: number | undefined; // an unknown character: more may be fused with it
    const flush = (): void => {
      if (pending !== undefined) symbols.push(pending);
      pending = undefined;
    };
    const characters = [...word];
    characters.forEach((character, i) => {
      const symbol = (i > 0 ? prefix : '') + character + (i === characters.length - 1 ? suffix : '');
      const id = idOf.get(symbol);
      if (id !== undefined) {
        flush();
        symbols.push(id);
        return;
      }
      const bytes = byteFallback ? byteIds(symbol, idOf) : undefined;
      // as in `tokenizers`: an unknown character that is waiting comes behind the bytes
      if (bytes) symbols.push(...bytes);
      else if (unknownToken !== undefined) {
        if (!fuse) flush();
        pending ??= unknownId(unknown, word);
      }
    });
    flush();
    return symbols;
  };

  const cache = new Map<string, readonly number[]>();
  return {
    ...vocabulary,
    tokenize: (word) => {
      const whole = ignoreMerges ? idOf.get(word) : undefined;
      if (whole !== undefined) return [whole];
      const known = cache.get(word);
      if (known) return known;
      const ids = mergeWord(symbolsOf(word), rules);
      if (word.length < CACHE_LENGTH && cache.size < CACHE_WORDS) cache.set(word, ids);
      return ids;
    },
  };
}

/** `"a b"` or `["a", "b"]`, in the order of their ranks. @throws RuntimeError R0505, R0509 */
function readMerges(fields: Fields, ids: ReadonlyMap<string, number>, prefix: string): Map<number, MergeRule> {
  const rules = new Map<number, MergeRule>();
  const lines = fields.list('merges').filter((line) => typeof line !== 'string' || !line.startsWith('#version'));
  for (const [rank, line] of lines.entries()) {
    const pair: readonly unknown[] = typeof line === 'string' ? line.split(' ') : Array.isArray(line) ? line : [];
    const [left, right] = pair;
    if (pair.length !== 2 || typeof left !== 'string' || typeof right !== 'string')
      refuse(`${fields.at('merges')}[${rank}]`, line, 'two tokens');
    const merged = left + (prefix !== '' ? right.slice(prefix.length) : right);
    const [a, b, id] = [ids.get(left), ids.get(right), ids.get(merged)];
    if (a === undefined || b === undefined || id === undefined) {
      const missing = a === undefined ? left : b === undefined ? right : merged;
      throw runtimeError('tokenizer_contradiction', {
        reason: `the merge ${JSON.stringify(line)} needs the token ${JSON.stringify(missing)}, which the vocabulary lacks`,
      });
    }
    rules.set(pairKey(a, b), { rank, id });
  }
  return rules;
}
