/** The options of generate(), named and meant as in HF transformers, with their defaults and checks. */

import { nearest } from '../../shared/nearest.ts';
import { checkOptions } from '../arguments.ts';
import { runtimeError } from '../errors.ts';
import { idList, type TokenIds } from '../tokenizer/ids.ts';

/** One generated token of one row, as it is decided. */
export interface TokenEvent {
  readonly row: number;
  /** 0 is the first new token */
  readonly index: number;
  readonly token: number;
}

export interface GenerateOptions {
  readonly max_new_tokens?: number;
  /** Stop tokens are impossible, and stop sequences and texts without effect, before this many tokens. */
  readonly min_new_tokens?: number;
  /** Draw from the distribution instead of taking the most likely token. */
  readonly do_sample?: boolean;
  /** 0: greedy, whatever do_sample says */
  readonly temperature?: number;
  /** 0: off */
  readonly top_k?: number;
  /** 1: off */
  readonly top_p?: number;
  readonly repetition_penalty?: number;
  readonly num_beams?: number;
  /** Exponent of the length that a beam's log-probability is divided by: above 0 favours long sequences. */
  readonly length_penalty?: number;
  /** true: stop at num_beams finished sequences; false: when no running beam looks better; 'never': when none can be. */
  readonly early_stopping?: boolean | 'never';
  readonly stop_tokens?: TokenIds;
  /** Token sequences that end a row; they are cut from the result. */
  readonly stop_sequences?: readonly TokenIds[];
  /** Texts that end a row, however they were tokenised; need `decode`, and not beam search. */
  readonly stop_text?: readonly string[];
  /** Turns tokens into text: for `stop_text` and for the result's `text`. */
  readonly decode?: (tokens: readonly number[]) => string;
  /** What finished rows of a batch are fed; the first stop token, else 0. */
  readonly pad_token?: number;
  /** of sampling */
  readonly seed?: number;
  /** Positions of a prompt that run at once: a longer one runs in parts, which the cache joins, in less memory. 0: all of them. */
  readonly prefill_chunk?: number;
  /** Called for each token as soon as it cannot be part of a stop sequence or text any more; with beam search at the end. */
  readonly on_token?: (event: TokenEvent) => void;
  readonly signal?: AbortSignal;
}

type Optional = 'decode' | 'on_token' | 'signal';
type Lists = 'stop_tokens' | 'stop_sequences';
export type Settings = Required<Omit<GenerateOptions, Optional | Lists>> &
  Pick<GenerateOptions, Optional> & {
    readonly stop_tokens: readonly number[];
    readonly stop_sequences: readonly (readonly number[])[];
  };

/** The longest answer that can be asked for, and the most beams: what more would need is refused before it is allocated. */
const MAX_NEW_TOKENS = 2 ** 20;
const MAX_BEAMS = 1024;

type Check = readonly [holds: (value: unknown) => boolean, expected: string];

