/** A prompt about pictures, from files to text: `mdl generate` for models of this recipe. */

import { reasonOf, runtimeError } from '../../runtime/errors.ts';
import type { GenerateOptions } from '../../runtime/generate/options.ts';
import { decodeImage, loadImageDecoders } from '../../runtime/image/decode.ts';
import type { RgbImage } from '../../runtime/image/rgb.ts';
import type { Session } from '../../runtime/session.ts';
import type { TextCodec } from '../../runtime/tokenizer/tokenizer.ts';
import { type Question, type RecipeAnswer, settingsOf } from '../recipe.ts';
import { type Question as Asked, ask } from './ask.ts';
import { SETTINGS, VISION_LANGUAGE } from './declaration.ts';
import { imageOptions } from './images.ts';

/** @throws RuntimeError R1120, R1121 (settings of the question), R1127 (a file that is no picture), and as `ask` */
export async function answer(
  session: Session,
  tokenizer: TextCodec,
  question: Question,
  options: GenerateOptions,
): Promise<RecipeAnswer> {
  const { prompt, files, settings: asked, onText } = question;
  const own = session.manifest.model.recipe?.settings ?? {};
  const { template, end, ...seen } = asked; // ask() knows the templates
  const settings = settingsOf(VISION_LANGUAGE, SETTINGS, own, seen);
  const { mean: _, std: __, ...decode } = imageOptions(settings);
  const limits = settings.max_pixels === undefined ? {} : { max_pixels: settings.max_pixels };
  await loadImageDecoders(files.map(({ bytes }) => bytes));
  const images = files.map(({ name, bytes }): RgbImage => {
    try {
      return decodeImage(bytes, { ...decode, ...limits });
    } catch (error) {
      throw runtimeError('file_not_used', { file: name, reason: reasonOf(error) }, error);
    }
  });
  const { model } = session.manifest;
  return ask(
    session,
    tokenizer,
    {
      prompt,
      images,
      ...(typeof template === 'string' ? { template } : {}),
      ...(typeof end === 'string' ? { end } : {}),
      ...(onText ? { onText } : {}),
      ...(settings.image_placeholder === undefined ? refused(question, model.name) : await conversationOf(question)),
    },
    options,
  );
}

/** What only conversations have. @throws RuntimeError R0540 */
function refused({ system, raw }: Question, model: string): object {
  const part = system === undefined ? (raw ? '--raw' : undefined) : '--system';
  if (part !== undefined) throw runtimeError('question_part_unused', { part, model });
  return {};
}

/** @throws RuntimeError R1190, R1192 (no template, and not `raw`) */
async function conversationOf({
  system,
  raw,
  chatTemplate,
}: Question): Promise<Pick<Asked, 'chatTemplate' | 'system'>> {
  if (raw) return {};
  const template = await chatTemplate?.();
  if (!template) throw runtimeError('chat_template_missing', { what: 'a prompt without --raw' });
  return { chatTemplate: template, ...(system === undefined ? {} : { system }) };
}
