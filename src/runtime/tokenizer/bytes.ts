/**
 * The byte alphabet of GPT-2: each byte is written as one printable character, so that a vocabulary is text.
 *
 * Printable bytes are themselves; the other 68 become U+0100, U+0101, … in order (a space is `Ġ`).
 */

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/** Character of each byte. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
})();

/** Byte of each character. */
export const CHARACTER_BYTES: ReadonlyMap<string, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character, byte]),
);

/** The 256 characters by code point: the order of GPT-2's vocabulary, and of ours. */
export const ALPHABET: readonly string[] = [...BYTE_CHARACTERS].sort();

/** A text's UTF-8 bytes in these characters. */
export function byteCharacters(text: string): string[] {
  return Array.from(new TextEncoder().encode(text), (byte) => BYTE_CHARACTERS[byte]!);
}

/**
 * How GPT-2 cuts a text into words before any merging: contractions, letters, digits, the rest, each with one space
 * before it; white space by itself.
 */
export const WORD_PATTERN = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
