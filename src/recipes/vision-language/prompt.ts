/**
 * Prompts with images: templates, conversations, and the way from a prompt's text to what `decode` reads.
 *
 *     '###Human: <Img><ImageHere></Img> Describe this.###Assistant: '
 *       → [ids of '###Human: <Img>'] [−1 × num_query_tokens] [ids of '</Img> Describe this.###Assistant: ']
 *       → f32 [T, d]: embed_tokens for the ids, encode_image's rows for the −1s
 *
 * For generation nothing is put in front (the authors add bos in training only): the texts are parts of one prompt, so
 * the tokenizer adds no special tokens to them.
 */

import { runtimeError } from '../../runtime/errors.ts';
import { embedTokens, playing } from '../../runtime/generate/decoder.ts';
import type { Runner } from '../../runtime/session.ts';
import { type EncodeOptions, PART, type TextCodec } from '../../runtime/tokenizer/tokenizer.ts';
import { nearest } from '../../shared/nearest.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import type { TemplateName } from './names.ts';

/** What stands in a prompt where an image's tokens go. */
export const IMAGE_PLACEHOLDER = '<ImageHere>';
/** How an image stands in a prompt. */
export const IMAGE_TAG = `<Img>${IMAGE_PLACEHOLDER}</Img>`;
/** Marks the positions of image tokens among token ids. */
export const IMAGE_TOKEN_ID = -1;

/**
 * The released code wraps instructions differently in training (`inst`), demo (`human`) and evaluation (`instruct`),
 * so the template is a setting. `/n` is what the code says.
 */
export const TEMPLATES = {
  inst: '[INST] {} [/INST]',
  human: '###Human: {} ###Assistant: ',
  instruct: 'Instruct: {} /n Output: ',
  none: '{}',
} as const satisfies { readonly [N in TemplateName]: string };
export type { TemplateName };

/** The text in the template's place `{}`. @throws RuntimeError R0603 for a name that is not in TEMPLATES */
export function applyTemplate(name: string, text: string): string {
  if (!Object.hasOwn(TEMPLATES, name)) {
    const known = Object.keys(TEMPLATES);
    throw runtimeError('unknown_template', { name, known, near: nearest(name, known) });
  }
  // a function, because `$&` in the text must stay what it is
  return TEMPLATES[name as TemplateName].replace('{}', () => text);
}

export interface ConversationFormat {
  readonly system: string;
  /** the user's, the model's; with the white space that follows them */
  readonly roles: readonly [string, string];
  readonly separator: string;
}

/** The demo's conversation. */
export const HUMAN_ASSISTANT: ConversationFormat = {
  system:
    'Give the following image: <Img>ImageContent</Img>. You will be able to see the image once I provide it to you. Please answer my questions.',
  roles: ['Human: ', 'Assistant: '],
  separator: '###',
};

/** One message; the user's first, then in turn. */
export interface Turn {
  readonly question: string;
  /** images that are shown with the question */
  readonly images?: number;
  /** absent: the model is to answer */
  readonly answer?: string;
}

/** `system###Human: <Img>…</Img> question###Assistant: answer###Human: …###Assistant: ` */
export function conversationPrompt(turns: readonly Turn[], format: ConversationFormat = HUMAN_ASSISTANT): string {
  const { system, roles, separator } = format;
  const texts = turns.map(({ question, images = 0, answer }) => {
    const asked = [...Array<string>(images).fill(IMAGE_TAG), question].join(' ');
    return roles[0] + asked + separator + roles[1] + (answer === undefined ? '' : answer + separator);
  });
  return system + separator + texts.join('');
}

/** The texts before, between and after the images. @throws RuntimeError R0601 when the count of images differs */
export function splitPrompt(prompt: string, images: number, placeholder: string = IMAGE_PLACEHOLDER): string[] {
  const texts = prompt.split(placeholder);
  if (texts.length - 1 !== images) throw runtimeError('image_slots', { slots: texts.length - 1, images, placeholder });
  return texts;
}

