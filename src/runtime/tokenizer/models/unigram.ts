/** Unigram (Kudo 2018): of all ways to write a word in tokens the likeliest, found from left to right (Viterbi). */
import { type Fields, idOf, MAX_IDS, refuse } from '../fields.ts';
import { byteIds, type TokenModel, unknownId } from './vocabulary.ts';

export const UNIGRAM_FIELDS = ['vocab', 'unk_id', 'byte_fallback'] as const;

/** How much less likely than the least likely token an unknown character is, as in SentencePiece. */
const UNKNOWN_PENALTY = 10;

/** The best way to a place in the word: the token that ends there. */
interface Best {
  readonly score: number;
  readonly start: number;
  readonly id: number;
}

export function readUnigram(fields: Fields): TokenModel {
  const [ids, tokens, scores] = [new Map<string, number>(), new Map<number, string>(), [] as number[]];
  const list = fields.list('vocab');
  if (list.length > MAX_IDS) refuse(fields.at('vocab'), list.length, `at most ${MAX_IDS} tokens`);
  for (const [id, entry] of list.entries()) {
    const [token, score] = Array.isArray(entry) && entry.length === 2 ? (entry as readonly unknown[]) : [];
    if (typeof token !== 'string' || typeof score !== 'number')
      refuse(`${fields.at('vocab')}[${id}]`, entry, 'a token and its logarithmic probability');
    ids.set(token, id); // of equal tokens the last one counts
    tokens.set(id, token);
    scores.push(score);
  }
  const unknown = fields.value('unk_id') === undefined ? undefined : idOf(fields.at('unk_id'), fields.value('unk_id'));
  if (unknown !== undefined && unknown >= list.length) refuse(fields.at('unk_id'), unknown, 'the place of a token');
  const byteFallback = fields.flag('byte_fallback', false);
  const lengths = [...new Set([...ids.keys()].map((token) => token.length))].filter((n) => n > 0).sort((a, b) => a - b);
  const unknownScore = scores.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;

  const bestPath = (word: string): string[] => {
    const best: (Best | undefined)[] = Array(word.length + 1);
    const offer = (end: number, candidate: Best): void => {
      const known = best[end];
      if (!known || candidate.score > known.score) best[end] = candidate;
    };
    for (let start = 0; start < word.length; ) {
      const width = word.codePointAt(start)! > 0xffff ? 2 : 1;
      const before = best[start]?.score ?? 0;
      let single = false;
      for (const length of lengths) {
        if (start + length > word.length) break;
        const id = ids.get(word.slice(start, start + length));
        if (id === undefined) continue;
        offer(start + length, { score: scores[id]! + before, start, id });
        single ||= length === width;
      }
      if (!single) offer(start + width, { score: unknownScore + before, start, id: unknownId(unknown, word) });
      start += width;
    }
    // unknown characters beside one another are one
    const pieces: string[] = [];
    let unknowns = '';
    for (let end = word.length; end > 0; ) {
      const { start, id } = best[end]!;
      const piece = word.slice(start, end);
      if (id === unknown) unknowns = piece + unknowns;
      else {
        if (unknowns !== '') pieces.push(unknowns);
        unknowns = '';
        pieces.push(piece);
      }
      end = start;
    }
    if (unknowns !== '') pieces.push(unknowns);
    return pieces.reverse();
  };
  return {
    idOf: ids,
    tokenOf: tokens,
    tokenize: (word) =>
      bestPath(word).flatMap((piece) => {
        const id = ids.get(piece);
        if (id !== undefined) return [id];
        return (byteFallback ? byteIds(piece, ids) : undefined) ?? [unknownId(unknown, piece)];
      }),
  };
}
