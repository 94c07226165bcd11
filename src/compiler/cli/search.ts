/** Finds pages by words: `mdl explain rank mismatch`. */

/** What is looked through. */
export interface Searchable {
  readonly title: string;
  readonly explanation: string;
}

/** A word of a title says more than one of the text. */
const TITLE = 3;

/** Lower case, without the endings that questions and pages differ in (`shapes`, `mismatched`). */
const stem = (word: string): string => word.toLowerCase().replace(/(?<=\w{4})(ing|ed|es|s)$/, '');

const stemsOf = (text: string): ReadonlySet<string> => new Set((text.match(/[\p{L}\p{N}_]+/gu) ?? []).map(stem));

/**
 * Names of the pages that have one of the words, the best first: those with the most of the words, and of these the ones whose
 * words are rare, in the title above all.
 */
export function search(pages: ReadonlyMap<string, Searchable>, query: string): readonly string[] {
  const words = [...stemsOf(query)];
  const indexed = [...pages].map(([name, { title, explanation }]) => ({
    name,
    title: stemsOf(title),
    text: stemsOf(explanation),
  }));
  const has = (words: ReadonlySet<string>, word: string): boolean =>
    words.has(word) || (word.length >= 4 && [...words].some((one) => one.startsWith(word)));
  const weight = new Map(
    words.map((word) => {
      const count = indexed.filter(({ title, text }) => has(title, word) || has(text, word)).length;
      return [word, count === 0 ? 0 : 1 + Math.log(indexed.length / count)];
    }),
  );
  const found = indexed.flatMap(({ name, title, text }) => {
    const matches = words.flatMap((word) => {
      if (has(title, word)) return weight.get(word)! * TITLE;
      return has(text, word) ? weight.get(word)! : [];
    });
    return matches.length > 0 ? { name, words: matches.length, score: matches.reduce((a, b) => a + b) } : [];
  });
  return found.sort((a, b) => b.words - a.words || b.score - a.score).map(({ name }) => name);
}

/** Words that pages have, for a word that none has. */
export function wordsOf(pages: ReadonlyMap<string, Searchable>): ReadonlySet<string> {
  return new Set(
    [...pages.values()].flatMap(({ title, explanation }) =>
      (`${title} ${explanation}`.match(/[\p{L}_]{3,}/gu) ?? []).map((word) => word.toLowerCase()),
    ),
  );
}
