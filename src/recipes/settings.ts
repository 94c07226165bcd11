/** Settings that several recipes have. */
import { intSetting, numberSetting, textSetting, withFallback } from '../shared/recipe.ts';

/** The tokenizer that needs no file: each byte of UTF-8 is a token, ids 0 to 255. */
export const BYTES = 'bytes';

const ID = 2 ** 31 - 1;

/** Of models with a tokenizer; the command line opens the file. */
export const TOKEN_SETTINGS = {
  tokenizer: textSetting('tokenizer.json beside the .mdl file, or "bytes": each byte of UTF-8 is a token, 0 to 255'),
  bos: intSetting('token id that begins a row of training', 0, ID),
  eos: intSetting('token id that ends an answer', 0, ID),
  pad: intSetting('token id that fills rows up', 0, ID),
  max_positions: intSetting('most positions of a sequence; generation refuses to go past them', 1),
} as const;

/** Pillow's filters that pictures are resized by (runtime/image/resize.ts). */
export const FILTER_NAMES = ['bilinear', 'bicubic', 'lanczos'] as const;

/** How many rows are kept from training; of recipes whose data has no split of its own. */
export const HELD_OUT = withFallback(
  numberSetting('part of the rows that is kept from training to judge by', 0, 0.9),
  0,
);
