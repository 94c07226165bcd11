/**
 * Reads the parts of a tokenizer.json by closed lists: what a part has beside the fields that are read, and a value that
 * is none of those known, is refused by name. Nothing in the file is ignored, because what is ignored changes ids.
 */

import { nearest } from '../../shared/nearest.ts';
import { runtimeError } from '../errors.ts';
import { Pattern } from './pattern/pattern.ts';
import { PatternError } from './pattern/pattern-error.ts';

/** Larger ids are refused: the largest vocabularies have a few hundred thousand entries. */
export const MAX_IDS = 2 ** 24;
/** Components in one another (`Sequence`). */
const MAX_DEPTH = 20;

type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @throws RuntimeError R0505 */
export function refuse(path: string, value: unknown, expected: string): never {
  const text = value === undefined ? 'missing' : JSON.stringify(value);
  throw runtimeError('tokenizer_value', { path, value: text.length > 60 ? `${text.slice(0, 60)}…` : text, expected });
}

/** One object of the file. */
export class Fields {
  readonly path: string;
  private readonly json: Json;
  private readonly depth: number;

  /** @throws RuntimeError R0505 when it is no object, or has fields that are not in `known` */
  constructor(path: string, json: unknown, known: readonly string[], depth = 0) {
    if (!isObject(json)) refuse(path, json, 'an object');
    if (depth > MAX_DEPTH) refuse(path, json, `at most ${MAX_DEPTH} levels deep`);
    this.path = path;
    this.json = json;
    this.depth = depth;
    for (const name of Object.keys(json)) {
      if (!known.includes(name))
        throw runtimeError('tokenizer_field', { path, name, near: nearest(name, known), known });
    }
  }

  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  /** The value, with null as undefined. */
  value(name: string): unknown {
    return Object.hasOwn(this.json, name) ? (this.json[name] ?? undefined) : undefined;
  }

  text(name: string, otherwise?: string): string {
    const value = this.value(name) ?? otherwise;
    return typeof value === 'string' ? value : refuse(this.at(name), value, 'a text');
  }

  optionalText(name: string): string | undefined {
    return this.value(name) === undefined ? undefined : this.text(name);
  }

  /** One character. */
  character(name: string): string {
    const value = this.text(name);
    return [...value].length === 1 ? value : refuse(this.at(name), value, 'one character');
  }

  flag(name: string, otherwise?: boolean): boolean {
    const value = this.value(name) ?? otherwise;
    return typeof value === 'boolean' ? value : refuse(this.at(name), value, 'true or false');
  }

  count(name: string, otherwise?: number): number {
    const value = this.value(name) ?? otherwise;
    const isCount = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    return isCount ? value : refuse(this.at(name), value, 'an integer of at least 0');
  }

  id(name: string): number {
    return idOf(this.at(name), this.value(name));
  }

  choice<N extends string>(name: string, names: readonly N[], otherwise?: N): N {
    const value = this.value(name) ?? otherwise;
    return names.find((known) => known === value) ?? refuse(this.at(name), value, `one of ${names.join(', ')}`);
  }

  list(name: string): readonly unknown[] {
    const value = this.value(name);
    return Array.isArray(value) ? value : refuse(this.at(name), value, 'a list');
  }

  /** The components of a `Sequence`. */
  components<T>(name: string, read: Reader<T>): T[] {
    return this.list(name).map((json, i) => read(`${this.at(name)}[${i}]`, json, this.depth + 1));
  }

  /** `{ "String": … }` as it stands, or `{ "Regex": … }`. @throws RuntimeError R0507 for a regular expression that is not read */
  pattern(name: string): string | Pattern {
    const fields = new Fields(this.at(name), this.value(name), ['String', 'Regex']);
    const [plain, regex] = [fields.optionalText('String'), fields.optionalText('Regex')];
    if (plain !== undefined && plain !== '' && regex === undefined) return plain;
    if (regex === undefined || plain !== undefined)
      refuse(this.at(name), this.value(name), 'a String that is not empty, or a Regex');
    try {
      return new Pattern(regex);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw runtimeError('tokenizer_pattern', { path: this.at(name), pattern: regex, reason: error.message }, error);
    }
  }
}

/** Reads a component at a path of the file. */
export type Reader<T> = (path: string, json: unknown, depth: number) => T;

/** How each type of a component is read: its fields beside `type`, and what they make. */
export type Kinds<T> = Readonly<
  Record<string, readonly [fields: readonly string[], make: (fields: Fields, depth: number) => T]>
>;

/** A component by its `type`. @throws RuntimeError R0504 for a type that is not in the list */
export function readKind<T>(kinds: Kinds<T>, path: string, json: unknown, depth: number): T {
  const type = isObject(json) ? json.type : refuse(path, json, 'an object');
  if (typeof type !== 'string' || !Object.hasOwn(kinds, type))
    throw runtimeError('tokenizer_type', { path, type: JSON.stringify(type) ?? 'missing', known: Object.keys(kinds) });
  const [known, make] = kinds[type]!;
  return make(new Fields(path, json, ['type', ...known], depth), depth);
}

export function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < MAX_IDS;
}

/** @throws RuntimeError R0505 for what is no id */
export function idOf(path: string, value: unknown): number {
  return isId(value) ? value : refuse(path, value, `an integer from 0 to ${MAX_IDS - 1}`);
}
