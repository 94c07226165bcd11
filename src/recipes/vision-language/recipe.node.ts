/** Pictures and texts about them, in Node: data sets, questions, and scores by task. */

import { runtimeError } from '../../runtime/errors.ts';
import { squaresOf } from '../../runtime/image/squares.ts';
import { PART } from '../../runtime/tokenizer/tokenizer.ts';
import type { DataSource } from '../../runtime/train/data-source.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { byteTokenizer } from '../data/bytes.ts';
import { pictureRow, textRow } from '../data/given-file.ts';
import {
  type DataRequest,
  type InputRequest,
  type Recipe,
  type RecipeModel,
  type RecipeStage,
  required,
  settingsOf,
} from '../recipe.ts';
import { answer } from './answer.ts';
import { type DataOptions, hasOwnWording, OWN_TEMPLATE, openData } from './data/index.ts';
import { SETTINGS, VISION_LANGUAGE } from './declaration.ts';
import { evaluateHeldOut } from './evaluate.node.ts';
import { imageOptions } from './images.ts';
import { PAPER } from './paper.ts';
import { applyTemplate, IMAGE_PLACEHOLDER, IMAGE_TAG } from './prompt.ts';
import { checkPrepared, settingsUnder, splitFor, wordingOf } from './wording.ts';

export const visionLanguage: Recipe = {
  ...VISION_LANGUAGE,
  dataset,
  ownSplit: true,
  dataOf: (data, { clauses }) => (typeof clauses.data === 'string' ? clauses.data : data),
  settingsOfData: (data) => (hasOwnWording(data) ? { template: OWN_TEMPLATE } : {}),
  published: PAPER,
  promptWords: {
    placeholder: IMAGE_PLACEHOLDER,
    picture: IMAGE_TAG,
    around: (template) => applyTemplate(template, '\0').split('\0') as [string, string],
  },
  evaluate: evaluateHeldOut,
  answer,
  questions: ['system', 'raw'],
  tokenizerOf: byteTokenizer,
  input,
  entries: { needed: ['embed_tokens', 'decode'], also: ['encode_image'] },
};

async function dataset(request: DataRequest): Promise<DataSource> {
  const { data, model, stage, split, batchSize, seed, badRows } = request;
  const settings = settingsUnder(model, stage);
  checkPrepared(settings, data);
  const need = (name: 'image_size' | 'bos' | 'pad'): number =>
    required(VISION_LANGUAGE, name, settings[name], `batches of ${data}`);
  const options: Omit<DataOptions, 'tokenizer'> = {
    ...imageOptions(settings),
    ...wordingOf(model, stage, data),
    imageSize: need('image_size'),
    imageTokens: imageTokensOf(model, stage),
    batchSize,
    seed,
    split: splitFor(request, split),
    bos: need('bos'),
    pad: need('pad'),
    onBadImage: badRows,
    report: ({ image, file, line, reason }) =>
      request.note(`skipped ${image ?? 'a row'} (line ${line} of ${file}): ${reason}`),
  };
  return openData(data, { ...options, tokenizer: byteTokenizer(model.settings) ?? (await request.tokenizer()) });
}

/** Rows that `encode_image` makes of one image. @throws RuntimeError R1126 */
function imageTokensOf(model: RecipeModel, { who }: RecipeStage): number {
  const rows = model.entry('encode_image')?.outputs[0]?.shape[1];
  if (typeof rows === 'number') return rows;
  throw runtimeError('no_image_tokens', { who, model: model.name });
}

/** A picture as questions have it, or a text as a part of a prompt. @throws RuntimeError R0530, R0531, R1120–R1122, R1127 */
async function input({ port, file, settings: own, tokenizer }: InputRequest): Promise<HostTensor> {
  const settings = settingsOf(VISION_LANGUAGE, SETTINGS, own);
  if (file.kind === 'text') return textRow(file, port, byteTokenizer(own) ?? (await tokenizer()), PART);
  const size = required(VISION_LANGUAGE, 'image_size', settings.image_size, `pictures such as ${file.name}`);
  const { mean, std, ...decode } = imageOptions(settings);
  const { max_pixels, resample: filter, shorter_side, longest_side, cut } = settings;
  return pictureRow(file, port, {
    size,
    decode: { ...decode, ...(max_pixels === undefined ? {} : { max_pixels }) },
    mean,
    std,
    squares: (image) => squaresOf(image, { size, filter, shorter_side, longest_side, cut }).images,
  });
}
