/**
 * Text generation over the entries `embed_tokens` and `decode` of a model: prefill, then one cached step per token.
 *
 *     const { rows } = await generate(session, { input_ids: [[1, 2, 3]] }, { max_new_tokens: 8, stop_tokens: [0] });
 */
import type { HostTensor } from '../../shared/tensor.ts';
import { sizeOf } from '../../shared/tensor.ts';
import { runtimeError } from '../errors.ts';
import type { Runner } from '../session.ts';
import { idList } from '../tokenizer/ids.ts';
import { leftPad, type PromptBatch } from './batch.ts';
import { Decoder, embedTokens } from './decoder.ts';
import { checkInput, type GenerateInput } from './input.ts';
import { checkOptionIds, type GenerateOptions, resolveOptions, type TokenEvent } from './options.ts';
import type { GeneratedRow } from './result.ts';
import { sample } from './sample.ts';

export interface GenerateResult {
  readonly rows: readonly GeneratedRow[];
}

/**
 * Generates; resolves when all rows are finished.
 * @throws RuntimeError R0301, R0307, R0308, R0512 (options), R0302, R0306, R1280 (prompts), R0303 (model), R0304 (aborted), R0305 (NaN), and what runs throw
 */
export async function generate(
  runner: Runner,
  input: GenerateInput,
  options: GenerateOptions = {},
): Promise<GenerateResult> {
  const events = generateStream(runner, input, options);
  for (;;) {
    const { done, value } = await events.next();
    if (done) return value;
  }
}

/** The same as an async iterator of tokens; the iterator's return value is the result. */
export async function* generateStream(
  runner: Runner,
  input: GenerateInput,
  options: GenerateOptions = {},
): AsyncGenerator<TokenEvent, GenerateResult> {
  checkInput('generate', input);
  const asked = resolveOptions(options);
  const decoder = new Decoder(runner, asked.max_new_tokens, asked.prefill_chunk);
  checkOptionIds(asked, decoder.vocabulary);
  const seen = 'input_ids' in input ? input.input_ids.map((ids) => idList(ids, 'generate')) : [];
  const batch = leftPad('embeds' in input ? input.embeds : await embedRows(runner, seen));
  const settings = { ...asked, max_new_tokens: newTokens(decoder, batch, asked.max_new_tokens, options) };
  let rows: GeneratedRow[];
  try {
    if (settings.num_beams > 1) {
      // a page that never asks for beams does not load them
      const { beamSearch } = await import('./beam.ts');
      rows = await beamSearch(decoder, batch, seen, settings);
      for (const [row, { tokens }] of rows.entries()) {
        for (const [index, token] of tokens.entries()) {
          settings.on_token?.({ row, index, token });
          yield { row, index, token };
        }
      }
    } else {
      const events = sample(decoder, batch, seen, settings);
      for (;;) {
        const { done, value } = await events.next();
        if (done) {
          rows = value;
          break;
        }
        settings.on_token?.(value);
        yield value;
      }
    }
  } finally {
    decoder.dispose();
  }
  const { decode } = settings;
  return { rows: rows.map((row) => (decode && row.text === undefined ? { ...row, text: decode(row.tokens) } : row)) };
}

/**
 * New tokens at most: what was asked for, or of the default as many as there are positions for. The last one is not fed back
 * and needs none. @throws RuntimeError R0306
 */
function newTokens(decoder: Decoder, batch: PromptBatch, most: number, { max_new_tokens }: GenerateOptions): number {
  const prompt = batch.mask[0]!.length;
  const positions = decoder.positions(prompt + most - 1);
  const room = positions - prompt + 1;
  const wanted = max_new_tokens === undefined ? 1 : most;
  if (room < wanted) throw runtimeError('too_many_positions', { prompt, wanted, positions });
  return Math.min(most, room);
}

/** Each prompt's embeddings, [T_i, d]. All ids run as one row, so that lengths do not matter. */
async function embedRows(runner: Runner, rows: readonly (readonly number[])[]): Promise<HostTensor[]> {
  rows.forEach((ids, row) => {
    if (ids.length === 0) throw runtimeError('prompt_form', { row, reason: 'is empty' });
  });
  if (rows.length === 0) return [];
  const { shape, data } = await embedTokens(runner, [rows.flat()]);
  const width = shape.at(-1)!;
  let at = 0;
  return rows.map((ids) => {
    const tensor: HostTensor = {
      dtype: 'f32',
      shape: [ids.length, width],
      data: data.subarray(at, at + ids.length * width) as Float32Array,
    };
    at += sizeOf(tensor.shape);
    return tensor;
  });
}
