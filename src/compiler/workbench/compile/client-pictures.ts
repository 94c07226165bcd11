/** What other programs read of how pictures and questions about them are prepared, of a model whose recipe says it. */
import type { PromptWords } from '../../../recipes/recipe.ts';
import { CLIP_MEAN, CLIP_STD } from '../../../runtime/index.ts';
import type { ClientFile } from '../../targets/target.ts';

/** Settings of a recipe, checked when the file was compiled. */
export interface PictureSettings {
  readonly image_size?: number;
  readonly image_token?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly template?: string;
  readonly resample?: keyof typeof FILTERS;
  /** length of the shorter side before the middle of image_size is taken */
  readonly shorter_side?: number;
  /** the same of image-classification, where it crops */
  readonly resize?: number;
  readonly crop?: string;
}

/** Pillow's numbers. */
const FILTERS = { lanczos: 1, bilinear: 2, bicubic: 3 } as const;

/** preprocessor_config.json and, where pictures stand in a text, processor_config.json. @param words how they stand there */
export function pictureFiles(
  settings: PictureSettings,
  files: readonly ClientFile[],
  words: PromptWords | undefined,
): Readonly<Record<string, object>> {
  const { image_size, mean = CLIP_MEAN, std = CLIP_STD, resample = 'bicubic', crop = 'none' } = settings;
  if (image_size === undefined) return {};
  const features = files.flatMap(({ outputs }) => outputs).find(({ name }) => name === 'image_features');
  const square = { height: image_size, width: image_size };
  const shorter = settings.shorter_side ?? (crop === 'none' ? undefined : (settings.resize ?? image_size));
  const preprocessor = {
    ...(shorter === undefined
      ? { image_processor_type: 'ViTImageProcessor', size: square }
      : {
          image_processor_type: 'CLIPImageProcessor',
          size: { shortest_edge: shorter },
          do_center_crop: true,
          crop_size: square,
        }),
    do_convert_rgb: true,
    do_resize: true,
    resample: FILTERS[resample],
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
  };
  if (!features || !words) return { 'preprocessor_config.json': preprocessor };
  const processor_class = 'LlavaProcessor';
  // the processor writes (height / patch) (width / patch) + additional image tokens: one patch of the whole picture
  const processor = {
    processor_class,
    image_token: words.placeholder,
    patch_size: image_size,
    num_additional_image_tokens: Number(features.shape[1]) - 1,
  };
  return { 'preprocessor_config.json': { ...preprocessor, processor_class }, 'processor_config.json': processor };
}

/** A chat template that writes what `mdl generate` writes: a question with its pictures before it, in the model's wording. */
export function pictureTemplate({ template = 'none' }: PictureSettings, words: PromptWords): string {
  const [before, after] = words.around(template);
  const text = (said: string): string => (said === '' ? '' : `{{ ${JSON.stringify(said)} }}`);
  const picture = text(`${words.picture} `);
  const parts =
    `{%- for part in message['content'] if part['type'] == 'image' -%}${picture}{%- endfor -%}` +
    "{%- for part in message['content'] if part['type'] == 'text' -%}{{ part['text'] }}{%- endfor -%}";
  const content = `{%- if message['content'] is string -%}{{ message['content'] }}{%- else -%}${parts}{%- endif -%}`;
  const one = `{%- if messages | length != 1 -%}{{ raise_exception('the model answers one question') }}{%- endif -%}`;
  return `${one}{%- for message in messages -%}${text(before)}${content}${text(after)}{%- endfor -%}`;
}

/** tokenizer.json with a token for the place of a picture. */
export function withImageToken(
  tokenizer: Readonly<Record<string, unknown>>,
  id: number,
  { placeholder }: PromptWords,
): object {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const added = Array.isArray(tokenizer.added_tokens) ? (tokenizer.added_tokens as readonly unknown[]) : [];
  return { ...tokenizer, added_tokens: [...added, { id, content: placeholder, ...flags }] };
}
