/** Generation as text: the answer to one prompt in pieces of whole characters, as they become certain. */
import { checkOptions } from '../arguments.ts';
import { runtimeError } from '../errors.ts';
import type { Runner } from '../session.ts';
import { StreamDecoder } from '../tokenizer/stream-decoder.ts';
import { type GenerateResult, generateStream } from './generate.ts';
import { checkInput, type GenerateInput } from './input.ts';
import type { GenerateOptions } from './options.ts';

/**
 * Yields pieces that together are the row's `text`, without a stop text or any part of it; returns the result.
 *
 *     const decode = (tokens) => tokenizer.decode(tokens);
 *     for await (const piece of streamText(session, { embeds: [embeds] }, { stop_text: ['\n'], decode })) write(piece);
 *
 * @throws RuntimeError R0301 without `decode`, R0309 for more than one prompt, and what generate() throws
 */
export async function* streamText(
  runner: Runner,
  input: GenerateInput,
  options: GenerateOptions,
): AsyncGenerator<string, GenerateResult> {
  checkInput('streamText', input);
  checkOptions('streamText', options);
  const { decode } = options;
  if (decode === undefined)
    throw runtimeError('generation_option', { option: 'decode', value: 'missing', expected: 'given to streamText' });
  const prompts = 'embeds' in input ? input.embeds.length : input.input_ids.length;
  if (prompts > 1) throw runtimeError('stream_of_one_prompt', { prompts });
  const decoder = new StreamDecoder({ decode });
  const events = generateStream(runner, input, options);
  let given = '';
  try {
    for (;;) {
      const { done, value } = await events.next();
      // the last tokens may hold the beginning of a text that was cut at a stop text
      const piece = done ? value.rows[0]!.text!.slice(given.length) : decoder.push(value.token);
      given += piece;
      if (piece !== '') yield piece;
      if (done) return value;
    }
  } finally {
    await events.return(undefined as never); // whoever stops listening frees the cache
  }
}
