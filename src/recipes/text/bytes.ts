/** A tokenizer without a file: the bytes of UTF-8, ids 0 to 255. */
import { runtimeError } from '../../runtime/errors.ts';
import type { TextCodec } from '../../runtime/tokenizer/tokenizer.ts';

const VOCABULARY = 256;

export const BYTE_TOKENIZER: TextCodec = {
  encode: (text) => Array.from(new TextEncoder().encode(text)),
  /** Bytes that are not UTF-8 become U+FFFD. @throws RuntimeError R0502 for an id past 255 */
  decode(ids) {
    const outside = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= VOCABULARY);
    if (outside !== undefined) throw runtimeError('unknown_token_id', { id: outside, size: VOCABULARY });
    return new TextDecoder().decode(Uint8Array.from(ids));
  },
};
