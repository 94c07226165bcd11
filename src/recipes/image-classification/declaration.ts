/** What a classifier of pictures says of itself. */
import {
  boolSetting,
  choiceSetting,
  intSetting,
  numbersSetting,
  type RecipeDeclaration,
  textSetting,
  textsSetting,
  withFallback,
} from '../../shared/recipe.ts';
import { LOSS_ROLE } from '../../shared/roles.ts';
import { FILTER_NAMES, HELD_OUT } from '../settings.ts';

const byte = (value: number): boolean => Number.isSafeInteger(value) && value >= 0 && value <= 255;

export const SETTINGS = {
  image_size: intSetting('side of the square images, in pixels', 1, 8192),
  resize: intSetting('length of the shorter side before cropping, in pixels; image_size when not given', 1, 8192),
  resample: withFallback<(typeof FILTER_NAMES)[number]>(
    choiceSetting("Pillow's filter by which pictures get another size", FILTER_NAMES),
    'bicubic',
  ),
  crop: withFallback<'none' | 'center' | 'middle' | 'random'>(
    choiceSetting(
      '"none": both sides are resized; "center"; "middle": the same with its corner rounded down, as transformers takes it; "random": anywhere in training, in the centre when judged',
      ['none', 'center', 'middle', 'random'],
    ),
    'none',
  ),
  flip: withFallback(boolSetting('whether half of the pictures are mirrored in training'), false),
  mean: withFallback(
    numbersSetting('mean of each channel of pixels scaled to 0 … 1', 3, 'three numbers'),
    [0.485, 0.456, 0.406],
  ),
  std: withFallback(
    numbersSetting(
      'standard deviation of each channel of pixels scaled to 0 … 1',
      3,
      'three numbers above 0',
      (x) => x > 0,
    ),
    [0.229, 0.224, 0.225],
  ),
  background: numbersSetting(
    'colour under transparent pixels; not given: transparency is dropped',
    3,
    'three integers from 0 to 255',
    byte,
  ),
  exif_orientation: withFallback(boolSetting('whether photographs are turned upright'), true),
  labels: textSetting(
    'file in the folder with the columns file and label (.csv) or such objects (.jsonl); not given: the folders are the classes',
  ),
  class_names: textsSetting('names of the classes by number, from 0; not given: the order of the names in the data'),
  held_out: HELD_OUT,
} as const;

export const IMAGE_CLASSIFICATION: RecipeDeclaration = {
  name: 'image-classification',
  doc: 'pictures and their classes: a folder for each class, or a file of labels',
  roles: LOSS_ROLE,
  settings: SETTINGS,
  clauses: { image_size: SETTINGS.image_size, flip: SETTINGS.flip },
};
