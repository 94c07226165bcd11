/**
 * Token ids to text as they come. A character that takes several tokens is given when it is whole; what was given is
 * never taken back, so all pieces and `end()` together are the text that decoding all ids at once gives.
 *
 *     const decoder = new StreamDecoder(tokenizer);
 *     for await (const { token } of events) process.stdout.write(decoder.push(token));
 *     process.stdout.write(decoder.end());
 *
 * One exception: bytes of a model with byte_fallback that are no UTF-8, behind whole characters in the same run of bytes.
 * Decoding at once makes U+FFFD of the whole run; here the characters have been given by then.
 */
import { idList, type TokenIds } from './ids.ts';
import type { TextCodec } from './tokenizer.ts';

/** So many ids are decoded at a time before the oldest are left out. */
const WINDOW = 64;
/** What is kept of them: a decoder may treat the first token, or a repeated one, in its own way. */
const CONTEXT = 8;

export class StreamDecoder {
  private readonly codec: Pick<TextCodec, 'decode'>;
  private window: number[] = [];
  /** how much of the window's text has been given */
  private given = 0;

  constructor(codec: Pick<TextCodec, 'decode'>) {
    this.codec = codec;
  }

  /** The text that the next ids make certain; '' inside a character. */
  push(ids: number | bigint | TokenIds): string {
    this.window = this.window.concat(idList(typeof ids === 'object' ? ids : [ids], 'push'));
    const text = this.codec.decode(this.window);
    // U+FFFD at the end may be a character of which bytes are missing
    const whole = text.replace(/\ufffd+$/, '');
    const piece = whole.slice(this.given);
    this.given = Math.max(this.given, whole.length);
    if (whole.length === text.length && this.window.length >= WINDOW) this.shorten();
    return piece;
  }

  /** What is left at the end of the text: half a character as U+FFFD. */
  end(): string {
    const rest = this.codec.decode(this.window).slice(this.given);
    this.window = [];
    this.given = 0;
    return rest;
  }

  /** Leaves out the oldest ids, up to one that is text by itself: a special token is none, nor is half a character. */
  private shorten(): void {
    for (let start = this.window.length - CONTEXT; start > 0; start--) {
      const first = this.codec.decode([this.window[start]!]);
      if (first.trim() === '' || first.includes('\ufffd')) continue;
      this.window = this.window.slice(start);
      this.given = this.codec.decode(this.window).length;
      return;
    }
  }
}