/**
 * Token ids of a prompt, with IMAGE_TOKEN_ID repeated where image tokens go. Each text is tokenised by itself.
 * @param imageTokens how many tokens each image takes (num_query_tokens)
 * @param options split_special_tokens: special tokens in the prompt are text, as what users write should be
 * @throws RuntimeError R0601
 */
export function promptIds(
  prompt: string,
  imageTokens: readonly number[],
  tokenizer: TextCodec,
  options: Pick<EncodeOptions, 'split_special_tokens'> = {},
): number[] {
  return splitPrompt(prompt, imageTokens.length).flatMap((text, i) => [
    ...tokenizer.encode(text, { ...PART, ...options }),
    ...Array<number>(imageTokens[i] ?? 0).fill(IMAGE_TOKEN_ID),
  ]);
}

/** Runs `encode_image` on f32 [1, 3, H, W]: the image's tokens, f32 [num_query_tokens, d]. @throws RuntimeError R0303 */
export async function encodeImage(runner: Runner, pixels: HostTensor): Promise<HostTensor> {
  const name = playing(runner, 'encode_image');
  const { inputs, outputs } = runner.manifest.entries[name]!;
  const [input, output] = [inputs[0]?.name, outputs[0]?.name];
  if (input === undefined || output === undefined)
    throw runtimeError('not_generative', { model: runner.manifest.model.name, what: `ports in its entry ${name}` });
  const tokens = (await runner.run(name, { [input]: pixels }))[output]!;
  return { ...tokens, shape: tokens.shape.slice(-2) };
}

/**
 * Embeddings of a prompt, f32 [T, d], for `generate(session, { embeds: [...] })`.
 * @param ids with IMAGE_TOKEN_ID where image tokens go
 * @param images f32 [num_query_tokens, d] each, in the order of their places
 * @throws RuntimeError R0602 when the images' tokens do not fill the places
 */
export async function embedPrompt(
  runner: Runner,
  ids: readonly number[],
  images: readonly HostTensor[] = [],
): Promise<HostTensor> {
  const places = ids.filter((id) => id === IMAGE_TOKEN_ID).length;
  const rows = images.flatMap(({ shape, data }) => {
    const width = shape.at(-1)!;
    return Array.from({ length: data.length / width }, (_, row) =>
      (data as Float32Array).subarray(row * width, (row + 1) * width),
    );
  });
  if (rows.length !== places) throw runtimeError('image_token_places', { places, tokens: rows.length });
  const textIds = ids.filter((id) => id !== IMAGE_TOKEN_ID);
  const text = textIds.length > 0 ? await embedTokens(runner, [textIds]) : undefined;
  const width = text?.shape.at(-1) ?? rows[0]?.length ?? 0;
  if (rows.some((row) => row.length !== width))
    throw runtimeError('image_token_width', { found: rows[0]!.length, expected: width });
  const data = new Float32Array(ids.length * width);
  let [fromText, fromImages] = [0, 0];
  ids.forEach((id, at) => {
    const isImage = id === IMAGE_TOKEN_ID;
    const row = isImage
      ? rows[fromImages++]!
      : (text!.data as Float32Array).subarray(fromText * width, ++fromText * width);
    data.set(row, at * width);
  });
  return { dtype: 'f32', shape: [ids.length, width], data };
}

/**
 * All of it: encodes the images, tokenises the prompt, embeds both.
 * @param images pixels f32 [1, 3, H, W] each, as preprocessImage makes them
 */
export async function preparePrompt(
  runner: Runner,
  tokenizer: TextCodec,
  prompt: string,
  images: readonly HostTensor[],
  options: Pick<EncodeOptions, 'split_special_tokens'> = {},
): Promise<HostTensor> {
  splitPrompt(prompt, images.length); // before the images are encoded, which is slow
  const encoded: HostTensor[] = [];
  for (const pixels of images) encoded.push(await encodeImage(runner, pixels));
  const ids = promptIds(
    prompt,
    encoded.map(({ shape }) => shape[0]!),
    tokenizer,
    options,
  );
  return embedPrompt(runner, ids, encoded);
}
