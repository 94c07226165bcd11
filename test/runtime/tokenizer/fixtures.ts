/** Reads what `tokenizers` 0.23.3 gives (test/fixtures/tokenizers/make.py), and compares. */
import { readFileSync } from 'node:fs';
import { Tokenizer } from '../../../src/runtime/tokenizer/tokenizer.ts';

const FOLDER = new URL('../../fixtures/tokenizers/', import.meta.url);

/** What is absent is as in the field before it. */
interface Case {
  /** with the special tokens that the post-processor adds */
  readonly ids: readonly number[];
  /** without */
  readonly plain?: readonly number[];
  /** without, and with special tokens in the text read as text */
  readonly split?: readonly number[];
  /** decoded; null where `tokenizers` panics */
  readonly text?: string | null;
  /** decoded with special tokens */
  readonly whole?: string;
}

export interface Fixture {
  readonly tokenizer: object;
  readonly cases: readonly Case[];
}

export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as T;
}

/** Where ours differs, as text; one line per value. */
export function differences({ tokenizer, cases }: Fixture, texts: readonly string[]): string[] {
  const ours = Tokenizer.from(tokenizer);
  return cases.flatMap(({ ids, plain = ids, split = plain, text, whole }, i) => {
    const input = texts[i]!;
    const part = { add_special_tokens: false };
    const pairs: (readonly [what: string, found: unknown, expected: unknown])[] = [
      ['ids', ours.encode(input), ids],
      ['plain', ours.encode(input, part), plain],
      ['split', ours.encode(input, { ...part, split_special_tokens: true }), split],
    ];
    if (text !== null) {
      const decoded = text ?? input;
      pairs.push(['text', ours.decode(ids), decoded]);
      pairs.push(['whole', ours.decode(ids, { special: true }), whole ?? decoded]);
    }
    return pairs
      .map(([what, found, expected]) => [what, JSON.stringify(found), JSON.stringify(expected)])
      .filter(([, found, expected]) => found !== expected)
      .map(([what, found, expected]) => `${what} of ${JSON.stringify(input)}: ${found}, not ${expected}`);
  });
}
