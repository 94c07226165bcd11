/** What scripts/generate/codecs.ts packed: base64 of a deflated WebAssembly module. */
import { inflateSync } from 'fflate';

export function unpack(text: string): Uint8Array {
  return inflateSync(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
}
