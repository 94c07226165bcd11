/** Finds pages by words: `mdl explain rank mismatch`. */

/** What is looked through. */
export interface Searchable {
  readonly title: string;
  readonly explanation: string;
}

/** A word of a title says more than one of the text. */
const TITLE = 3;

/** Lower case, without the endings that questions and pages differ in (`shapes`, `mismatched`). */
const stem = (word: string): string => word.toLowerCase().replace(/(?<=\w{4})(ing|ed|es|e|s)$/, '');

/** Words of a question that say nothing of what it is about. */
const PLAIN = new Set(
  'a an and are at be but by can do does for from how i in is it my not of on or the this to too what when where which why with'.split(
    ' ',
  ),
);

/** Words for one thing: people ask by one and pages may have another, which counts for less. */
const SAME: readonly (readonly string[])[] = [
  ['shape', 'size', 'dimension', 'dim', 'rank'],
  ['gpu', 'webgpu', 'adapter', 'device'],
  ['weights', 'checkpoint', 'safetensors'],
  ['nan', 'infinity', 'finite', 'overflow'],
  ['picture', 'image', 'photo'],
  ['parameter', 'argument'],
  ['oom', 'memory'],
  ['undefined', 'undeclared', 'unknown'],
].map((words) => words.map(stem));
const OTHERS = new Map(
  SAME.flatMap((words) => words.map((word) => [word, words.filter((other) => other !== word)] as const)),
);
/** Of what the word itself would count. */
const OTHER = 0.4;

const stemsOf = (text: string): ReadonlySet<string> => new Set((text.match(/[\p{L}\p{N}_]+/gu) ?? []).map(stem));

/**
 * Names of the pages that have one of the words, the best first: those with the most of the words, and of these the ones whose
 * words are rare, in the title above all. A word counts as found where another for the same thing stands.
 */
export function search(pages: ReadonlyMap<string, Searchable>, query: string): readonly string[] {
  const all = [...stemsOf(query)];
  const telling = all.filter((word) => !PLAIN.has(word));
  const words = telling.length > 0 ? telling : all;
  const indexed = [...pages].map(([name, { title, explanation }]) => ({
    name,
    title: stemsOf(title),
    text: stemsOf(explanation),
  }));
  const has = (words: ReadonlySet<string>, word: string): boolean =>
    words.has(word) || (word.length >= 4 && [...words].some((one) => one.startsWith(word)));
  const asked = new Map(words.map((word) => [word, [word, ...(OTHERS.get(word) ?? [])]] as const));
  const weight = new Map(
    [...asked.values()].flat().map((word) => {
      const count = indexed.filter(({ title, text }) => has(title, word) || has(text, word)).length;
      return [word, count === 0 ? 0 : 1 + Math.log(indexed.length / count)];
    }),
  );
  const found = indexed.flatMap(({ name, title, text }) => {
    const matches = [...asked].flatMap(([word, alternatives]) => {
      const scores = alternatives.map((one) => {
        const share = one === word ? 1 : OTHER;
        if (has(title, one)) return share * weight.get(one)! * TITLE;
        return has(text, one) ? share * weight.get(one)! : 0;
      });
      const best = Math.max(...scores);
      return best > 0 ? best : [];
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
