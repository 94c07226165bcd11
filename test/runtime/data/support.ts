/** What the tests of data share: options, a tokenizer of characters, small images. */
import { encode } from 'fast-png';
import type { DataOptions } from '../../../src/runtime/data/options.ts';
import type { TextCodec } from '../../../src/runtime/tokenizer/tokenizer.ts';

/** One token per character: its code point. */
export const CHARACTERS: TextCodec = {
  encode: (text) => Array.from(text, (character) => character.codePointAt(0)!),
  decode: (ids) => String.fromCodePoint(...ids),
};

export const OPTIONS: DataOptions = {
  stage: 2,
  tokenizer: CHARACTERS,
  imageSize: 28,
  imageTokens: 4,
  batchSize: 3,
  seed: 1,
  split: 'train',
  bos: 0,
  pad: 0,
};

/** A PNG of one colour. */
export function plainPng(colour: readonly number[], side = 8): Uint8Array {
  const data = Uint8Array.from({ length: side * side * colour.length }, (_, i) => colour[i % colour.length]!);
  return encode({ width: side, height: side, channels: colour.length, depth: 8, data });
}
