/**
 * Every error that the runtime shows to people: its code and its message. The long forms are in explanations.ts, which
 * pages need not load; catalogue.ts joins the two.
 *
 * The only place with messages. `runtimeError('header_not_json', {…})` makes one; the details a code needs are part of its
 * type. A message is one sentence in lower case that says what was found, where, what was expected and how to fix it.
 * Codes are stable: never reuse one.
 *
 * The tables: R01 weights/safetensors-errors.ts, R02 session-errors.ts, R03 to R06 generate/errors.ts, R07 to R09 train/errors.ts,
 * R053 input-errors.ts, R10 webgpu/errors.ts, R112 recipe-errors.ts, R114 data-errors.ts, R118 weights/errors.ts, R119 chat-errors.ts,
 * R1220 to R1223 scale-errors.ts, R1224 and R1240 weights/quantise-errors.ts.
 */
import { CHAT_MESSAGES } from './chat-errors.ts';
import { DATA_MESSAGES } from './data-errors.ts';
import { GENERATION_MESSAGES, PROMPT_MESSAGES } from './generate/errors.ts';
import { type Message, message } from './message.ts';
import { RECIPE_MESSAGES } from './recipe-errors.ts';
import { SCALE_MESSAGES } from './scale-errors.ts';
import { SESSION_MESSAGES } from './session-errors.ts';
import { TRAINING_MESSAGES } from './train/errors.ts';
import { WEBGPU_MESSAGES } from './webgpu/errors.ts';
import { CHECKPOINT_MESSAGES } from './weights/errors.ts';
import { QUANTISE_MESSAGES } from './weights/quantise-errors.ts';
import { SAFETENSORS_MESSAGES } from './weights/safetensors-errors.ts';

type InEntry = { readonly entry: string };
const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'nothing');

export const MESSAGES = {
  ...SAFETENSORS_MESSAGES,
  ...SESSION_MESSAGES,
  ...GENERATION_MESSAGES,
  ...TRAINING_MESSAGES,
  ...WEBGPU_MESSAGES,
  entry_of_other_target: message(
    'R1100',
    ({ entry, target, others }: InEntry & { target: string; others: readonly string[] }) =>
      `the entry ${entry} was compiled for ${list(others)} and not for ${target}: compile it with --target ${target} into the same folder`,
  ),
  ...RECIPE_MESSAGES,
  ...DATA_MESSAGES,
  ...CHECKPOINT_MESSAGES,
  ...CHAT_MESSAGES,
  ...SCALE_MESSAGES,
  ...QUANTISE_MESSAGES,
  ...PROMPT_MESSAGES,
} as const;

export type RuntimeErrorName = keyof typeof MESSAGES;
export type RuntimeErrorCode = (typeof MESSAGES)[RuntimeErrorName]['code'];
type DetailsOf<N extends RuntimeErrorName> = Parameters<(typeof MESSAGES)[N]['text']>[0];

/** An error with a stable code; `message` is for people, `code` for programs and `mdl explain`. */
export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;
  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RuntimeError';
    this.code = code;
  }
}

/** The error of that name. `cause` keeps the error of a library that led to it. */
export function runtimeError<N extends RuntimeErrorName>(
  name: N,
  details: DetailsOf<N>,
  cause?: unknown,
): RuntimeError {
  // a union of records cannot be called with a union of arguments; `details` is checked against the name above
  const { code, text } = MESSAGES[name] as unknown as Message<RuntimeErrorCode, DetailsOf<N>>;
  return new RuntimeError(code, text(details), cause === undefined ? undefined : { cause });
}

/**
 * What went wrong, from anything that was thrown; of the operating system's errors the words only (`no such file or
 * directory`), since the messages name the file themselves.
 */
export function reasonOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return /^E[A-Z0-9]+: ([^\n]+?), [a-z]+( '[^\n]*')?$/.exec(text)?.[1] ?? text;
}
