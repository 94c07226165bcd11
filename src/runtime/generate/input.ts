/** The prompts of generate(), and what is said where they are given under another name. */
import { nearest } from '../../shared/nearest.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { checkArgument } from '../arguments.ts';
import { runtimeError } from '../errors.ts';
import type { TokenIds } from '../tokenizer/ids.ts';

/**
 * Prompts, one per row of the batch, of any lengths: token ids, or embeddings f32 [T_i, d] where images are spliced
 * in (see prompt.ts). The repetition penalty counts a prompt's tokens only if they are given as ids, as in HF.
 */
export type GenerateInput = { readonly input_ids: readonly TokenIds[] } | { readonly embeds: readonly HostTensor[] };

const NAMES = ['input_ids', 'embeds'];

/** @throws RuntimeError R0512 for what is no object of lists, R1280 for names that are none and for neither of the two */
export function checkInput(call: string, input: unknown): asserts input is GenerateInput {
  const expected = 'an object with input_ids or embeds';
  checkArgument(call, 'its prompts', input, typeof input === 'object' && input !== null, expected);
  const given = Object.entries(input as Record<string, unknown>).filter(([, value]) => value !== undefined);
  for (const [name, rows] of given) {
    if (!NAMES.includes(name)) throw runtimeError('unknown_prompt', { call, name, near: nearest(name, NAMES) });
    checkArgument(call, name, rows, Array.isArray(rows), 'a list with one row per prompt');
  }
  if (given.length === 0) throw runtimeError('unknown_prompt', { call, name: undefined, near: undefined });
}
