/** Nouns in sentences: articles, plurals, lists. */

const IRREGULAR: Readonly<Record<string, string>> = {
  fish: 'fish',
  sheep: 'sheep',
  mouse: 'mice',
  wolf: 'wolves',
  knife: 'knives',
  leaf: 'leaves',
};
const TAKES_ES = /(?:[sxz]|ch|sh|[^aeiou]o)$/;
/** words in -o that take a plain s */
const PLAIN_O = /^(?:taco|kimono|banjo|piano|radio)$/;
/** a consonant's sound before a vowel's letter */
const TAKES_A = /^(?:uni)/;

/** dog → dogs, box → boxes, cherry → cherries, mouse → mice */
export function plural(noun: string): string {
  if (Object.hasOwn(IRREGULAR, noun)) return IRREGULAR[noun]!;
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return TAKES_ES.test(noun) && !PLAIN_O.test(noun) ? `${noun}es` : `${noun}s`;
}

/** dog → a dog, apple → an apple */
export function withArticle(noun: string): string {
  return /^[aeiou]/.test(noun) && !TAKES_A.test(noun) ? `an ${noun}` : `a ${noun}`;
}

/** [x] → x; [x, y] → x and y; [x, y, z] → x, y and z */
export function listOf(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}
