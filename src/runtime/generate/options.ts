/** The options of generate(), named and meant as in HF transformers, with their defaults and checks. */
import { runtimeError } from '../errors.ts';

/** One generated token of one row, as it is decided. */
export interface TokenEvent {
  readonly row: number;
  /** 0 is the first new token */
  readonly index: number;
  readonly token: number;
}

export interface GenerateOptions {
  readonly max_new_tokens?: number;
  /** Stop tokens are impossible, and stop sequences without effect, before this many tokens. */
  readonly min_new_tokens?: number;
  /** Draw from the distribution instead of taking the most likely token. */
  readonly do_sample?: boolean;
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
  readonly stop_tokens?: readonly number[];
  /** Token sequences that end a row; they are cut from the result. */
  readonly stop_sequences?: readonly (readonly number[])[];
  /** Texts that end a row, however they were tokenised; need `decode`, and not beam search. */
  readonly stop_text?: readonly string[];
  /** Turns tokens into text: for `stop_text` and for the result's `text`. */
  readonly decode?: (tokens: readonly number[]) => string;
  /** What finished rows of a batch are fed; the first stop token, else 0. */
  readonly pad_token?: number;
  readonly seed?: number;
  /** Called for each token as soon as it cannot be part of a stop sequence any more; with beam search at the end. */
  readonly on_token?: (event: TokenEvent) => void;
  readonly signal?: AbortSignal;
}

type Optional = 'decode' | 'on_token' | 'signal';
export type Settings = Required<Omit<GenerateOptions, Optional>> & Pick<GenerateOptions, Optional>;

/** Fills in defaults. @throws RuntimeError R0301 for the first option that is out of range or without effect */
export function resolveOptions(options: GenerateOptions): Settings {
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
    stop_tokens: [],
    stop_sequences: [],
    stop_text: [],
    pad_token: options.stop_tokens?.[0] ?? 0,
    seed: 0,
    ...options,
  };
  const need = (option: keyof Settings, holds: boolean, expected: string): void => {
    if (!holds) throw runtimeError('R0301', { option, value: settings[option], expected });
  };
  const isCount = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least;
  need('max_new_tokens', isCount(settings.max_new_tokens, 1), 'an integer of at least 1');
  need('min_new_tokens', isCount(settings.min_new_tokens, 0), 'an integer of at least 0');
  need(
    'min_new_tokens',
    settings.min_new_tokens <= settings.max_new_tokens,
    `at most max_new_tokens, ${settings.max_new_tokens}`,
  );
  need('temperature', settings.temperature > 0 && Number.isFinite(settings.temperature), 'above 0');
  need('top_k', isCount(settings.top_k, 0), 'an integer of at least 0');
  need('top_p', settings.top_p > 0 && settings.top_p <= 1, 'above 0 and at most 1');
  need(
    'repetition_penalty',
    settings.repetition_penalty > 0 && Number.isFinite(settings.repetition_penalty),
    'above 0',
  );
  need('num_beams', isCount(settings.num_beams, 1), 'an integer of at least 1');
  need('length_penalty', Number.isFinite(settings.length_penalty), 'a finite number');
  need('seed', isCount(settings.seed, 0), 'an integer from 0 to 2^53 - 1');
  need('pad_token', isCount(settings.pad_token, 0), 'a token id');
  need(
    'stop_sequences',
    settings.stop_sequences.every((sequence) => sequence.length > 0),
    'lists of at least one token',
  );
  need(
    'stop_text',
    settings.stop_text.every((text) => text !== ''),
    'texts of at least one character',
  );
  need('stop_text', settings.stop_text.length === 0 || settings.decode !== undefined, 'given together with decode');
  if (!settings.do_sample) {
    for (const [option, off] of [
      ['temperature', 1],
      ['top_k', 0],
      ['top_p', 1],
    ] as const) {
      need(option, settings[option] === off, `${off} unless do_sample is true`);
    }
  }
  if (settings.num_beams > 1) {
    need('do_sample', !settings.do_sample, 'false with beam search');
    need('stop_text', settings.stop_text.length === 0, 'empty with beam search, which takes stop_sequences');
  }
  return settings;
}