const isNumber = (value: unknown, least: number, most = Number.POSITIVE_INFINITY): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most;
const isPositive = (value: unknown): boolean => isNumber(value, 0) && value > 0;
const count = (least: number, most: number): Check => [
  (value) => Number.isSafeInteger(value) && isNumber(value, least, most),
  most === Number.MAX_SAFE_INTEGER ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`,
];
const FLAG: Check = [(value) => typeof value === 'boolean', 'true or false'];
const CALL: Check = [(value) => value === undefined || typeof value === 'function', 'a function'];
const LIST: Check = [
  (value) => typeof value === 'object' && value !== null && 'length' in value,
  'a list of token ids',
];

/** Each option by itself. */
const CHECKS: { readonly [O in keyof Required<GenerateOptions>]: Check } = {
  max_new_tokens: count(1, MAX_NEW_TOKENS),
  min_new_tokens: count(0, Number.MAX_SAFE_INTEGER),
  do_sample: FLAG,
  temperature: [(value) => isNumber(value, 0), 'at least 0'],
  top_k: count(0, Number.MAX_SAFE_INTEGER),
  top_p: [(value) => isPositive(value) && isNumber(value, 0, 1), 'above 0 and at most 1'],
  repetition_penalty: [isPositive, 'above 0'],
  num_beams: count(1, MAX_BEAMS),
  length_penalty: [(value) => isNumber(value, Number.NEGATIVE_INFINITY), 'a finite number'],
  early_stopping: [(value) => typeof value === 'boolean' || value === 'never', "true, false or 'never'"],
  stop_tokens: LIST,
  stop_sequences: [
    (value) => Array.isArray(value) && value.every((sequence) => LIST[0](sequence) && sequence.length > 0),
    'a list of lists of at least one token',
  ],
  stop_text: [
    (value) => Array.isArray(value) && value.every((text) => typeof text === 'string' && text !== ''),
    'a list of texts of at least one character',
  ],
  decode: CALL,
  pad_token: count(0, Number.MAX_SAFE_INTEGER),
  seed: count(0, Number.MAX_SAFE_INTEGER),
  prefill_chunk: count(0, Number.MAX_SAFE_INTEGER),
  on_token: CALL,
  signal: [
    (value) => value === undefined || (typeof value === 'object' && value !== null && 'aborted' in value),
    'an AbortSignal',
  ],
};

export const OPTION_NAMES = Object.keys(CHECKS) as readonly (keyof GenerateOptions)[];

/** Refuses names that are none. @throws RuntimeError R0307 with the nearest name; `maxNewTokens` is near `max_new_tokens` */
export function checkNames(options: object): void {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(CHECKS, name)) continue;
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const near = Object.hasOwn(CHECKS, snake) ? snake : (nearest(snake, OPTION_NAMES) ?? nearest(name, OPTION_NAMES));
    throw runtimeError('unknown_generation_option', { name, near, known: OPTION_NAMES });
  }
}

/** @param vocabulary the ids that the model knows are below it; undefined: not known. @throws RuntimeError R0301 for ids outside of it */
export function checkOptionIds(
  { stop_tokens, stop_sequences, pad_token }: Settings,
  vocabulary: number | undefined,
): void {
  const most = vocabulary ?? Number.POSITIVE_INFINITY;
  const ids = { stop_tokens, stop_sequences: stop_sequences.flat(), pad_token: [pad_token] };
  for (const [option, list] of Object.entries(ids)) {
    const value = list.find((id) => id < 0 || id >= most);
    const expected = `of ids ${vocabulary === undefined ? 'of at least 0' : `from 0 to ${vocabulary - 1}`}`;
    if (value !== undefined) throw runtimeError('generation_option', { option, value, expected });
  }
}

/**
 * Fills in defaults; an option that is undefined has its default.
 * @throws RuntimeError R0301 for the first option that is out of range or without effect, R0307 for an unknown one, R0511, R0512
 */
export function resolveOptions(options: GenerateOptions): Settings {
  checkOptions('generate', options);
  checkNames(options);
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as GenerateOptions;
  const refuse = (option: keyof GenerateOptions, value: unknown, expected: string): never => {
    throw runtimeError('generation_option', { option, value, expected });
  };
  for (const [option, value] of Object.entries(given) as [keyof GenerateOptions, unknown][]) {
    const [holds, expected] = CHECKS[option];
    if (!holds(value)) refuse(option, value, expected);
  }
  const stop_tokens = idList(given.stop_tokens ?? [], 'stop_tokens');
  const settings: Settings = {
    max_new_tokens: 64,
    min_new_tokens: 0,
    do_sample: false,
    temperature: 1,
    top_k: 0,
    top_p: 1,
    repetition_penalty: 1,
    num_beams: 1,
    length_penalty: 1,
    early_stopping: false,
    stop_text: [],
    pad_token: stop_tokens[0] ?? 0,
    seed: 0,
    prefill_chunk: 0,
    ...given,
    stop_tokens,
    stop_sequences: (given.stop_sequences ?? []).map((ids) => idList(ids, 'stop_sequences')),
  };
  const need = (option: keyof GenerateOptions, holds: boolean, expected: string): void => {
    if (!holds) refuse(option, settings[option], expected);
  };
  need(
    'min_new_tokens',
    settings.min_new_tokens <= settings.max_new_tokens,
    `at most max_new_tokens, ${settings.max_new_tokens}`,
  );
  need('stop_text', settings.stop_text.length === 0 || settings.decode !== undefined, 'given together with decode');
  const greedy = settings.temperature === 0 || !settings.do_sample;
  if (greedy) {
    const unless = settings.temperature === 0 ? 'a temperature above 0' : 'do_sample is true';
    if (settings.temperature !== 0) need('temperature', settings.temperature === 1, '1 or 0 unless do_sample is true');
    need('top_k', settings.top_k === 0, `0 unless ${unless}`);
    need('top_p', settings.top_p === 1, `1 unless ${unless}`);
    need('seed', settings.seed === 0, `0 unless ${unless}: only sampling draws numbers`);
  }
  if (settings.num_beams > 1) {
    need('do_sample', greedy, 'false with beam search');
    need('stop_text', settings.stop_text.length === 0, 'empty with beam search, which takes stop_sequences');
  } else {
    need('length_penalty', settings.length_penalty === 1, '1 unless num_beams is above 1');
    need('early_stopping', settings.early_stopping === false, 'false unless num_beams is above 1');
  }
  return greedy ? { ...settings, do_sample: false } : settings;
}
