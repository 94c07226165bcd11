/** A prompt that a language model goes on from: `mdl generate` for models of this recipe. */
import { runtimeError } from '../../runtime/errors.ts';
import { generate } from '../../runtime/generate/generate.ts';
import type { GenerateOptions } from '../../runtime/generate/options.ts';
import type { GeneratedRow } from '../../runtime/generate/result.ts';
import { streamText } from '../../runtime/generate/stream-text.ts';
import type { Session } from '../../runtime/session.ts';
import type { EncodeOptions, TextCodec } from '../../runtime/tokenizer/tokenizer.ts';
import { type Question, type RecipeAnswer, settingsOf } from '../recipe.ts';
import { SETTINGS, TEXT } from './declaration.ts';

/**
 * The text that follows the prompt, up to `eos` or to the most new tokens.
 * @throws RuntimeError R1120, R1121 (settings of the question), R1127 (a file), R03xx (generation)
 */
export async function answer(
  session: Session,
  tokenizer: TextCodec,
  { prompt, files, settings: asked, onText }: Question,
  options: GenerateOptions,
): Promise<RecipeAnswer> {
  const [file] = files;
  if (file) throw runtimeError('file_not_used', { file: file.name, reason: 'the recipe text takes prompts alone' });
  const { eos } = settingsOf(TEXT, SETTINGS, session.manifest.model.recipe?.settings ?? {}, asked);
  return continued(session, tokenizer, { prompt, eos, ...(onText ? { onText } : {}) }, options);
}

export interface Continuation extends Pick<Question, 'prompt' | 'onText'> {
  /** token id that ends the answer */
  readonly eos: number | undefined;
  /** how the prompt is encoded; with the special tokens of the tokenizer when absent */
  readonly encoding?: EncodeOptions;
}

/** The text that follows a prompt that is encoded as it stands. @throws RuntimeError R03xx */
export async function continued(
  session: Session,
  tokenizer: TextCodec,
  { prompt, eos, encoding, onText }: Continuation,
  options: GenerateOptions,
): Promise<RecipeAnswer> {
  const settings = {
    ...(eos === undefined ? {} : { stop_tokens: [eos] }),
    ...options,
    decode: (tokens: readonly number[]): string => tokenizer.decode(tokens),
  };
  const input = { input_ids: [tokenizer.encode(prompt, encoding)] };
  const row = onText
    ? await streamed(session, input, settings, onText)
    : (await generate(session, input, settings)).rows[0]!;
  return { ...row, text: row.text ?? tokenizer.decode(row.tokens), prompt };
}

async function streamed(
  session: Session,
  input: { readonly input_ids: readonly (readonly number[])[] },
  settings: GenerateOptions & { readonly decode: NonNullable<GenerateOptions['decode']> },
  onText: (piece: string) => void,
): Promise<GeneratedRow> {
  const pieces = streamText(session, input, settings);
  for (;;) {
    const { done, value } = await pieces.next();
    if (done) return value.rows[0]!;
    onText(value);
  }
}
