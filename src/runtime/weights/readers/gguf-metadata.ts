/** The pairs in the header of a GGUF file, as text: lists are not kept, a vocabulary has a hundred thousand. */
import { runtimeError } from '../../errors.ts';
import type { Cursor } from './cursor.ts';

/** Lists in lists. */
const DEEPEST = 4;
/** Characters of a text that are kept. */
const LONGEST = 1000;

interface Kind {
  readonly name: string;
  readonly read: (cursor: Cursor) => string;
}

const STRING = 8;
const ARRAY = 9;

/** By gguf_metadata_value_type. */
const KINDS: ReadonlyMap<number, Kind> = new Map([
  [0, { name: 'u8', read: (c: Cursor) => String(c.u8()) }],
  [1, { name: 'i8', read: (c: Cursor) => String(c.i8()) }],
  [2, { name: 'u16', read: (c: Cursor) => String(c.u16()) }],
  [3, { name: 'i16', read: (c: Cursor) => String(c.i16()) }],
  [4, { name: 'u32', read: (c: Cursor) => String(c.u32()) }],
  [5, { name: 'i32', read: (c: Cursor) => String(c.i32()) }],
  [6, { name: 'f32', read: (c: Cursor) => String(c.f32()) }],
  [7, { name: 'bool', read: (c: Cursor) => String(c.u8() !== 0) }],
  [STRING, { name: 'text', read: (c: Cursor) => c.text(c.size()).slice(0, LONGEST) }],
  [10, { name: 'u64', read: (c: Cursor) => String(c.u64()) }],
  [11, { name: 'i64', read: (c: Cursor) => String(c.i64()) }],
  [12, { name: 'f64', read: (c: Cursor) => String(c.f64()) }],
]);
const BYTES: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

/** @throws RuntimeError R0104; RangeError, TypeError and OutOfBytes for what is malformed */
export function readPairs(cursor: Cursor, count: number, file: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const key = cursor.text(cursor.size());
    if (pairs.has(key)) throw runtimeError('header_key_twice', { file, key });
    pairs.set(key, readValue(cursor, key));
  }
  return pairs;
}

function readValue(cursor: Cursor, key: string): string {
  const type = cursor.u32();
  if (type === ARRAY) return skipArray(cursor, key, 0);
  return kindOf(type, key).read(cursor);
}

/** Passes a list; what is said of it is how many of what there are. */
function skipArray(cursor: Cursor, key: string, depth: number): string {
  const type = cursor.u32();
  const count = cursor.size();
  if (depth > DEEPEST) throw new RangeError(`${key} nests more than ${DEEPEST} lists`);
  if (type === ARRAY) {
    for (let i = 0; i < count; i++) skipArray(cursor, key, depth + 1);
    return `[${count} × list]`;
  }
  const { name } = kindOf(type, key);
  if (type === STRING) for (let i = 0; i < count; i++) cursor.take(cursor.size());
  else cursor.take(count * BYTES[type]!);
  return `[${count} × ${name}]`;
}

function kindOf(type: number, key: string): Kind {
  const kind = KINDS.get(type);
  if (!kind) throw new RangeError(`${key} has a value of type ${type}`);
  return kind;
}
