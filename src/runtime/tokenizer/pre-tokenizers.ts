/** The pre-tokenizers of a tokenizer.json: how a text is cut into the words that the model sees one by one. */
import { byteCharacters, WORD_PATTERN } from './bytes.ts';
import { type Fields, type Kinds, readKind, refuse } from './fields.ts';
import { anyOf, classOf, SPACE } from './pattern/class.ts';
import { Pattern } from './pattern/pattern.ts';
import { BEHAVIORS, type Behavior, type Delimiter, split } from './split.ts';

/** A part of the text on its way to the model. */
export interface Piece {
  readonly text: string;
  /** whether it begins where the text begins */
  readonly first: boolean;
}

export type PreTokenizer = (piece: Piece) => readonly Piece[];

/** `\w+|[^\w\s]+` as Rust's regex crate reads it: its `\w` has the joiners too. */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';
const WORDS = new Pattern(`[${WORD}]+|[^${WORD}\\s]+`);
const GPT2 = new Pattern(WORD_PATTERN.source);
const NUMERIC = classOf('\\p{N}');
const ASCII_PUNCTUATION = classOf('!-\\/:-@\\[-`\\{-~');
const PUNCTUATION = anyOf([ASCII_PUNCTUATION, classOf('\\p{P}')]);

export function cut({ text, first }: Piece, delimiter: Delimiter, behavior: Behavior, options = {}): Piece[] {
  return split(text, delimiter, behavior, options)
    .filter(([start, end]) => start < end)
    .map(([start, end]) => ({ text: text.slice(start, end), first: first && start === 0 }));
}

const chain =
  (steps: readonly PreTokenizer[]): PreTokenizer =>
  (piece) =>
    steps.reduce<readonly Piece[]>((pieces, step) => pieces.flatMap(step), [piece]);

function byteLevel(fields: Fields): PreTokenizer {
  const [prefixed, words] = [fields.flag('add_prefix_space'), fields.flag('use_regex', true)];
  fields.flag('trim_offsets', true); // offsets are not given
  return (piece) => {
    const spaced = prefixed && !piece.text.startsWith(' ') ? { ...piece, text: ` ${piece.text}` } : piece;
    const pieces = words ? cut(spaced, GPT2, 'Isolated') : [spaced];
    return pieces.map(({ text, first }) => ({ text: byteCharacters(text).join(''), first }));
  };
}

/** Whether Metaspace puts its character in front: of every piece, of the first, of none. */
export function prependScheme(fields: Fields): 'always' | 'first' | 'never' {
  const scheme = fields.choice('prepend_scheme', ['always', 'first', 'never'], 'always');
  if (fields.flag('add_prefix_space', true)) return scheme;
  if (fields.value('prepend_scheme') !== undefined && scheme !== 'never')
    refuse(fields.at('add_prefix_space'), false, `true with prepend_scheme ${scheme}`);
  return 'never';
}

function metaspace(fields: Fields): PreTokenizer {
  const mark = fields.character('replacement');
  fields.optionalText('str_rep'); // the same again
  const [scheme, cuts] = [prependScheme(fields), fields.flag('split', true)];
  return ({ text, first }) => {
    const marked = text.replaceAll(' ', () => mark);
    const wanted = scheme === 'always' || (scheme === 'first' && first);
    const piece = { text: wanted && !marked.startsWith(mark) ? mark + marked : marked, first };
    return cuts ? cut(piece, mark, 'MergedWithNext') : [piece];
  };
}

const KINDS: Kinds<PreTokenizer> = {
  Sequence: [['pretokenizers'], (fields) => chain(fields.components('pretokenizers', readPreTokenizer))],
  BertPreTokenizer: [
    [],
    () => chain([(piece) => cut(piece, SPACE, 'Removed'), (piece) => cut(piece, PUNCTUATION, 'Isolated')]),
  ],
  ByteLevel: [['add_prefix_space', 'trim_offsets', 'use_regex'], byteLevel],
  Metaspace: [['replacement', 'prepend_scheme', 'split', 'add_prefix_space', 'str_rep'], metaspace],
  Whitespace: [[], () => (piece) => cut(piece, WORDS, 'Removed', { invert: true })],
  WhitespaceSplit: [[], () => (piece) => cut(piece, SPACE, 'Removed')],
  Punctuation: [
    ['behavior'],
    (fields) => {
      const behavior = fields.choice('behavior', BEHAVIORS, 'Isolated');
      return (piece) => cut(piece, PUNCTUATION, behavior);
    },
  ],
  Digits: [
    ['individual_digits'],
    (fields) => {
      const behavior = fields.flag('individual_digits') ? 'Isolated' : 'Contiguous';
      return (piece) => cut(piece, NUMERIC, behavior);
    },
  ],
  CharDelimiterSplit: [
    ['delimiter'],
    (fields) => {
      const delimiter = fields.character('delimiter');
      return (piece) => cut(piece, delimiter, 'Removed');
    },
  ],
  Split: [
    ['pattern', 'behavior', 'invert'],
    (fields) => {
      const [pattern, invert] = [fields.pattern('pattern'), fields.flag('invert')];
      const behavior = fields.choice('behavior', BEHAVIORS);
      return (piece) => cut(piece, pattern, behavior, { invert });
    },
  ],
  FixedLength: [
    ['length'],
    (fields) => {
      const length = fields.count('length', 5);
      if (length === 0) refuse(fields.at('length'), 0, 'at least 1');
      return ({ text, first }) => {
        const characters = [...text];
        return Array.from({ length: Math.ceil(characters.length / length) }, (_, i) => ({
          text: characters.slice(i * length, (i + 1) * length).join(''),
          first: first && i === 0,
        }));
      };
    },
  ],
};

/** @throws RuntimeError R0504–R0507 */
export function readPreTokenizer(path: string, json: unknown, depth = 0): PreTokenizer {
  return readKind(KINDS, path, json, depth);
}
