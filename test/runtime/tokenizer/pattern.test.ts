/** Regular expressions of tokenizers: what Oniguruma finds (components.json has more), in bounded time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pattern } from '../../../src/runtime/tokenizer/pattern/pattern.ts';

const found = (source: string, text: string): string[] =>
  new Pattern(source).findAll(text).map(([start, end]) => text.slice(start, end));

describe('patterns', () => {
  it('take the first alternative that leads to a match, as backtracking does', () => {
    expect(found('a|ab', 'ab')).toEqual(['a']);
    expect(found('(?:a|ab)c', 'abc')).toEqual(['abc']);
    expect(found('(?>a|ab)c', 'abcac')).toEqual(['ac']);
    expect(found('a+?b|a', 'aab')).toEqual(['aab']);
    expect(found('a?+ab', 'ab')).toEqual([]);
  });
  it('have Unicode’s white space and digits, not JavaScript’s', () => {
    expect(found('\\s', 'a\u0085b\ufeffc\u3000')).toEqual(['\u0085', '\u3000']);
    expect(found('\\d', '1٣½')).toEqual(['1', '٣']);
    expect(found('\\w+', 'é_٣½Ⓐ⅓')).toEqual(['é_٣½Ⓐ']);
  });
  it('ignore case as Unicode folds it', () => {
    expect(found("(?i:'s|k)", "'S'ſKK")).toEqual(["'S", "'ſ", 'K', 'K']); // the long s, the Kelvin sign
    expect(found('a(?i)b|c', 'aBaC')).toEqual(['aB', 'aC']); // holds to the end of the group, alternatives included
  });
  it('know lines, places and empty matches', () => {
    expect(found('^.', 'ab\ncd\n')).toEqual(['a', 'c']);
    expect(found('.$', 'ab\ncd\n')).toEqual(['b', 'd']);
    expect(new Pattern('x*').findAll('axb')).toEqual([
      [0, 0],
      [1, 2],
      [3, 3],
    ]);
    expect(found('(a*)*b', 'aab')).toEqual(['aab']);
  });

  it('find what JavaScript finds, where the two mean the same', () => {
    const piece = fc.constantFrom('a', 'b', '.', '(?:a|b)', '[ab]', '[^a]', '(?:ab|a)', '(?=a)', '(?!b)', '(?:a|bb)');
    const part = fc.tuple(piece, fc.constantFrom('', '*', '+', '?', '*?', '+?', '{1,2}', '{2}'));
    const source = fc
      .array(part, { minLength: 1, maxLength: 5 })
      .map((parts) =>
        parts.map(([text, often]) => (text.startsWith('(?=') || text.startsWith('(?!') ? text : text + often)).join(''),
      );
    const alternatives = fc.array(source, { minLength: 1, maxLength: 3 }).map((list) => list.join('|'));
    fc.assert(
      fc.property(alternatives, fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 }), (pattern, text) => {
        const expected = [...text.matchAll(new RegExp(pattern, 'gu'))].map((match) => [
          match.index,
          match.index + match[0].length,
        ]);
        // Oniguruma leaves out an empty match that touches the match before it
        const kept = expected.filter(([start, end], i) => start !== end || i === 0 || expected[i - 1]![1] !== start);
        expect(new Pattern(pattern).findAll(text)).toEqual(kept);
      }),
      { numRuns: 500 },
    );
  });

  it('never take exponential time', () => {
    // Oniguruma and JavaScript need 2^40 steps for these
    for (const source of ['(a+)+$', '(a|a)*c', '(a|aa)+$', '(?:a?){40}a{40}$', '(a*)*c', '([a-z]+)*c', '(?=(a+)+c)a'])
      expect(found(`${source}|~`, `${'a'.repeat(40)}!`).join('')).not.toContain('!');
    expect(found('(a+)+$|!', `${'a'.repeat(20_000)}!`)).toEqual(['!']);
  });
});
