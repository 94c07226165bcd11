/**
 * Classes of characters as Oniguruma has them: `\s` is Unicode's White_Space (with U+0085, without U+FEFF), `\d` is Nd,
 * `\w` is Alphabetic, M, Nd, Pc and the six fractions and powers of Latin-1. JavaScript's own `\s`, `\d` and `\w` are others.
 */
import { PatternError } from './pattern-error.ts';

/** Whether a code point belongs to the class. */
export type CharacterClass = (codePoint: number) => boolean;

const PAGE = 256;

/** Remembers a class page by page of 256 code points. */
export function remembered(test: CharacterClass): CharacterClass {
  const pages: Uint8Array[] = [];
  return (codePoint) => {
    const index = codePoint >> 8;
    let page = pages[index];
    if (!page) {
      page = Uint8Array.from({ length: PAGE }, (_, i) => (test(index * PAGE + i) ? 1 : 0));
      pages[index] = page;
    }
    return page[codePoint & (PAGE - 1)] === 1;
  };
}

/** A class by the body of a JavaScript class (`\p{L}_`). */
export function classOf(body: string): CharacterClass {
  const pattern = new RegExp(`[${body}]`, 'u');
  return remembered((codePoint) => pattern.test(String.fromCodePoint(codePoint)));
}

export const not =
  (test: CharacterClass): CharacterClass =>
  (codePoint) =>
    !test(codePoint);

export const anyOf =
  (tests: readonly CharacterClass[]): CharacterClass =>
  (codePoint) =>
    tests.some((test) => test(codePoint));

export const allOf =
  (tests: readonly CharacterClass[]): CharacterClass =>
  (codePoint) =>
    tests.every((test) => test(codePoint));

export const range =
  (first: number, last: number): CharacterClass =>
  (codePoint) =>
    codePoint >= first && codePoint <= last;

export const SPACE = classOf('\\p{White_Space}');
export const DIGIT = classOf('\\p{Nd}');
export const WORD = classOf('\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}²³¹¼½¾');
export const HEX = classOf('0-9A-Fa-f');
export const NEWLINE = range(10, 10);

/** The shorthand classes, by the letter after the backslash. */
export const SHORTHANDS: ReadonlyMap<string, CharacterClass> = new Map(
  [['s', SPACE] as const, ['d', DIGIT] as const, ['w', WORD] as const, ['h', HEX] as const].flatMap(
    ([letter, test]) => [[letter, test] as const, [letter.toUpperCase(), not(test)] as const],
  ),
);

const properties = new Map<string, CharacterClass>();

/** `\p{name}`: a general category, a binary property, or a script. @throws PatternError for a name that is none */
export function propertyClass(name: string): CharacterClass {
  const known = properties.get(name);
  if (known) return known;
  if (/^\w+$/.test(name)) {
    for (const body of [`\\p{${name}}`, `\\p{Script=${name}}`]) {
      try {
        const test = classOf(body);
        test(0);
        properties.set(name, test);
        return test;
      } catch {} // the next spelling
    }
  }
  throw new PatternError(`the property \\p{${name}}`);
}

/** The class without regard to case. */
export function ignoringCase(test: CharacterClass): CharacterClass {
  return remembered((codePoint) => {
    if (test(codePoint)) return true;
    const character = String.fromCodePoint(codePoint);
    const [lower, upper] = [character.toLowerCase(), character.toUpperCase()];
    // s and the long ſ have the upper case S in common, k and the Kelvin sign the lower case k
    return [lower, upper, upper.toLowerCase(), lower.toUpperCase()].some(
      (other) => [...other].length === 1 && test(other.codePointAt(0)!),
    );
  });
}
