/**
 * How a folder of transformers prepares pictures, as settings of the recipe: `image_processor` of processor_config.json, or
 * preprocessor_config.json as it was before transformers 5. Keys that pixels depend on are honoured or refused by name.
 */
import { cliError } from '../errors.ts';
import { readObject } from './config.ts';
import type { Architecture, ConfigJson, Json } from './fields.ts';

export const PREPROCESSOR = 'preprocessor_config.json';
const PROCESSOR = 'processor_config.json';

/** Settings of the recipe by name. */
export type PictureSettings = { readonly [setting: string]: number | string | boolean | readonly (number | string)[] };

/** Keys that stand in the file and change no pixel. */
export const PICTURE_UNUSED: Readonly<Record<string, string>> = {
  image_processor_type: 'chooses what stands for absent keys',
  feature_extractor_type: 'what the class was called',
  processor_class: 'who writes the text',
  _valid_processor_keys: 'names of options',
  return_row_col_info: 'what the Python library returns',
  return_tensors: 'what the Python library returns',
  data_format: 'how the Python library holds pixels',
  input_data_format: 'how the Python library holds pixels',
  device: 'where the Python library computes',
  disable_grouping: 'speed',
};

/** Keys with one meaning that is made here. */
export const PICTURE_ONLY: Readonly<Record<string, readonly Json[]>> = {
  do_convert_rgb: [true],
  do_resize: [true],
  do_rescale: [true],
  default_to_square: [true, false],
  do_flip_channel_order: [false],
  pad_size: [],
};

export const PICTURE_HONOURED: readonly string[] = [
  ...['size', 'resample', 'do_center_crop', 'crop_size', 'rescale_factor', 'do_normalize', 'image_mean', 'image_std'],
  ...['do_image_splitting', 'max_image_size', 'do_pad'],
];

const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073];
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711];
const HALF = [0.5, 0.5, 0.5];
const PLAIN: ConfigJson = { do_resize: true, do_rescale: true, do_normalize: true, rescale_factor: 1 / 255 };
const CLIP: ConfigJson = {
  ...PLAIN,
  ...{
    size: { shortest_edge: 224 },
    crop_size: { height: 224, width: 224 },
    do_center_crop: true,
    do_convert_rgb: true,
  },
  ...{ resample: 3, image_mean: CLIP_MEAN, image_std: CLIP_STD },
};
const CUT: ConfigJson = {
  ...PLAIN,
  ...{ size: { longest_edge: 1456 }, max_image_size: { longest_edge: 364 }, do_image_splitting: true, do_pad: true },
  ...{ do_convert_rgb: true, resample: 1, image_mean: HALF, image_std: HALF },
};
const SQUARE: ConfigJson = { ...PLAIN, size: { height: 224, width: 224 }, image_mean: HALF, image_std: HALF };

/** What transformers takes where the file does not say, by image_processor_type without `Fast`. */
export const PICTURE_DEFAULTS: Readonly<Record<string, ConfigJson>> = {
  CLIPImageProcessor: CLIP,
  LlavaImageProcessor: { ...CLIP, do_pad: false },
  Idefics3ImageProcessor: CUT,
  SmolVLMImageProcessor: CUT,
  ViTImageProcessor: { ...SQUARE, resample: 2 },
  SiglipImageProcessor: { ...SQUARE, resample: 3 },
};

/** By Pillow's numbers: those that are made. */
const FILTERS: Readonly<Record<string, string>> = { 1: 'lanczos', 2: 'bilinear', 3: 'bicubic' };

/**
 * @param side of the model's pictures, in pixels
 * @param usual image_processor_type where the file does not say
 * @returns undefined where the folder has no such file
 * @throws CliError C0104, C0108, C0466 for keys that are not honoured
 */
export function readPictures(folder: string, side: number, usual?: string): PictureSettings | undefined {
  const inner = readObject(folder, PROCESSOR)?.image_processor;
  const outer = readObject(folder, PREPROCESSOR);
  const file = inner ? PROCESSOR : PREPROCESSOR;
  const json = (inner ? Object(inner) : outer) as ConfigJson | undefined;
  if (!json) return undefined;
  const problems: string[] =
    inner && outer ? [`${PROCESSOR} has an image_processor beside ${PREPROCESSOR}, and one of them is expected`] : [];
  const type = String(json.image_processor_type ?? json.feature_extractor_type ?? usual).replace(
    /Fast$|FeatureExtractor$/,
    '',
  );
  const name = type.endsWith('ImageProcessor') ? type : `${type}ImageProcessor`;
  const defaults = Object.hasOwn(PICTURE_DEFAULTS, name) ? PICTURE_DEFAULTS[name]! : undefined;
  if (!defaults) {
    const known = Object.keys(PICTURE_DEFAULTS).join(', ');
    problems.push(
      `image_processor_type of ${file} is ${JSON.stringify(json.image_processor_type) ?? 'not there'}, and one of ${known} is expected`,
    );
  }
  for (const [key, value] of Object.entries(json)) {
    if (value === null || Object.hasOwn(PICTURE_UNUSED, key) || PICTURE_HONOURED.includes(key)) continue;
    const values = Object.hasOwn(PICTURE_ONLY, key) ? PICTURE_ONLY[key]! : undefined;
    const expected = values
      ? `and ${values.map((one) => JSON.stringify(one)).join(' or ') || 'null'} is expected`
      : 'and whether pixels depend on it is not known';
    if (!values?.includes(value)) problems.push(`${key} of ${file} is ${JSON.stringify(value)}, ${expected}`);
  }
  const settings = defaults ? settingsOf({ ...defaults, ...json }, { side, file, problems }) : {};
  if (problems.length > 0)
    throw cliError('config_not_honoured', { folder, count: problems.length, file: 'the recipe' }, problems);
  return settings;
}

