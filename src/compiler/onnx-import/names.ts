/** Names of an ONNX file as names of MDL: nothing of a file reaches the program but letters, digits, and strings in quotes. */
import { RESERVED_WORDS } from '../../../grammar/tokens.ts';

/** Longer names are cut. */
const LONGEST = 64;

/** Letters, digits and underscores of a text; `fallback` where nothing is left. */
export function identifier(text: string, fallback: string): string {
  const kept = text
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9_]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, LONGEST);
  if (kept === '') return fallback;
  return /^[0-9]/.test(kept) ? `${fallback}_${kept}` : kept;
}

/** `hidden_states` as `HiddenStates`: a name of a module or of a dimension. */
export function capitalised(text: string, fallback: string): string {
  const words = identifier(text, '')
    .split('_')
    .filter((word) => word !== '');
  const name = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  return /^[A-Z]/.test(name) ? name : `${fallback}${name}`;
}

/** A string of MDL. Control characters, which keys have no use for, become spaces. */
export function quoted(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is meant
  return `"${text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}

/** Names that are given once each. */
export class Names {
  private readonly taken: Set<string>;

  constructor(taken: Iterable<string> = []) {
    this.taken = new Set([...RESERVED_WORDS, ...taken]);
  }

  /** The name, or with the first free number behind it. */
  claim(name: string): string {
    let free = name;
    for (let n = 2; this.taken.has(free); n++) free = `${name}_${n}`;
    this.taken.add(free);
    return free;
  }

  has(name: string): boolean {
    return this.taken.has(name);
  }
}
