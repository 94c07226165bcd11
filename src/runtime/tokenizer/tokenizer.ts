/**
 * Text to token ids and back, from a `tokenizer.json` as Hugging Face's `tokenizers` writes it. The ids are those of that
 * library; what of it is not read is refused when the file is loaded (see fields.ts).
 */

import { checkArgument, checkOptions } from '../arguments.ts';
import { RuntimeError, reasonOf, runtimeError } from '../errors.ts';
import { isObject } from './fields.ts';
import { idList, type TokenIds } from './ids.ts';
import { Pipeline } from './pipeline.ts';

export interface EncodeOptions {
  /** Puts the special tokens around the text that the file's post-processor asks for (`[CLS]` … `[SEP]`, `<s>`); on by default. */
  readonly add_special_tokens?: boolean;
  /** Reads special tokens that are written out in the text as ordinary text: for text of users. Off by default. */
  readonly split_special_tokens?: boolean;
  /** Applies the file's own truncation and padding; on by default. */
  readonly apply_limits?: boolean;
}

/** What prompts and generation need of a tokenizer. */
export interface TextCodec {
  encode(text: string, options?: EncodeOptions): number[];
  decode(ids: readonly number[]): string;
}

/** How a text that is part of a sequence is encoded: nothing around it, nothing cut off. */
export const PART: EncodeOptions = { add_special_tokens: false, apply_limits: false };

const ENCODE_OPTIONS = ['add_special_tokens', 'split_special_tokens', 'apply_limits'];
const DECODE_OPTIONS = ['special'];

/** @throws RuntimeError R0510 for unknown options, R0301 for values that are neither true nor false, R0512 for no object */
function checkSwitches(call: string, options: object, known: readonly string[]): void {
  checkOptions(call, options, known);
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && typeof value !== 'boolean')
      throw runtimeError('generation_option', { option: name, value, expected: 'true or false' });
}

export class Tokenizer implements TextCodec {
  private readonly pipeline: Pipeline;
  private readonly specials: ReadonlySet<string>;
  private readonly addedText: ReadonlyMap<number, string>;
  private readonly addedId: ReadonlyMap<string, number>;
  /** one more than the largest id */
  readonly vocabSize: number;

  private constructor(pipeline: Pipeline) {
    this.pipeline = pipeline;
    const { added, model } = pipeline;
    this.specials = new Set(added.filter(({ special }) => special).map(({ content }) => content));
    this.addedText = new Map(added.map(({ id, text }) => [id, text]));
    this.addedId = new Map(added.map(({ id, content }) => [content, id]));
    let largest = -1;
    for (const id of model.tokenOf.keys()) largest = Math.max(largest, id);
    for (const { id } of added) largest = Math.max(largest, id);
    this.vocabSize = largest + 1;
  }

  /**
   * @param json the text of a tokenizer.json, or the object in it
   * @throws RuntimeError R0501 when it is not one, R0504–R0507 and R0509 for what in it is not read
   */
  static from(json: string | object): Tokenizer {
    try {
      const value: unknown = typeof json === 'string' ? JSON.parse(json) : json;
      if (!isObject(value) || !isObject(value.model)) throw new Error('it has no model');
      return new Tokenizer(new Pipeline(value));
    } catch (error) {
      if (error instanceof RuntimeError) throw error;
      throw runtimeError('tokenizer_not_read', { reason: reasonOf(error) }, error);
    }
  }

  /**
   * Special tokens written out in the text (`<|endoftext|>`) become their ids, unless they are split.
   * @throws RuntimeError R0508 for a text that the vocabulary cannot write, R0510 for unknown options, R0512 for what is no text
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    checkArgument('encode', 'text', text, typeof text === 'string', 'a string');
    checkSwitches('encode', options, ENCODE_OPTIONS);
    const { add_special_tokens = true, split_special_tokens = false, apply_limits = true } = options;
    return this.pipeline.encode(text, {
      special: add_special_tokens,
      split: split_special_tokens,
      limits: apply_limits,
    });
  }

  /**
   * Special tokens are left out unless asked for. Bytes that are not UTF-8 (half a character) become U+FFFD.
   * @throws RuntimeError R0502 for an id that is not in the vocabulary, R0510 for unknown options, R0511 and R0512 for what are no ids
   */
  decode(ids: TokenIds, options: { readonly special?: boolean } = {}): string {
    checkSwitches('decode', options, DECODE_OPTIONS);
    const { special = false } = options;
    const tokens = idList(ids, 'decode').map((id) => {
      const token = this.addedText.get(id) ?? this.pipeline.model.tokenOf.get(id);
      if (token === undefined) throw runtimeError('unknown_token_id', { id, size: this.vocabSize });
      return token;
    });
    return this.pipeline.decode(special ? tokens : tokens.filter((token) => !this.specials.has(token)));
  }

  /** The id of a token, written as in the vocabulary (`Ġthe`, `<|endoftext|>`). */
  idOf(token: string): number | undefined {
    return this.addedId.get(token) ?? this.pipeline.model.idOf.get(token);
  }
}