/** Keys of processor_config.json that say nothing of the text but what the model's sizes say, or are of videos. */
export const PROCESSOR_UNUSED: Readonly<Record<string, string>> = {
  image_processor: 'read as preprocessor_config.json',
  processor_class: 'who writes the text',
  video_processor: 'of videos',
  patch_size: 'follows from the sizes',
  num_additional_image_tokens: 'follows from the sizes',
  vision_feature_select_strategy: 'config.json says it',
  image_seq_len: 'follows from the sizes',
};

/**
 * Settings of the recipe of a model that reads pictures among texts.
 * @throws CliError as readPictures
 */
export function pictureSettings(
  folder: string,
  { side, token, placeholder, settings }: NonNullable<Architecture['pictures']>,
  config: ConfigJson,
): PictureSettings {
  const json = readObject(folder, PROCESSOR) ?? {};
  const problems = Object.entries(json).flatMap(([key, value]) =>
    value === null || key === 'image_token' || Object.hasOwn(PROCESSOR_UNUSED, key)
      ? []
      : [`${key} of ${PROCESSOR} is ${JSON.stringify(value)}, and whether the text depends on it is not known`],
  );
  const { image_token = placeholder } = json;
  if (typeof image_token !== 'string' || image_token === '')
    problems.push(`image_token of ${PROCESSOR} is ${JSON.stringify(image_token)}, and a text is expected`);
  if (problems.length > 0)
    throw cliError('config_not_honoured', { folder, count: problems.length, file: 'the recipe' }, problems);
  return {
    image_token: token(config),
    image_placeholder: image_token as string,
    ...settings,
    ...readPictures(folder, side(config)),
  };
}

/**
 * Settings of the recipe of an encoder, which is asked for classes or features; undefined where the folder does not say how its pictures are prepared.
 * @throws CliError as readPictures
 */
export function encoderSettings(
  folder: string,
  { side, processor, classes }: NonNullable<Architecture['encoder']>,
  config: ConfigJson,
): PictureSettings | undefined {
  const read = readPictures(folder, side(config), processor);
  if (!read) return undefined;
  const { shorter_side, ...settings } = read;
  const names = classes?.(config);
  return {
    ...settings,
    ...(shorter_side === undefined ? {} : { resize: shorter_side, crop: 'middle' }),
    ...(names ? { class_names: names } : {}),
  };
}

interface Reading {
  readonly side: number;
  readonly file: string;
  readonly problems: string[];
}

function settingsOf(json: ConfigJson, { side, file, problems }: Reading): PictureSettings {
  const expect = (key: string, holds: boolean, expected: string): void => {
    if (!holds)
      problems.push(`${key} of ${file} is ${JSON.stringify(json[key]) ?? 'not there'}, and ${expected} is expected`);
  };
  const count = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;
  const triple = (value: unknown, above: number): value is readonly number[] =>
    Array.isArray(value) && value.length === 3 && value.every((one) => typeof one === 'number' && one > above);
  const square = (key: string): void => {
    const { height, width } = sides(json[key]);
    expect(key, height === side && width === side, `a square of the model's ${side} pixels`);
  };
  const settings: Record<string, number | string | boolean | readonly number[]> = { image_size: side };
  const filter = FILTERS[String(json.resample)];
  expect('resample', filter !== undefined, '1 (Lanczos), 2 (bilinear) or 3 (bicubic)');
  if (filter) settings.resample = filter;
  expect('rescale_factor', Math.abs(Number(json.rescale_factor) * 255 - 1) < 1e-6, '1/255');
  expect('do_normalize', typeof json.do_normalize === 'boolean', 'true or false');
  if (json.do_normalize === true) {
    expect('image_mean', triple(json.image_mean, Number.NEGATIVE_INFINITY), 'three numbers');
    expect('image_std', triple(json.image_std, 0), 'three numbers above 0');
    settings.mean = json.image_mean as readonly number[];
    settings.std = json.image_std as readonly number[];
  } else Object.assign(settings, { mean: [0, 0, 0], std: [1, 1, 1] });
  if (json.max_image_size !== undefined) {
    expect(
      'max_image_size',
      sides(json.max_image_size).longest_edge === side,
      `a longest_edge of the model's ${side} pixels`,
    );
    const { longest_edge } = sides(json.size);
    expect('size', count(longest_edge) && longest_edge <= 4096, 'a longest_edge from 1 to 4096');
    expect('do_image_splitting', typeof json.do_image_splitting === 'boolean', 'true or false');
    if (count(longest_edge)) settings.longest_side = longest_edge;
    if (json.do_image_splitting === false) settings.cut = false;
    return settings;
  }
  expect('do_pad', json.do_pad !== true, 'false');
  if (json.do_center_crop === true) {
    const { shortest_edge } = sides(json.size);
    expect(
      'size',
      count(shortest_edge) && shortest_edge >= side,
      `a shortest_edge of at least the ${side} pixels that are taken`,
    );
    square('crop_size');
    if (count(shortest_edge)) settings.shorter_side = shortest_edge;
  } else square('size');
  return settings;
}

/** A size is a number (of a square, or of the shorter side) or an object. */
function sides(size: Json | undefined): Readonly<Record<string, Json | undefined>> {
  if (typeof size === 'number') return { height: size, width: size, shortest_edge: size, longest_edge: size };
  return Object(size) as ConfigJson;
}
