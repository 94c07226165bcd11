/** What a data set is opened with. */

import { runtimeError } from '../../../runtime/errors.ts';
import type { ImageSettings } from '../../../runtime/image/settings.ts';
import type { TextCodec } from '../../../runtime/tokenizer/tokenizer.ts';
import { TASK_SETS, type TaskSet } from '../names.ts';
import { TEMPLATES, type TemplateName } from '../prompt.ts';

/** `all`: every record of a folder; of the sets that come along, what they hold out. */
export type Split = 'train' | 'held-out' | 'all';

/** An image of a folder that was left out. */
export interface BadImage {
  /** undefined where the line itself is bad */
  readonly image: string | undefined;
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

/** `imageSettings(config)` gives what the model's config says of its pictures. */
export interface DataOptions extends ImageSettings {
  /** what is asked; every set but `emoji-pretrain`, which has tasks of its own, needs it */
  readonly tasks?: TaskSet;
  /** how a question becomes a prompt; `none` when absent */
  readonly template?: TemplateName;
  /** ends each answer: what generation stops at */
  readonly endSymbol: string;
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
  /** folder: images of more pixels are bad; 2^26 when absent */
  readonly max_pixels?: number;
  /** emoji: how many of the concepts are used, from 20 (56 when absent) */
  readonly concepts?: number;
  /** folder: what to do about an image that is missing or damaged; `fail` when absent */
  readonly onBadImage?: 'skip' | 'fail';
  /** folder: is told once of each image that is skipped */
  readonly report?: (problem: BadImage) => void;
}

/** Options with their defaults filled in. */
export type ResolvedOptions = DataOptions & Required<Pick<DataOptions, 'maxLength' | 'template' | 'onBadImage'>>;

/** @throws RuntimeError R0902 */
export function resolveOptions(options: DataOptions): ResolvedOptions {
  const { tasks, template = 'none', endSymbol, split, batchSize, imageSize, imageTokens, seed } = options;
  const { maxLength = 160, onBadImage = 'fail' } = options;
  const check = (option: string, value: unknown, valid: boolean, expected: string): void => {
    if (!valid) throw runtimeError('data_option', { option, value, expected });
  };
  const counts = (value: number, most: number): boolean => Number.isSafeInteger(value) && value >= 1 && value <= most;
  check('tasks', tasks, tasks === undefined || TASK_SETS.includes(tasks), `one of ${TASK_SETS.join(', ')}`);
  check('endSymbol', endSymbol, endSymbol !== '', 'a text that is not empty');
  check('split', split, ['train', 'held-out', 'all'].includes(split), 'train, held-out or all');
  check('batchSize', batchSize, counts(batchSize, 65536), 'an integer from 1 to 65536');
  check('imageSize', imageSize, counts(imageSize, 8192), 'a side from 1 to 8192 pixels');
  check('imageTokens', imageTokens, counts(imageTokens, 65536), 'an integer from 1 to 65536');
  check('maxLength', maxLength, counts(maxLength, 2 ** 31), 'an integer of at least 1');
  check('seed', seed, Number.isSafeInteger(seed) && seed >= 0, 'an integer from 0 to 2^53 - 1');
  check('template', template, Object.hasOwn(TEMPLATES, template), `one of ${Object.keys(TEMPLATES).join(', ')}`);
  return { ...options, onBadImage, template, maxLength };
}

/** The tasks of a set that cannot be asked without. @throws RuntimeError R0902 */
export function tasksOf({ tasks }: Pick<DataOptions, 'tasks'>): TaskSet {
  if (tasks !== undefined) return tasks;
  throw runtimeError('data_option', { option: 'tasks', value: tasks, expected: `one of ${TASK_SETS.join(', ')}` });
}
