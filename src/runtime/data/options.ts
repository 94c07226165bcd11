/** What a data set is opened with, and what each stage takes unless told otherwise. */
import { runtimeError } from '../errors.ts';
import { TEMPLATES, type TemplateName } from '../prompt.ts';
import type { TextCodec } from '../tokenizer/tokenizer.ts';

export type Stage = 1 | 2 | 3 | 4;
export type Split = 'train' | 'held-out';

/** An image of a folder that was left out. */
export interface BadImage {
  readonly image: string;
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

export interface DataOptions {
  readonly stage: Stage;
  readonly tokenizer: TextCodec;
  /** side of the square images, in pixels */
  readonly imageSize: number;
  /** tokens that each image takes (num_query_tokens) */
  readonly imageTokens: number;
  readonly batchSize: number;
  /** an integer from 0 to 2^53 − 1 */
  readonly seed: number;
  readonly split: Split;
  readonly bos: number;
  readonly pad: number;
  /** most tokens of the text after the prompt (max_txt_len); 160 when absent, as in the released configs */
  readonly maxLength?: number;
  /** most tokens of the prompt (max_context_len) */
  readonly maxContext?: number;
  /** columns at least, so that shapes repeat from step to step */
  readonly padTo?: number;
  /** ends each answer; the stage's when absent */
  readonly endSymbol?: string;
  /** the stage's when absent */
  readonly template?: TemplateName;
  /** per channel, of the pixels scaled to 0 … 1; CLIP's when absent */
  readonly mean?: readonly [number, number, number];
  readonly std?: readonly [number, number, number];
  /** emoji: how many of the concepts are used, from 20 (56 when absent) */
  readonly concepts?: number;
  /** folder: what to do about an image that is missing or damaged; `fail` when absent */
  readonly onBadImage?: 'skip' | 'fail';
  /** folder: is told once of each image that is skipped */
  readonly report?: (problem: BadImage) => void;
}

/** Options with the stage's defaults filled in. */
export type ResolvedOptions = DataOptions &
  Required<Pick<DataOptions, 'maxLength' | 'endSymbol' | 'template' | 'onBadImage'>>;

/**
 * The template and the end of an answer by stage: captions have no prompt at all in stages 1 and 2; stage 3 speaks as
 * the demo does, stage 4 as its training code does.
 */
export const STAGE_TEXT: { readonly [S in Stage]: { readonly template: TemplateName; readonly endSymbol: string } } = {
  1: { template: 'none', endSymbol: '\n' },
  2: { template: 'none', endSymbol: '\n' },
  3: { template: 'human', endSymbol: '###' },
  4: { template: 'inst', endSymbol: '\n' },
};

/** @throws RuntimeError R0902 */
export function resolveOptions(options: DataOptions): ResolvedOptions {
  const { stage, split, batchSize, imageSize, imageTokens, seed, maxLength = 160 } = options;
  const check = (option: string, value: unknown, valid: boolean, expected: string): void => {
    if (!valid) throw runtimeError('R0902', { option, value, expected });
  };
  const counts = (value: number, most: number): boolean => Number.isSafeInteger(value) && value >= 1 && value <= most;
  check('stage', stage, Object.hasOwn(STAGE_TEXT, stage), '1, 2, 3 or 4');
  check('split', split, split === 'train' || split === 'held-out', 'train or held-out');
  check('batchSize', batchSize, counts(batchSize, 65536), 'an integer from 1 to 65536');
  check('imageSize', imageSize, counts(imageSize, 8192), 'a side from 1 to 8192 pixels');
  check('imageTokens', imageTokens, counts(imageTokens, 65536), 'an integer from 1 to 65536');
  check('maxLength', maxLength, counts(maxLength, 2 ** 31), 'an integer of at least 1');
  check('seed', seed, Number.isSafeInteger(seed) && seed >= 0, 'an integer from 0 to 2^53 - 1');
  const { template, endSymbol } = STAGE_TEXT[stage];
  const chosen = options.template ?? template;
  check('template', chosen, Object.hasOwn(TEMPLATES, chosen), `one of ${Object.keys(TEMPLATES).join(', ')}`);
  return { endSymbol, onBadImage: 'fail', ...options, template: chosen, maxLength };
}
