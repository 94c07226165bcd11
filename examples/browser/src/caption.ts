/** A prompt about a picture to text, as it comes. */
import { generateStream, preparePrompt, StreamDecoder } from 'mdl-compiler/runtime';
import { nextFrame } from './dom.ts';
import type { Engine } from './engine.ts';
import { type Picture, pixelsOf } from './picture.ts';
import { END, MAX_NEW_TOKENS } from './wording.ts';

export interface Progress {
  /** all of the answer so far */
  readonly text: string;
  readonly tokens: number;
}

export interface Answered extends Progress {
  /** from the picture to the first token */
  readonly firstMs: number;
  /** per token after the first */
  readonly tokenMs: number;
}

/** The side of the square that the model sees. */
export function imageSize({ session }: Engine): number {
  const { vit } = session.manifest.model.config as { readonly vit: { readonly image_size: number } };
  return vit.image_size;
}

/**
 * Answers greedily.
 * @param onProgress called at each token, after which the browser gets to paint
 * @throws RuntimeError R0304 when aborted, and what runs throw
 */
export async function answer(
  engine: Engine,
  picture: Picture,
  prompt: string,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Answered> {
  const { runner, session, tokenizer } = engine;
  const { tokens: ids } = session.manifest.model.config as { readonly tokens: { readonly eos: number } };
  const began = performance.now();
  const embeds = await preparePrompt(runner, tokenizer, prompt, [pixelsOf(picture, imageSize(engine))]);
  const events = generateStream(
    runner,
    { embeds: [embeds] },
    {
      max_new_tokens: MAX_NEW_TOKENS,
      decode: (tokens) => tokenizer.decode(tokens),
      stop_tokens: [ids.eos],
      stop_text: [END],
      signal,
    },
  );
  const decoder = new StreamDecoder(tokenizer);
  let shown = '';
  let tokens = 0;
  let first = began;
  let painting = 0;
  for (;;) {
    const { done, value } = await events.next();
    const now = performance.now();
    if (tokens === 0) first = now;
    if (done) {
      const text = (value.rows[0]!.text ?? '').trim();
      const tokenMs = (now - first - painting) / Math.max(tokens, 1);
      return { text, tokens, firstMs: first - began, tokenMs };
    }
    tokens++;
    shown += decoder.push(value.token);
    onProgress({ text: shown.trimStart(), tokens });
    await nextFrame();
    painting += performance.now() - now;
  }
}
