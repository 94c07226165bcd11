/** A tokenizer without a file: the bytes of UTF-8, ids 0 to 255. */
import { runtimeError } from '../../runtime/errors.ts';
import type { TextCodec } from '../../runtime/tokenizer/tokenizer.ts';
import type { SettingValues } from '../../shared/recipe.ts';
import { BYTES } from '../settings.ts';

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

/** The tokenizer of models whose settings name this one; undefined where theirs is a file. */
export const byteTokenizer = ({ tokenizer }: SettingValues): TextCodec | undefined =>
  tokenizer === BYTES ? BYTE_TOKENIZER : undefined;
