/**
 * One question about images, from files to text: preprocessing, template, generation. What `mdl generate` does, and
 * what a page or a service wants first.
 *
 * What the model says of pictures and prompts is in the settings of its recipe (`image_size`, `mean`, `std`, `background`,
 * `exif_orientation`, `template`, `end`, `eos`, `max_positions`); for one whose file names no recipe, in these values of its
 * config: `vit.image_size`, the record `image` (image/settings.ts), `prompt.template|end`, `tokens.eos`,
 * `phi.max_position_embeddings`.
 */

import type { ModelManifest } from '../../runtime/backend.ts';
import { runtimeError } from '../../runtime/errors.ts';
import { type GenerateResult, generate } from '../../runtime/generate/generate.ts';
import { type GenerateOptions, resolveOptions } from '../../runtime/generate/options.ts';
import type { GeneratedRow } from '../../runtime/generate/result.ts';
import { streamText } from '../../runtime/generate/stream-text.ts';
import { decodeImage, loadImageDecoders } from '../../runtime/image/decode.ts';
import type { DecodeOptions } from '../../runtime/image/options.ts';
import { preprocessImage } from '../../runtime/image/preprocess.ts';
import type { RgbImage } from '../../runtime/image/rgb.ts';
import { type ImageSettings, imageSettings } from '../../runtime/image/settings.ts';
import type { Runner } from '../../runtime/session.ts';
import { PART, type TextCodec } from '../../runtime/tokenizer/tokenizer.ts';
import type { ConfigValue } from '../../shared/artifact.ts';
import type { ValuesOf } from '../../shared/recipe.ts';
import type { ChatTemplate } from '../chat/template.ts';
import { settingsOf } from '../recipe.ts';
import { SETTINGS, VISION_LANGUAGE } from './declaration.ts';
import { applyTemplate, IMAGE_PLACEHOLDER, IMAGE_TAG, preparePrompt, type TEMPLATES } from './prompt.ts';
import { type Worded, wordedPrompt } from './worded.ts';

export interface Question {
  readonly prompt: string;
  /** PNG, JPEG or WebP files, or pictures that are decoded already; each has a `<ImageHere>` in the prompt, or stands before it */
  readonly images?: readonly (Uint8Array | RgbImage)[];
  /** over what the model's config says of its pictures (`image { background, exif_orientation }`) */
  readonly decode?: DecodeOptions;
  /** of models whose recipe says `image_placeholder`: makes a conversation of the prompt; absent: the prompt as it stands, with a placeholder for each picture */
  readonly chatTemplate?: ChatTemplate;
  /** what the model is told before the prompt, beside `chatTemplate` */
  readonly system?: string;
  /** name of a template; the config's `prompt.template` by default, else none */
  readonly template?: string;
  /** text that ends the answer; the config's `prompt.end` by default */
  readonly end?: string;
  /** special tokens in the prompt are text: for what users write; false by default */
  readonly split_special_tokens?: boolean;
  /** called with the answer piece by piece, in whole characters; with beam search at the end */
  readonly onText?: (piece: string) => void;
}

export interface Answer extends GeneratedRow {
  readonly text: string;
  /** the whole prompt, after the template */
  readonly prompt: string;
}

/**
 * @throws RuntimeError R03xx (generation), R04xx (images), R05xx (tokenizer), R06xx (prompts), R1122 (no size for pictures)
 */
export async function ask(
  runner: Runner,
  tokenizer: TextCodec,
  question: Question,
  options: GenerateOptions = {},
): Promise<Answer> {
  const { manifest } = runner;
  const settings = settingsFor(manifest, tokenizer, question, options);
  resolveOptions(settings); // before the images are encoded, which is slow
  const says = sayingsOf(manifest);
  const { text: prompt, embeds } = await (says.words ? worded : templated)(runner, tokenizer, question, says);
  checkLength(embeds.shape[0]!, options, says.max_positions);
  const result = question.onText
    ? await streamed(streamText(runner, { embeds: [embeds] }, settings), question.onText)
    : await generate(runner, { embeds: [embeds] }, settings);
  const row = result.rows[0]!;
  return { ...row, text: row.text ?? tokenizer.decode(row.tokens), prompt };
}

/** Settings of pictures that stand in a text by words of the recipe. */
const OF_WORDS = ['resample', 'shorter_side', 'longest_side', 'image_words', 'part_words', 'row_end', 'parts_end'];

/** @throws RuntimeError R0540 for parts of a conversation, R1122 for settings that need a placeholder */
async function templated(runner: Runner, tokenizer: TextCodec, question: Question, says: Sayings): Promise<Worded> {
  const { manifest } = runner;
  const { recipe } = manifest.model;
  const alone = OF_WORDS.find((name) => recipe?.settings[name] !== undefined);
  if (recipe && alone !== undefined)
    throw runtimeError('recipe_setting_missing', {
      recipe: recipe.name,
      name: 'image_placeholder',
      why: `pictures by ${alone}`,
    });
  for (const part of ['chatTemplate', 'system'] as const)
    if (question[part] !== undefined) throw runtimeError('question_part_unused', { part, model: manifest.model.name });
  const images = question.images ?? [];
  const slots = question.prompt.split(IMAGE_PLACEHOLDER).length - 1;
  const tags = slots === 0 ? images.map(() => `${IMAGE_TAG} `).join('') : '';
  const template = question.template ?? says.template ?? 'none';
  const text = applyTemplate(template as keyof typeof TEMPLATES, tags + question.prompt);
  await loadImageDecoders(images.filter((image) => image instanceof Uint8Array));
  const pixels = images.map((image) =>
    preprocessImage(image, {
      size: says.image_size ?? sizeNeeded(manifest),
      ...says.image,
      ...question.decode,
    }),
  );
  const options = { split_special_tokens: question.split_special_tokens ?? false };
  return { text, embeds: await preparePrompt(runner, tokenizer, text, pixels, options) };
}

