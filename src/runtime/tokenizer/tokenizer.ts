/**
 * Text to token ids and back, from a `tokenizer.json` (Phi-2's is a byte-level BPE). A thin wrap of
 * @huggingface/tokenizers: nothing is added to a text, and no spaces are "cleaned up" behind the user's back.
 */
import { Tokenizer as HfTokenizer } from '@huggingface/tokenizers';
import { reasonOf, runtimeError } from '../errors.ts';

/** What prompts and generation need of a tokenizer. */
export interface TextCodec {
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
}

export class Tokenizer implements TextCodec {
  private readonly inner: HfTokenizer;
  /** one more than the largest id */
  readonly vocabSize: number;

  private constructor(inner: HfTokenizer) {
    this.inner = inner;
    let largest = -1;
    for (const id of inner.get_vocab(true).values()) largest = Math.max(largest, id);
    this.vocabSize = largest + 1;
  }

  /**
   * @param json the text of a tokenizer.json, or the object in it
   * @throws RuntimeError R0501 when it is not one
   */
  static from(json: string | object): Tokenizer {
    try {
      const value: unknown = typeof json === 'string' ? JSON.parse(json) : json;
      if (typeof (value as { model?: unknown } | null)?.model !== 'object') throw new Error('it has no model');
      return new Tokenizer(new HfTokenizer(value as object, { clean_up_tokenization_spaces: false }));
    } catch (error) {
      throw runtimeError('R0501', { reason: reasonOf(error) }, error);
    }
  }

  /** Special tokens written out in the text (`<|endoftext|>`) become their ids; none are added. */
  encode(text: string): number[] {
    return text === '' ? [] : this.inner.encode(text, { add_special_tokens: false }).ids;
  }

  /**
   * Special tokens are left out unless asked for. Bytes that are not UTF-8 (half a character) become U+FFFD.
   * @throws RuntimeError R0502 for an id that is not in the vocabulary
   */
  decode(ids: readonly number[], { special = false }: { readonly special?: boolean } = {}): string {
    for (const id of ids) {
      if (this.inner.id_to_token(id) === undefined) throw runtimeError('R0502', { id, size: this.vocabSize });
    }
    if (ids.length === 0) return '';
    return this.inner.decode([...ids], { skip_special_tokens: !special, clean_up_tokenization_spaces: false });
  }

  /** The id of a token, written as in the vocabulary (`Ġthe`, `<|endoftext|>`). */
  idOf(token: string): number | undefined {
    return this.inner.token_to_id(token);
  }
}
