/** `mdl generate`: a prompt about images, answered by a model that is compiled on the way or was compiled before. */
import { readFile } from 'node:fs/promises';
import { ask, type DecodeOptions, decodeImage, type GenerateOptions } from '../../../runtime/index.ts';
import { type OpenOptions, openAnswering } from '../answering.ts';
import { cliError, reasonOf } from '../errors.ts';
import type { Output } from '../output.ts';

export interface GenerateCommandOptions extends OpenOptions {
  readonly prompt: string;
  readonly image: readonly string[];
  /** false with --no-exif-orientation; true says nothing */
  readonly exifOrientation: boolean;
  readonly maxPixels?: number;
  readonly template?: string;
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly repetitionPenalty: number;
  readonly numBeams: number;
  readonly seed: number;
  readonly ids?: boolean;
}

export default async function run(
  output: Output,
  [file]: readonly string[],
  options: GenerateCommandOptions,
): Promise<void> {
  const settings = generateOptions(options);
  const decode = decodeOptions(options);
  const images = await Promise.all(options.image.map((path) => readImage(path, decode)));
  const opened = await openAnswering(file!, options, output);
  try {
    const { session, tokenizer } = opened;
    const { weights } = session.manifest;
    if (weights && !weights.trained)
      output.note(`note: the weights are untrained (${weights.origin}), so the answer means nothing`);
    const template = options.template === undefined ? {} : { template: options.template };
    const answer = await ask(session, tokenizer, { prompt: options.prompt, images, decode, ...template }, settings);
    const ids = options.ids ? `\ntoken ids: ${answer.tokens.join(' ')}` : '';
    output.result(answer.text + ids, { ...answer, backend: session.info().backend, weights: weights?.origin ?? null });
  } finally {
    await opened.close();
  }
}

/** @throws CliError C0103 for options of sampling without sampling: the answer would ignore them */
export function generateOptions(options: GenerateCommandOptions): GenerateOptions {
  const sampling = options.temperature > 0;
  const expected = 'a --temperature above 0 beside it, because greedy and beam search do not sample';
  if (!sampling && options.topP !== undefined)
    throw cliError('C0103', { option: '--top-p', text: String(options.topP), expected });
  if (!sampling && options.topK !== undefined)
    throw cliError('C0103', { option: '--top-k', text: String(options.topK), expected });
  if (sampling && options.numBeams > 1) {
    throw cliError('C0103', {
      option: '--num-beams',
      text: String(options.numBeams),
      expected: '1 with a --temperature: beam search does not sample',
    });
  }
  return {
    max_new_tokens: options.maxNewTokens,
    min_new_tokens: options.minNewTokens,
    repetition_penalty: options.repetitionPenalty,
    num_beams: options.numBeams,
    seed: options.seed,
    ...(sampling ? { do_sample: true, temperature: options.temperature } : {}),
    ...(options.topP === undefined ? {} : { top_p: options.topP }),
    ...(options.topK === undefined ? {} : { top_k: options.topK }),
  };
}

/** @throws CliError C0208 for options about images without one */
function decodeOptions({ image, exifOrientation, maxPixels }: GenerateCommandOptions): DecodeOptions {
  const said = exifOrientation ? (maxPixels === undefined ? undefined : '--max-pixels') : '--no-exif-orientation';
  if (said !== undefined && image.length === 0) throw cliError('C0208', { option: said, without: 'an --image' });
  return {
    ...(exifOrientation ? {} : { exif_orientation: false }),
    ...(maxPixels === undefined ? {} : { max_pixels: maxPixels }),
  };
}

/** The file's bytes, which decode: a bad file is named before the model is compiled. */
async function readImage(file: string, decode: DecodeOptions): Promise<Uint8Array> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw cliError('C0104', { what: 'the image', file, reason: reasonOf(error) }, [], error);
  });
  try {
    decodeImage(bytes, decode);
  } catch (error) {
    throw cliError('C0111', { file, reason: reasonOf(error) }, [], error);
  }
  return bytes;
}
