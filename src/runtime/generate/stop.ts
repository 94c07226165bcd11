/** When a row is finished: a stop token, a stop sequence of tokens, a stop text. */
import type { Settings } from './options.ts';

export type FinishReason = 'stop_token' | 'stop_sequence' | 'length';

export interface Stop {
  readonly finish: FinishReason;
  /** how many of the tokens are kept; what ended the row is cut off */
  readonly keep: number;
  /** with `decode`, when a stop text ended the row: the text before it */
  readonly text?: string;
}

export function endsWith(tokens: readonly number[], sequence: readonly number[]): boolean {
  const start = tokens.length - sequence.length;
  return start >= 0 && sequence.every((token, i) => tokens[start + i] === token);
}

/** How a row ends with its last token, if it does. */
export function findStop(tokens: readonly number[], settings: Settings): Stop | undefined {
  if (tokens.length >= settings.min_new_tokens) {
    for (const sequence of settings.stop_sequences) {
      if (endsWith(tokens, sequence)) return { finish: 'stop_sequence', keep: tokens.length - sequence.length };
    }
    const stop = findText(tokens, settings);
    if (stop) return stop;
  }
  if (settings.stop_tokens.includes(tokens.at(-1)!)) return { finish: 'stop_token', keep: tokens.length - 1 };
  return tokens.length >= settings.max_new_tokens ? { finish: 'length', keep: tokens.length } : undefined;
}

function findText(tokens: readonly number[], { stop_text, decode, min_new_tokens }: Settings): Stop | undefined {
  if (stop_text.length === 0 || !decode) return undefined;
  const text = decode(tokens);
  // what ended before min_new_tokens has no effect
  const least = min_new_tokens > 1 ? decode(tokens.slice(0, min_new_tokens - 1)).length : 0;
  const places = stop_text
    .map((stop) => text.indexOf(stop, Math.max(0, least - stop.length + 1)))
    .filter((at) => at >= 0);
  if (places.length === 0) return undefined;
  const end = Math.min(...places);
  let keep = tokens.length;
  while (keep > 0 && decode(tokens.slice(0, keep)).length > end) keep--;
  return { finish: 'stop_sequence', keep, text: text.slice(0, end) };
}

/** How many tokens from the beginning can no longer turn out to belong to a stop sequence or a stop text. */
export function certainTokens(tokens: readonly number[], from: number, settings: Settings): number {
  const { stop_text, stop_sequences, decode } = settings;
  const certain = tokens.length - undecidedTail(tokens, stop_sequences);
  if (stop_text.length === 0 || !decode) return certain;
  const length = decidedLength(decode(tokens), stop_text);
  let count = from;
  while (count < certain && decode(tokens.slice(0, count + 1)).length <= length) count++;
  return count;
}

/** How much of a text stays: not what could begin a stop text, nor half a character, which could be anything. */
export function decidedLength(text: string, stops: readonly string[]): number {
  const whole = text.replace(/\ufffd+$/, '');
  const longest = Math.max(...stops.map((stop) => stop.length));
  for (let length = Math.min(longest - 1, whole.length); length > 0; length--) {
    const tail = whole.slice(whole.length - length);
    if (stops.some((stop) => stop.length > length && stop.startsWith(tail))) return whole.length - length;
  }
  return whole.length;
}

/** How many tokens at the end could still turn out to begin a stop sequence: they are not announced yet. */
export function undecidedTail(tokens: readonly number[], sequences: readonly (readonly number[])[]): number {
  let longest = 0;
  for (const sequence of sequences) {
    for (let length = Math.min(sequence.length - 1, tokens.length); length > longest; length--) {
      if (endsWith(tokens, sequence.slice(0, length))) longest = length;
    }
  }
  return longest;
}
