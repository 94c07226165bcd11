/** The normalizers of a tokenizer.json: what happens to a text before it is cut into words. */
import { byteCharacters } from './bytes.ts';
import { type Kinds, readKind } from './fields.ts';
import { type CharacterClass, classOf, SPACE } from './pattern/class.ts';
import { readPrecompiled } from './precompiled.ts';
import { spansOf } from './split.ts';

export type Normalizer = (text: string) => string;

const CONTROL = classOf('\\p{Cc}\\p{Cf}\\p{Co}');
const MARK = classOf('\\p{M}');
const NONSPACING_MARK = classOf('\\p{Mn}');
/** The blocks of CJK ideographs, as BERT's authors list them. */
const IDEOGRAPH = classOf(
  '\\u4e00-\\u9fff\\u3400-\\u4dbf\\u{20000}-\\u{2a6df}\\u{2a700}-\\u{2b73f}\\u{2b740}-\\u{2b81f}\\u{2b920}-\\u{2ceaf}\\uf900-\\ufaff\\u{2f800}-\\u{2fa1f}',
);
/** What SentencePiece's `nmt` rules drop, and what they turn into spaces. */
const NMT_DROPPED = classOf('\\x01-\\x08\\x0b\\x0e-\\x1f\\x7f\\x8f\\x9f');
const NMT_SPACE = classOf('\\t\\n\\f\\r\\u1680\\u200b-\\u200f\\u2028\\u2029\\u2581\\ufeff\\ufffd');

/** Each character by itself; '' drops it. */
function mapped(text: string, change: (character: string, codePoint: number) => string): string {
  let result = '';
  for (const character of text) result += change(character, character.codePointAt(0)!);
  return result;
}

const without =
  (dropped: CharacterClass): Normalizer =>
  (text) =>
    mapped(text, (character, codePoint) => (dropped(codePoint) ? '' : character));

/** Character by character: a final Σ becomes σ, as in Rust's `char::to_lowercase`. */
const lowercase: Normalizer = (text) => mapped(text, (character) => character.toLowerCase());

/** White space at the ends, by Unicode's property. */
function strip(text: string, left: boolean, right: boolean): string {
  let [start, end] = [0, text.length]; // no white space is beyond U+FFFF
  if (left) while (start < end && SPACE(text.charCodeAt(start))) start++;
  if (right) while (end > start && SPACE(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** Control characters go, white space becomes U+0020. */
function clean(text: string): string {
  return mapped(text, (character, codePoint) => {
    if (codePoint === 9 || codePoint === 10 || codePoint === 13) return ' ';
    if (codePoint === 0 || codePoint === 0xfffd || CONTROL(codePoint)) return '';
    return SPACE(codePoint) ? ' ' : character;
  });
}

const chain =
  (steps: readonly Normalizer[]): Normalizer =>
  (text) =>
    steps.reduce((result, step) => step(result), text);

const KINDS: Kinds<Normalizer> = {
  Sequence: [['normalizers'], (fields) => chain(fields.components('normalizers', readNormalizer))],
  BertNormalizer: [
    ['clean_text', 'handle_chinese_chars', 'strip_accents', 'lowercase'],
    (fields) => {
      const lower = fields.flag('lowercase');
      return chain([
        ...(fields.flag('clean_text') ? [clean] : []),
        ...(fields.flag('handle_chinese_chars')
          ? [
              (text: string) =>
                mapped(text, (character, codePoint) => (IDEOGRAPH(codePoint) ? ` ${character} ` : character)),
            ]
          : []),
        ...(fields.flag('strip_accents', lower)
          ? [(text: string) => text.normalize('NFD'), without(NONSPACING_MARK)]
          : []),
        ...(lower ? [lowercase] : []),
      ]);
    },
  ],
  NFC: [[], () => (text) => text.normalize('NFC')],
  NFD: [[], () => (text) => text.normalize('NFD')],
  NFKC: [[], () => (text) => text.normalize('NFKC')],
  NFKD: [[], () => (text) => text.normalize('NFKD')],
  Lowercase: [[], () => lowercase],
  StripAccents: [[], () => without(MARK)],
  Strip: [
    ['strip_left', 'strip_right'],
    (fields) => {
      const [left, right] = [fields.flag('strip_left'), fields.flag('strip_right')];
      return (text) => strip(text, left, right);
    },
  ],
  Prepend: [
    ['prepend'],
    (fields) => {
      const prefix = fields.text('prepend');
      return (text) => (text === '' ? '' : prefix + text);
    },
  ],
  Replace: [
    ['pattern', 'content'],
    (fields) => {
      const [pattern, content] = [fields.pattern('pattern'), fields.text('content')];
      return (text) => replaceAll(text, pattern, content);
    },
  ],
  Nmt: [
    [],
    () => (text) =>
      mapped(text, (character, codePoint) => (NMT_DROPPED(codePoint) ? '' : NMT_SPACE(codePoint) ? ' ' : character)),
  ],
  ByteLevel: [[], () => (text) => byteCharacters(text).join('')],
  Precompiled: [['precompiled_charsmap'], (fields) => readPrecompiled(fields)],
};

/** The content stands as it is: `$1` means nothing. */
export function replaceAll(text: string, pattern: Parameters<typeof spansOf>[1], content: string): string {
  let [result, last] = ['', 0];
  for (const [start, end] of spansOf(text, pattern)) {
    result += text.slice(last, start) + content;
    last = end;
  }
  return result + text.slice(last);
}

/** @throws RuntimeError R0504–R0507 */
export function readNormalizer(path: string, json: unknown, depth = 0): Normalizer {
  return readKind(KINDS, path, json, depth);
}
