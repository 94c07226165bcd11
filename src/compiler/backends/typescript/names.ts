/**
 * Identifiers of generated code from names of a model. Names come from .mdl files, which anyone may have written: what
 * is no identifier never becomes code, and two names never become one.
 */
import { escapeText } from '../../diagnostics/text.ts';

/** Everything that code may be called. Property names that mean something to JavaScript itself are never used. */
const IDENTIFIER = /^[A-Za-z][A-Za-z0-9]*$/;
/** `await` calls `then`; the others are on every object. */
const PROPERTIES: readonly string[] = ['then', ...Object.getOwnPropertyNames(Object.prototype)];

export class Names {
  private readonly taken: Set<string>;

  /** @param reserved what is used already where the names will stand */
  constructor(reserved: Iterable<string>) {
    this.taken = new Set([...reserved, ...PROPERTIES]);
  }

  /** The wish, or with `_2`, `_3` … where that is taken; `fallback` for what is no identifier. */
  take(wish: string, fallback: string): string {
    const base = IDENTIFIER.test(wish) ? wish : fallback;
    let name = base;
    for (let count = 2; this.taken.has(name); count++) name = `${base}_${count}`;
    this.taken.add(name);
    return name;
  }
}

/** `encode_image` → `encodeImage` */
export function camelCase(name: string): string {
  const [first = '', ...rest] = name.split(/[^A-Za-z0-9]+/).filter((part) => part !== '');
  return first.charAt(0).toLowerCase() + first.slice(1) + rest.map(capitalised).join('');
}

/** `encode_image` → `EncodeImage`; `TinyGPTV` stays */
export function pascalCase(name: string): string {
  return name
    .split(/[^A-Za-z0-9]+/)
    .map(capitalised)
    .join('');
}

const capitalised = (part: string): string => part.charAt(0).toUpperCase() + part.slice(1);

/** A property's name as it stands in code: quoted, unless it is a plain identifier. */
export function propertyName(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && name !== '__proto__' ? name : JSON.stringify(name);
}

/** Text that stays inside its comment, on its line. */
export function commentText(text: string): string {
  return escapeText(text).replaceAll('*/', '*\\/');
}

/** The base name of the module's files, from that of the .mdl file. */
export function moduleName(source: string): string {
  const name = (source.split(/[/\\]/).at(-1) ?? '').replace(/\.mdl$/, '').replace(/[^\w-]+/g, '-');
  return /^[A-Za-z0-9]/.test(name) && name.toLowerCase() !== 'plan' ? name : `model-${name}`;
}