/** @throws RuntimeError R0540 for what templates by name have */
async function worded(runner: Runner, tokenizer: TextCodec, question: Question, says: Sayings): Promise<Worded> {
  for (const part of ['template', 'split_special_tokens'] as const)
    if (question[part]) throw runtimeError('question_part_unused', { part, model: runner.manifest.model.name });
  const { images = [], prompt, system, chatTemplate } = question;
  if (system !== undefined && !chatTemplate)
    throw runtimeError('question_part_unused', { part: 'system', model: runner.manifest.model.name });
  await loadImageDecoders(images.filter((image) => image instanceof Uint8Array));
  const { mean: _, std: __, ...decode } = says.image;
  const decoded = images.map((image) =>
    image instanceof Uint8Array ? decodeImage(image, { ...decode, ...question.decode }) : image,
  );
  return wordedPrompt(runner, tokenizer, { prompt, system, chatTemplate, images: decoded }, says.words!);
}

/** The caller's options, with what ends an answer of this model. */
function settingsFor(
  manifest: ModelManifest,
  tokenizer: TextCodec,
  question: Question,
  options: GenerateOptions,
): GenerateOptions & { readonly decode: NonNullable<GenerateOptions['decode']> } {
  const { eos, end: ownEnd } = sayingsOf(manifest);
  const end = question.end ?? ownEnd;
  const beams = (options.num_beams ?? 1) > 1;
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return {
    ...(eos === undefined ? {} : { stop_tokens: [eos] }),
    ...(end && !beams ? { stop_text: [end] } : {}),
    ...(end && beams ? { stop_sequences: [tokenizer.encode(end, PART)] } : {}),
    ...given,
    decode: options.decode ?? ((tokens) => tokenizer.decode(tokens)),
  };
}

async function streamed(
  pieces: AsyncGenerator<string, GenerateResult>,
  onText: (piece: string) => void,
): Promise<GenerateResult> {
  for (;;) {
    const { done, value } = await pieces.next();
    if (done) return value;
    onText(value);
  }
}

/** The last new token is not fed back, so it needs no position. @throws RuntimeError R0306 */
function checkLength(prompt: number, { max_new_tokens }: GenerateOptions, positions: number | undefined): void {
  const wanted = resolveOptions({ ...(max_new_tokens === undefined ? {} : { max_new_tokens }) }).max_new_tokens;
  if (positions !== undefined && prompt + wanted - 1 > positions)
    throw runtimeError('too_many_positions', { prompt, wanted, positions });
}

interface Sayings {
  /** of models whose pictures stand in a text by words of the recipe */
  readonly words?: ValuesOf<typeof SETTINGS>;
  readonly image_size?: number | undefined;
  readonly image: ImageSettings;
  readonly template?: string | undefined;
  readonly end?: string | undefined;
  readonly eos?: number | undefined;
  readonly max_positions?: number | undefined;
}

/** @throws RuntimeError R0406, R0411 for pictures that are described wrongly */
function sayingsOf(manifest: ModelManifest): Sayings {
  const { recipe, config } = manifest.model;
  if (!recipe)
    return {
      image_size: number(manifest, 'vit', 'image_size') ?? 224,
      image: imageSettings(config),
      template: text(manifest, 'prompt', 'template'),
      end: text(manifest, 'prompt', 'end'),
      eos: number(manifest, 'tokens', 'eos'),
      max_positions: number(manifest, 'phi', 'max_position_embeddings'),
    };
  const { mean, std, background, exif_orientation, ...settings } = recipe.settings;
  const given = Object.entries({ mean, std, background, exif_orientation }).filter(([, value]) => value !== undefined);
  return {
    ...(settings as Omit<Sayings, 'image' | 'words'>),
    ...(settings.image_placeholder === undefined
      ? {}
      : { words: settingsOf(VISION_LANGUAGE, SETTINGS, recipe.settings) }),
    image: imageSettings({ image: Object.fromEntries(given) as ConfigValue }),
  };
}

/** @throws RuntimeError R1122, always: a guess would give other pixels than the model was trained on */
function sizeNeeded({ model }: ModelManifest): never {
  throw runtimeError('recipe_setting_missing', {
    recipe: model.recipe?.name ?? '',
    name: 'image_size',
    why: 'questions about pictures',
  });
}

function value(manifest: ModelManifest, record: string, name: string): ConfigValue | undefined {
  const { config } = manifest.model;
  const fields = Object.hasOwn(config, record) ? config[record] : undefined;
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields) || !Object.hasOwn(fields, name))
    return undefined;
  return (fields as { readonly [name: string]: ConfigValue })[name];
}

function number(manifest: ModelManifest, record: string, name: string): number | undefined {
  const found = value(manifest, record, name);
  return typeof found === 'number' ? found : undefined;
}

function text(manifest: ModelManifest, record: string, name: string): string | undefined {
  const found = value(manifest, record, name);
  return typeof found === 'string' ? found : undefined;
}
