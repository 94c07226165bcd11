/**
 * Prompts of models whose pictures stand in a text as the settings of their recipe say, with one token id for the place of each image token:
 *
 *     'USER: <image>What is it?'                              of the chat template, or as it was given
 *       → 'USER: <a>{image}<b>What is it?'                    image_words; part_words, row_end and parts_end around a picture that is cut
 *       → [… a, 7 × image_token, b, …]                        one text to the tokenizer, as transformers' processors do
 *       → f32 [T, d]
 */
import { runtimeError } from '../../runtime/errors.ts';
import { normaliseImage } from '../../runtime/image/preprocess.ts';
import type { Rgb, RgbImage } from '../../runtime/image/rgb.ts';
import { squaresOf } from '../../runtime/image/squares.ts';
import type { Runner } from '../../runtime/session.ts';
import { PART, type TextCodec } from '../../runtime/tokenizer/tokenizer.ts';
import type { ValuesOf } from '../../shared/recipe.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import type { ChatTemplate } from '../chat/template.ts';
import type { SETTINGS } from './declaration.ts';
import { embedPrompt, encodeImage, IMAGE_TOKEN_ID, splitPrompt } from './prompt.ts';

type Settings = ValuesOf<typeof SETTINGS>;

export interface Worded {
  readonly text: string;
  readonly embeds: HostTensor;
}

export interface WordedQuestion {
  readonly prompt: string;
  readonly system?: string | undefined;
  /** absent: the prompt as it stands, with a placeholder for each picture */
  readonly chatTemplate?: ChatTemplate | undefined;
  readonly images: readonly RgbImage[];
}

/** @throws RuntimeError R0601 (places of pictures), R0602, R1122 (settings that are missing), R1191 (the template) */
export async function wordedPrompt(
  runner: Runner,
  tokenizer: TextCodec,
  question: WordedQuestion,
  settings: Settings,
): Promise<Worded> {
  const { images } = question;
  const need = <T>(name: string, value: T | undefined): T => {
    if (value !== undefined) return value;
    const recipe = runner.manifest.model.recipe?.name ?? '';
    throw runtimeError('recipe_setting_missing', { recipe, name, why: 'questions about pictures' });
  };
  const asked = conversation(question);
  const word = need('image_placeholder', settings.image_placeholder);
  const texts = splitPrompt(asked, images.length, word);
  if (images.length === 0) return { text: asked, embeds: await embedPrompt(runner, encodeWhole(tokenizer, asked)) };
  const token = need('image_token', settings.image_token);
  const rows: HostTensor[] = [];
  let text = texts[0]!;
  for (const [i, image] of images.entries()) {
    const { resample: filter, shorter_side, longest_side, cut, mean, std } = settings;
    const size = need('image_size', settings.image_size);
    const squares = squaresOf(image, { size, filter, shorter_side, longest_side, cut });
    const encoded: HostTensor[] = [];
    for (const square of squares.images)
      encoded.push(await encodeImage(runner, normaliseImage(square, mean as Rgb | undefined, std as Rgb | undefined)));
    rows.push(...encoded);
    const tokens = encoded.map(({ shape }) => word.repeat(shape[0]!));
    text += wordsOf(settings, squares, tokens) + texts[i + 1]!;
  }
  const ids = encodeWhole(tokenizer, text).map((id) => (id === token ? IMAGE_TOKEN_ID : id));
  return { text, embeds: await embedPrompt(runner, ids, rows) };
}

function conversation({ prompt, system, chatTemplate, images }: WordedQuestion): string {
  if (!chatTemplate) return prompt;
  const before = system === undefined ? [] : [{ role: 'system', content: [{ type: 'text', text: system }] as const }];
  const content = [...images.map(() => ({ type: 'image' }) as const), { type: 'text', text: prompt } as const];
  return chatTemplate.render([...before, { role: 'user', content }], { addGenerationPrompt: true });
}

/** What stands in the place of a picture. @param tokens of each of its squares */
function wordsOf(
  { image_words = '{image}', part_words = '{image}', row_end = '', parts_end = '' }: Settings,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  tokens: readonly string[],
): string {
  const whole = filled(image_words, { image: tokens.at(-1)! });
  if (rows * columns === 0) return whole;
  const lines = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (__, column) =>
      filled(part_words, {
        image: tokens[row * columns + column]!,
        row: String(row + 1),
        column: String(column + 1),
      }),
    ).join(''),
  );
  return `${lines.map((line) => line + row_end).join('')}${parts_end}${whole}`;
}

const filled = (words: string, values: Readonly<Record<string, string>>): string =>
  words.replace(/\{(image|row|column)\}/g, (found, name: string) => values[name] ?? found);

/** With the special tokens that the tokenizer adds, unless the text begins with the first of them itself. */
function encodeWhole(tokenizer: TextCodec, text: string): readonly number[] {
  const plain = tokenizer.encode(text, PART);
  const whole = tokenizer.encode(text, { apply_limits: false });
  return whole.length > plain.length && whole[0] === plain[0] ? plain : whole;
}
