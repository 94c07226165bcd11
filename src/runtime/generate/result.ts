/** What generation gives back, and how it is broken off. */
import { reasonOf, runtimeError } from '../errors.ts';
import type { Settings } from './options.ts';
import type { FinishReason } from './stop.ts';

export interface GeneratedRow {
  /** The new tokens, without the stop token or sequence. */
  readonly tokens: readonly number[];
  readonly finish: FinishReason;
  /** Sum of the tokens' log-probabilities; with beam search divided by length^length_penalty. */
  readonly score: number;
  /** with `decode`: the tokens as text, cut before a stop text */
  readonly text?: string;
}

/** @throws RuntimeError R0304 */
export function throwIfAborted({ signal }: Settings, tokens: number): void {
  if (signal?.aborted)
    throw runtimeError('generation_stopped', { tokens, reason: reasonOf(signal.reason) }, signal.reason);
}
