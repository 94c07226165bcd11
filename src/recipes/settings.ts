/** Settings that several recipes have. */
import { boolSetting, intSetting, numberSetting, type Setting, textSetting, withFallback } from '../shared/recipe.ts';

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

const above = (doc: string, high?: number): Setting<number> => ({
  doc,
  expected: high === undefined ? 'a number above 0' : `a number above 0 and at most ${high}`,
  fits: (value): value is number => typeof value === 'number' && value > 0 && value <= (high ?? Number.MAX_VALUE),
});

const IDS: Setting<readonly number[]> = {
  doc: 'token ids that end an answer, where there are more than eos',
  expected: `a list of ints from 0 to ${ID}`,
  fits: (value): value is readonly number[] =>
    Array.isArray(value) && value.length > 0 && value.every((id) => TOKEN_SETTINGS.eos.fits(id)),
};

/** How `mdl generate` chooses tokens where its options do not say, by the names of transformers' generation_config.json. */
export const SAMPLING = {
  stop_tokens: IDS,
  do_sample: boolSetting('whether tokens are drawn from the distribution'),
  temperature: above('what logits are divided by, of sampling; 1 when not given'),
  top_k: intSetting('samples from the k likeliest tokens; 0: all', 0, ID),
  top_p: above('samples from the likeliest tokens whose probabilities sum to this', 1),
  repetition_penalty: above('what logits of tokens that are there already are divided by'),
  num_beams: intSetting('beams of beam search; 1: none', 1, 2 ** 16),
} as const;

/** Pillow's filters that pictures are resized by (runtime/image/resize.ts). */
export const FILTER_NAMES = ['bilinear', 'bicubic', 'lanczos'] as const;

/** How many rows are kept from training; of recipes whose data has no split of its own. */
export const HELD_OUT = withFallback(
  numberSetting('part of the rows that is kept from training to judge by', 0, 0.9),
  0,
);
