/**
 * SentencePiece's normalisation as its trainer compiled it (T5, XLM-R): a map from texts of a few characters to their
 * normal form, in a double-array trie (Yata's darts-clone), base64.
 *
 *     u32 size of the trie in bytes | the trie, u32 each | normal forms, each ended by a 0 byte
 */
import { type Fields, refuse } from './fields.ts';

/** Longer clusters (in UTF-8 bytes) are looked up character by character, as `tokenizers` does. */
const MAX_CLUSTER_BYTES = 5;

/** @throws RuntimeError R0505 when the map is cut short */
export function readPrecompiled(fields: Fields): (text: string) => string {
  const encoded = fields.text('precompiled_charsmap');
  if (encoded === '') return (text) => text;
  const wrong = (): never =>
    refuse(fields.at('precompiled_charsmap'), encoded, 'a map that SentencePiece compiled, in base64');
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  } catch {
    return wrong();
  }
  const view = new DataView(bytes.buffer);
  const size = bytes.length < 4 ? Number.POSITIVE_INFINITY : view.getUint32(0, true);
  if (size % 4 !== 0 || size === 0 || 4 + size > bytes.length) return wrong();
  const trie = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const forms = bytes.subarray(4 + size);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const encoder = new TextEncoder();
  const known = new Map<string, string | undefined>();

  /** The normal form of the shortest beginning that has one; it stands for all of the text, as in `tokenizers`. */
  const formOf = (text: string): string | undefined => {
    if (known.has(text)) return known.get(text);
    const at = shortestPrefix(trie, encoder.encode(text));
    const end = at === undefined ? -1 : forms.indexOf(0, at);
    const form = at === undefined ? undefined : decoder.decode(forms.subarray(at, end < 0 ? forms.length : end));
    if (known.size < 10_000) known.set(text, form);
    return form;
  };
  const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' });
  return (text) => {
    let result = '';
    for (const { segment } of clusters.segment(text)) {
      const whole = encoder.encode(segment).length <= MAX_CLUSTER_BYTES ? formOf(segment) : undefined;
      if (whole !== undefined) result += whole;
      else for (const character of segment) result += formOf(character) ?? character;
    }
    return result;
  };
}

/** Where the normal form begins. A unit of the trie: label in the low byte, bit 8 "has a leaf", offset from bit 10. */
function shortestPrefix(trie: Uint32Array, key: Uint8Array): number | undefined {
  const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);
  let at = offsetOf(trie[0]!);
  for (const byte of key) {
    if (byte === 0) return undefined;
    at ^= byte;
    const unit = trie[at] ?? 0x8000_0000;
    if ((unit & 0x8000_00ff) >>> 0 !== byte) return undefined;
    at ^= offsetOf(unit);
    if (unit & 0x100) return (trie[at] ?? 0) & 0x7fff_ffff;
  }
  return undefined;
}
