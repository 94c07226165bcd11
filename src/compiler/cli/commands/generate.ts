/** `mdl generate`: a prompt about images, answered by a model that is compiled on the way or was compiled before. */
import { readFile } from 'node:fs/promises';
import type { Recipe } from '../../../recipes/recipe.ts';
import { SAMPLING } from '../../../recipes/settings.ts';
import { checkImage, type DecodeOptions, type GenerateOptions } from '../../../runtime/index.ts';
import type { SettingValues } from '../../../shared/recipe.ts';
import { type OpenOptions, openAnswering } from '../../workbench/answering.ts';
import { cliError, reasonOf } from '../../workbench/errors.ts';
import { generationOptions } from '../../workbench/folder/options.ts';
import { recipeOfManifest } from '../../workbench/recipe.ts';
import type { Output } from '../output.ts';

export interface GenerateCommandOptions extends OpenOptions {
  readonly prompt: string;
  readonly image: readonly string[];
  /** false with --no-exif-orientation; true says nothing */
  readonly exifOrientation: boolean;
  readonly maxPixels?: number;
  readonly system?: string;
  readonly raw?: boolean;
  readonly template?: string;
  readonly end?: string;
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly repetitionPenalty: number;
  readonly numBeams: number;
  readonly seed?: number;
  readonly prefillChunk?: number;
  readonly ids?: boolean;
  /** of a folder: tokens that end an answer */
  readonly stopTokens?: readonly number[];
  /** names of options that the command was given */
  readonly given?: readonly string[];
}

export default async function run(
  output: Output,
  [file]: readonly string[],
  options: GenerateCommandOptions,
): Promise<void> {
  // a recipe may say that tokens are drawn: what draws by itself is checked when it is known
  const { given = [] } = options;
  const asked = options.temperature > 0 || given.includes('temperature') || given.includes('numBeams');
  const searched = (({ topP, topK, seed, ...others }) => others)(options);
  generateOptions(asked ? options : searched);
  const decode = decodeOptions(options);
  const files = await Promise.all(options.image.map(readImage));
  for (const file of files) judged(file, (bytes) => checkImage(bytes, decode));
  const opened = await openAnswering(file!, options, 'answer', output);
  try {
    const { session, tokenizer } = opened;
    const { recipe, model } = recipeOfManifest(session.manifest);
    refuseUnused(recipe, options);
    const settings = generateOptions(byRecipe(options, model.settings));
    const { weights } = session.manifest;
    if (weights && !weights.trained)
      output.note(`note: the weights are untrained (${weights.origin}), so the answer means nothing`);
    const question = {
      prompt: options.prompt,
      ...(options.system === undefined ? {} : { system: options.system }),
      ...(options.raw ? { raw: true } : {}),
      chatTemplate: opened.chatTemplate,
      files: files.map(({ path, bytes }) => ({ name: path, bytes })),
      settings: {
        ...decode,
        ...(options.template === undefined ? {} : { template: options.template }),
        ...(options.end === undefined ? {} : { end: options.end }),
      },
      // text goes out as it comes; JSON is one line at the end
      ...(output.json ? {} : { onText: (piece: string) => output.piece(piece) }),
    };
    const answer = await recipe.answer!(session, tokenizer, question, settings);
    const ids = options.ids ? `\ntoken ids: ${answer.tokens.join(' ')}` : '';
    output.result(ids, { ...answer, backend: session.info().backend, weights: weights?.origin ?? null });
  } finally {
    await opened.close();
  }
}

/** Options that are not given, as the recipe has them. What a folder's own file says is in the options already. */
function byRecipe(options: GenerateCommandOptions, settings: SettingValues): GenerateCommandOptions {
  if (options.stopTokens !== undefined) return options;
  const own = Object.entries(settings).filter(([name]) => Object.hasOwn(SAMPLING, name));
  const { given = [] } = options;
  return { ...options, ...generationOptions(Object.fromEntries(own), (option) => given.includes(option)) };
}

/** @throws CliError C0208 for what the recipe's questions do not have, C0103 for a system message beside --raw */
function refuseUnused(
  { questions = [] }: Recipe,
  { system, raw }: Pick<GenerateCommandOptions, 'system' | 'raw'>,
): void {
  const without = 'a model of the recipe chat';
  if (system !== undefined && !questions.includes('system'))
    throw cliError('option_without', { option: '--system', without });
  if (raw && !questions.includes('raw')) throw cliError('option_without', { option: '--raw', without });
  if (system !== undefined && raw)
    throw cliError('option_value', { option: '--system', text: system, expected: 'either --system or --raw' });
}

/** @throws CliError C0103 for values that are out of range, and for options of sampling without sampling */
export function generateOptions(options: GenerateCommandOptions): GenerateOptions {
  const { temperature, topP, topK, seed, numBeams } = options;
  const refuse = (option: string, value: number, expected: string): never => {
    throw cliError('option_value', { option, text: String(value), expected });
  };
  if (!(temperature >= 0 && Number.isFinite(temperature)))
    refuse('--temperature', temperature, 'at least 0 (0: greedy, without sampling)');
  const sampling = temperature > 0;
  if (!sampling) {
    const expected = 'a --temperature above 0 beside it, because greedy and beam search do not sample';
    if (topP !== undefined) refuse('--top-p', topP, expected);
    if (topK !== undefined) refuse('--top-k', topK, expected);
    if (seed !== undefined) refuse('--seed', seed, expected);
  } else if (numBeams > 1) refuse('--num-beams', numBeams, '1 with a --temperature: beam search does not sample');
  return {
    max_new_tokens: options.maxNewTokens,
    min_new_tokens: options.minNewTokens,
    repetition_penalty: options.repetitionPenalty,
    num_beams: numBeams,
    ...(sampling ? { do_sample: true, temperature } : {}),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(topK === undefined ? {} : { top_k: topK }),
    ...(seed === undefined ? {} : { seed }),
    ...(options.prefillChunk === undefined ? {} : { prefill_chunk: options.prefillChunk }),
    ...(options.stopTokens === undefined ? {} : { stop_tokens: options.stopTokens }),
  };
}

/** @throws CliError C0208 for options about images without one */
function decodeOptions({
  image,
  exifOrientation,
  maxPixels,
}: GenerateCommandOptions): Pick<DecodeOptions, 'max_pixels' | 'exif_orientation'> & SettingValues {
  const said = exifOrientation ? (maxPixels === undefined ? undefined : '--max-pixels') : '--no-exif-orientation';
  if (said !== undefined && image.length === 0)
    throw cliError('option_without', { option: said, without: 'an --image' });
  return {
    ...(exifOrientation ? {} : { exif_orientation: false }),
    ...(maxPixels === undefined ? {} : { max_pixels: maxPixels }),
  };
}

interface ImageFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

async function readImage(path: string): Promise<ImageFile> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw cliError('file_not_read', { what: 'the image', file: path, reason: reasonOf(error) }, [], error);
  });
  return { path, bytes };
}

/** An error about a file's contents with its name: about its headers before the model is compiled, else afterwards. */
function judged<R>({ path, bytes }: ImageFile, judge: (bytes: Uint8Array) => R): R {
  try {
    return judge(bytes);
  } catch (error) {
    throw cliError('image_unusable', { file: path, reason: reasonOf(error) }, [], error);
  }
}
