/** The decoders of a tokenizer.json: from tokens back to text. Each turns a list of texts into another. */
import { CHARACTER_BYTES } from './bytes.ts';
import { type Kinds, readKind } from './fields.ts';
import { replaceAll } from './normalizers.ts';
import { prependScheme } from './pre-tokenizers.ts';

export type TokenDecoder = (tokens: readonly string[]) => readonly string[];

/** Bytes that are not UTF-8 become U+FFFD; a byte order mark is a character like any other. */
const LOSSY = new TextDecoder('utf-8', { ignoreBOM: true });
const STRICT = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** Tokens in the byte alphabet; one with other characters (an added token) stands for itself. */
const byteLevel: TokenDecoder = (tokens) => {
  const encoder = new TextEncoder();
  const bytes = tokens.flatMap((token) => {
    const known = Array.from(token, (character) => CHARACTER_BYTES.get(character));
    return known.every((byte) => byte !== undefined) ? known : [...encoder.encode(token)];
  });
  return [LOSSY.decode(Uint8Array.from(bytes))];
};

/** `<0xE2> <0x82> <0xAC>` → €. A run of bytes that is not UTF-8 becomes one U+FFFD for each byte. */
const byteFallback: TokenDecoder = (tokens) => {
  const result: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    try {
      result.push(STRICT.decode(Uint8Array.from(bytes)));
    } catch {
      result.push(...bytes.map(() => '\ufffd'));
    }
    bytes = [];
  };
  for (const token of tokens) {
    const byte = /^<0x([\dA-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) bytes.push(Number.parseInt(byte, 16));
    else {
      flush();
      result.push(token);
    }
  }
  flush();
  return result;
};

/** Spaces that English does not have, in this order. */
const CLEANED: readonly (readonly [found: string, instead: string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

const cleanUp = (text: string): string =>
  CLEANED.reduce((result, [found, instead]) => result.replaceAll(found, () => instead), text);

/** At most so many of a character at the ends of a token. */
function stripped(token: string, content: string, start: number, stop: number): string {
  const characters = [...token];
  let [from, to] = [0, characters.length];
  while (from < start && characters[from] === content) from++;
  while (characters.length - to < stop && to > from && characters[to - 1] === content) to--;
  return characters.slice(from, to).join('');
}

const KINDS: Kinds<TokenDecoder> = {
  Sequence: [
    ['decoders'],
    (fields) => {
      const steps = fields.components('decoders', readDecoder);
      return (tokens) => steps.reduce((result, step) => step(result), tokens);
    },
  ],
  ByteLevel: [['add_prefix_space', 'trim_offsets', 'use_regex'], () => byteLevel],
  ByteFallback: [[], () => byteFallback],
  Fuse: [[], () => (tokens) => [tokens.join('')]],
  Strip: [
    ['content', 'start', 'stop'],
    (fields) => {
      const [content, start, stop] = [fields.character('content'), fields.count('start'), fields.count('stop')];
      return (tokens) => tokens.map((token) => stripped(token, content, start, stop));
    },
  ],
  Replace: [
    ['pattern', 'content'],
    (fields) => {
      const [pattern, content] = [fields.pattern('pattern'), fields.text('content')];
      return (tokens) => tokens.map((token) => replaceAll(token, pattern, content));
    },
  ],
  WordPiece: [
    ['prefix', 'cleanup'],
    (fields) => {
      const [prefix, cleans] = [fields.text('prefix'), fields.flag('cleanup')];
      return (tokens) =>
        tokens.map((token, i) => {
          const text = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
          return cleans ? cleanUp(text) : text;
        });
    },
  ],
  Metaspace: [
    ['replacement', 'prepend_scheme', 'split', 'add_prefix_space', 'str_rep'],
    (fields) => {
      const mark = fields.character('replacement');
      const prepended = prependScheme(fields) !== 'never';
      return (tokens) => tokens.map((token, i) => token.replaceAll(mark, i === 0 && prepended ? '' : ' '));
    },
  ],
  BPEDecoder: [
    ['suffix'],
    (fields) => {
      const suffix = fields.text('suffix');
      return (tokens) => tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? '' : ' '));
    },
  ],
  CTC: [
    ['pad_token', 'word_delimiter_token', 'cleanup'],
    (fields) => {
      const [pad, delimiter] = [fields.text('pad_token'), fields.text('word_delimiter_token')];
      const cleans = fields.flag('cleanup');
      return (tokens) =>
        tokens
          .filter((token, i) => i === 0 || token !== tokens[i - 1])
          .map((token) => token.replaceAll(pad, ''))
          .map((token) => (cleans ? cleanUp(token).replaceAll(delimiter, ' ') : token))
          .filter((token) => token !== '');
    },
  ],
};

/** @throws RuntimeError R0504–R0507 */
export function readDecoder(path: string, json: unknown, depth = 0): TokenDecoder {
  return readKind(KINDS, path, json, depth);
}
