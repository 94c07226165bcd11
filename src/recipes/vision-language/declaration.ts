/** What a model for pictures and texts says of itself and of its stages. */
import type { ConfigValue } from '../../shared/artifact.ts';
import {
  boolSetting,
  choiceSetting,
  intSetting,
  numbersSetting,
  type RecipeDeclaration,
  type Setting,
  textSetting,
} from '../../shared/recipe.ts';
import { GENERATION_ROLES, LOSS_ROLE } from '../../shared/roles.ts';
import { TEMPLATE_FILES } from '../chat/declaration.ts';
import { FILTER_NAMES, SAMPLING, TOKEN_SETTINGS } from '../settings.ts';
import { TASK_SETS, TEMPLATE_NAMES } from './names.ts';

const byte = (value: number): boolean => Number.isSafeInteger(value) && value >= 0 && value <= 255;

/** How a question becomes a prompt and an answer ends: of the model, or of a stage in its place. */
const WORDING = {
  template: choiceSetting('how a question becomes a prompt', TEMPLATE_NAMES),
  end: textSetting('text that ends an answer: part of every label, and what generation stops at'),
} as const;

const IMAGE_SIZE = intSetting('side of the square images, in pixels', 1, 8192);

export const SETTINGS = {
  ...TOKEN_SETTINGS,
  ...WORDING,
  image_size: IMAGE_SIZE,
  image_token: intSetting(
    'token id that other programs put where the features of a picture go, once for each; embed_tokens takes it',
    0,
    2 ** 31 - 1,
  ),
  mean: numbersSetting('mean of each channel of pixels scaled to 0 … 1', 3, 'three numbers'),
  std: numbersSetting(
    'standard deviation of each channel of pixels scaled to 0 … 1',
    3,
    'three numbers above 0',
    (x) => x > 0,
  ),
  background: numbersSetting(
    'colour under transparent pixels; not given: transparency is dropped',
    3,
    'three integers from 0 to 255',
    byte,
  ),
  resample: choiceSetting("Pillow's filter by which pictures get another size; bicubic when not given", FILTER_NAMES),
  shorter_side: intSetting(
    'length of the shorter side before the middle of image_size is taken; not given: both sides become image_size',
    1,
    8192,
  ),
  longest_side: intSetting(
    'length of the longest side of a picture that is cut into squares of image_size, with the whole picture behind them',
    1,
    4096,
  ),
  cut: boolSetting('whether a picture with a longest_side is cut; true when not given'),
  image_placeholder: textSetting('what the chat template, or a prompt, has where a picture goes'),
  image_words: textSetting(
    'what stands in its place, with {image} where the tokens of the picture go; those alone when not given',
  ),
  part_words: textSetting('the same of a part of a picture that is cut, with {row} and {column}, which begin at 1'),
  row_end: textSetting('what stands behind the parts of a row'),
  parts_end: textSetting('what stands behind the rows, before the whole picture'),
  max_pixels: intSetting('images of more pixels are refused; 2^26 when not given', 1),
  exif_orientation: boolSetting('whether photographs are turned upright'),
  ...SAMPLING,
} as const satisfies { readonly [name: string]: Setting<ConfigValue> };

export const CLAUSES = {
  ...WORDING,
  tasks: choiceSetting('what is asked about pictures', TASK_SETS),
  image_size: IMAGE_SIZE,
  data: textSetting('the data set of this stage, in place of the one that `--data` names'),
} as const;

export const VISION_LANGUAGE: RecipeDeclaration = {
  name: 'vision-language',
  doc: 'pictures and texts about them: captions, questions and answers, boxes',
  roles: {
    ...LOSS_ROLE,
    encode_image: 'a prepared picture → what the decoder takes in the place of its tokens',
    ...GENERATION_ROLES,
  },
  settings: SETTINGS,
  clauses: CLAUSES,
  shapes: ['image_size'],
  beside: Object.values(TEMPLATE_FILES),
  carried: { image_size: 'mdl.image_size', template: 'mdl.prompt.template', end: 'mdl.prompt.end' },
  // as clients of the usual layout (transformers.js, Optimum) load them
  fileNames: {
    encode_image: 'vision_encoder.onnx',
    embed_tokens: 'embed_tokens.onnx',
    decode: 'decoder_model_merged.onnx',
  },
};
