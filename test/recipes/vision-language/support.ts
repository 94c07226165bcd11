/** What the tests of data share: options, a tokenizer of characters, small images. */
import { encode } from 'fast-png';
import type { DataOptions } from '../../../src/recipes/vision-language/data/options.ts';
import type { TextCodec } from '../../../src/runtime/tokenizer/tokenizer.ts';

/** One token per character: its code point. */
export const CHARACTERS: TextCodec = {
  encode: (text) => Array.from(text, (character) => character.codePointAt(0)!),
  decode: (ids) => String.fromCodePoint(...ids),
};

/** As the paper's stages 1 and 2, 3 and 4 ask. */
export const CAPTIONS = { tasks: 'captions', template: 'none', endSymbol: '\n' } as const;
export const DESCRIPTIONS = { tasks: 'descriptions', template: 'human', endSymbol: '###' } as const;
export const QUESTIONS = { tasks: 'questions', template: 'none', endSymbol: '\n' } as const;
export const MULTITASK = { tasks: 'multitask', template: 'inst', endSymbol: '\n' } as const;

/** Without what is asked. */
export const BASE = {
  tokenizer: CHARACTERS,
  imageSize: 28,
  imageTokens: 4,
  batchSize: 3,
  seed: 1,
  split: 'train',
  bos: 0,
  pad: 0,
} as const;

export const OPTIONS: DataOptions = { ...BASE, ...CAPTIONS };

/** A PNG of one colour. */
export function plainPng(colour: readonly number[], side = 8): Uint8Array {
  const data = Uint8Array.from({ length: side * side * colour.length }, (_, i) => colour[i % colour.length]!);
  return encode({ width: side, height: side, channels: colour.length, depth: 8, data });
}
