/**
 * Python's pickles (protocols 0 to 5) as data. A pickle is a program for a small stack machine that may call anything; here
 * a call makes a record of what would be called with what (`Made`), and only for the names of a closed list. Nothing runs.
 *
 * What is in memory grows with the pickle's length alone: a value that is used twice is one value, as in Python.
 */
import { type Cursor, OutOfBytes } from './cursor.ts';

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Sequence
  | Dictionary
  | Global
  | Made
  | Persistent;

export interface Sequence {
  readonly kind: 'list' | 'tuple' | 'set';
  readonly items: Value[];
}
export interface Dictionary {
  readonly kind: 'dict';
  readonly entries: (readonly [Value, Value])[];
}
/** A class or function, by `module.name`. */
export interface Global {
  readonly kind: 'global';
  readonly name: string;
}
/** What a call would have made. */
export interface Made {
  readonly kind: 'made';
  readonly by: string;
  readonly args: readonly Value[];
  /** what was put into it by key, or appended */
  readonly entries: (readonly [Value, Value])[];
  readonly items: Value[];
  state?: Value;
}
/** What lies outside of the pickle, by an id that its writer chose. */
export interface Persistent {
  readonly kind: 'persistent';
  readonly id: Value;
}

/** The bytes are no pickle. */
export class PickleError extends Error {}

/** It calls what it may not. */
export class ForbiddenCall extends Error {
  readonly callee: string;
  constructor(callee: string) {
    super(`it calls ${callee}`);
    this.callee = callee;
  }
}

export interface PickleRules {
  /** whether a call of this name may stand in the file */
  allows(name: string): boolean;
}

/** Steps of the machine: each makes a value of a hundred bytes at most, beside its text. A tensor takes about 45. */
const MOST_STEPS = 1 << 21;
/** Bytes of an integer: what a file of tensors has is a size. */
const LONGEST_INTEGER = 64;
const MARK = Symbol('mark');
type Slot = Value | typeof MARK;

/**
 * The value of the pickle at the cursor, which is left behind it.
 * @throws OutOfBytes when more bytes are needed, PickleError when it is none, ForbiddenCall
 */
export function readPickle(cursor: Cursor, rules: PickleRules): Value {
  const machine = new Machine(cursor, rules);
  try {
    return machine.run();
  } catch (error) {
    if (error instanceof TypeError) throw new PickleError('a text in it is no UTF-8');
    if (error instanceof RangeError) throw new PickleError(error.message);
    throw error;
  }
}

type Operation = (machine: Machine) => void;

class Machine {
  readonly cursor: Cursor;
  private readonly rules: PickleRules;
  private readonly stack: Slot[] = [];
  private readonly memo = new Map<number, Value>();

  constructor(cursor: Cursor, rules: PickleRules) {
    this.cursor = cursor;
    this.rules = rules;
  }

  run(): Value {
    for (let steps = 0; ; steps++) {
      if (steps > MOST_STEPS) throw new PickleError(`it has more than ${MOST_STEPS} steps`);
      const code = this.cursor.u8();
      if (code === 0x2e) return this.pop(); // STOP
      const operation = OPERATIONS.get(code);
      if (!operation)
        throw new PickleError(
          `byte ${this.cursor.at - 1} of it is the opcode 0x${code.toString(16)}, which is not read`,
        );
      operation(this);
    }
  }

  push(value: Slot): void {
    this.stack.push(value);
  }

  pop(): Value {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) throw new PickleError('it takes a value where its stack has none');
    return value;
  }

  /** What was pushed since the last mark. */
  popMark(): Value[] {
    const at = this.stack.lastIndexOf(MARK);
    if (at < 0) throw new PickleError('it goes back to a mark that it never made');
    const values = this.stack.splice(at);
    return values.slice(1) as Value[];
  }

  /** POP takes a mark too. */
  drop(): void {
    if (this.stack.pop() === undefined) throw new PickleError('it drops a value where its stack has none');
  }

  peek(): Value {
    const value = this.stack.at(-1);
    if (value === undefined || value === MARK) throw new PickleError('it uses a value where its stack has none');
    return value;
  }

  put(index: number): void {
    this.memo.set(index, this.peek());
  }
  memoize(): void {
    this.memo.set(this.memo.size, this.peek());
  }
  get(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw new PickleError(`it asks for value ${index}, which it never kept`);
    this.push(value);
  }

  /** A line of text, as protocol 0 has. */
  line(): string {
    const { bytes, at } = this.cursor;
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) throw new OutOfBytes(bytes.length + 1);
    const text = this.cursor.text(end - at);
    this.cursor.take(1);
    return text;
  }

  call(callee: Value, args: Value): void {
    if (!isKind(callee, 'global')) throw new PickleError('it calls what is no name');
    if (!isKind(args, 'tuple')) throw new PickleError(`it calls ${callee.name} with what is no tuple`);
    if (!this.rules.allows(callee.name)) throw new ForbiddenCall(callee.name);
    this.push({ kind: 'made', by: callee.name, args: args.items, entries: [], items: [] });
  }

  append(values: readonly Value[]): void {
    const target = this.peek();
    if (!isKind(target, 'list') && !isKind(target, 'set') && !isKind(target, 'made'))
      throw new PickleError('it appends to what is no list');
    for (const value of values) target.items.push(value);
  }

  setItems(values: readonly Value[]): void {
    const target = this.peek();
    if (!isKind(target, 'dict') && !isKind(target, 'made')) throw new PickleError('it puts a key into what is no dict');
    if (values.length % 2 !== 0) throw new PickleError('it puts a key without a value into a dict');
    for (let i = 0; i < values.length; i += 2) target.entries.push([values[i]!, values[i + 1]!]);
  }

  /** BUILD: an object's state. */
  build(): void {
    const state = this.pop();
    const target = this.peek();
    if (!isKind(target, 'made')) throw new PickleError('it gives a state to what is no object');
    target.state = state;
  }
}

export function isKind<K extends 'list' | 'tuple' | 'set' | 'dict' | 'global' | 'made' | 'persistent'>(
  value: Value | undefined,
  kind: K,
): value is Extract<Value, { readonly kind: unknown }> & { readonly kind: K } {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

/** Two's complement, little-endian. */
function integer(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return small(bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, value));
}

const small = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;

function long(machine: Machine, bytes: number): void {
  if (bytes < 0 || bytes > LONGEST_INTEGER) throw new PickleError(`it has an integer of ${bytes} bytes`);
  machine.push(integer(machine.cursor.take(bytes)));
}

function decimal(machine: Machine): void {
  const text = machine.line().replace(/L$/, '');
  if (text === '00' || text === '01') machine.push(text === '01');
  else if (!/^-?\d{1,150}$/.test(text)) throw new PickleError(`${JSON.stringify(text.slice(0, 40))} is no integer`);
  else machine.push(small(BigInt(text)));
}

/** Protocol 0's text in quotes. */
function quoted(machine: Machine): void {
  const text = machine.line();
  const inside = /^(['"])([^\\]*)\1$/.exec(text)?.[2];
  if (inside === undefined) throw new PickleError('it has a text of protocol 0 with escapes, or without quotes');
  machine.push(inside);
}

/** `module\nname\n` */
function global(machine: Machine): Global {
  return { kind: 'global', name: `${machine.line()}.${machine.line()}` };
}

function stackGlobal(machine: Machine): void {
  const [name, module] = [machine.pop(), machine.pop()];
  if (typeof name !== 'string' || typeof module !== 'string')
    throw new PickleError('it names a class by what is no text');
  machine.push({ kind: 'global', name: `${module}.${name}` });
}

const sequence = (kind: Sequence['kind'], items: Value[]): Sequence => ({ kind, items });
const tuple = (machine: Machine, count: number): void => {
  const items: Value[] = [];
  for (let i = 0; i < count; i++) items.unshift(machine.pop());
  machine.push(sequence('tuple', items));
};
const dictionary = (machine: Machine): void => {
  const values = machine.popMark();
  machine.push({ kind: 'dict', entries: [] });
  machine.setItems(values);
};

/** A length of 8 bytes. */
const length64 = (machine: Machine): number => machine.cursor.size();

/** By the opcodes of Python's pickletools. EXT1–4, and the buffers of protocol 5 that lie elsewhere, are not among them. */
const OPERATIONS: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [
    0x80,
    (m) => {
      if (m.cursor.u8() > 5) throw new PickleError('its protocol is past 5');
    },
  ], // PROTO
  [0x95, (m) => void m.cursor.take(8)], // FRAME
  [0x28, (m) => m.push(MARK)],
  [0x30, (m) => m.drop()], // POP
  [0x31, (m) => void m.popMark()], // POP_MARK
  [0x32, (m) => m.push(m.peek())], // DUP
  [0x4e, (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [0x49, decimal], // INT
  [0x4c, decimal], // LONG
  [0x4a, (m) => m.push(m.cursor.i32())], // BININT
  [0x4b, (m) => m.push(m.cursor.u8())],
  [0x4d, (m) => m.push(m.cursor.u16())],
  [0x8a, (m) => long(m, m.cursor.u8())], // LONG1
  [0x8b, (m) => long(m, m.cursor.i32())], // LONG4
  [0x46, (m) => m.push(Number(m.line()))], // FLOAT
  [0x47, (m) => m.push(m.cursor.f64(true))], // BINFLOAT
  [0x53, quoted], // STRING
  [0x54, (m) => m.push(m.cursor.text(m.cursor.u32()))], // BINSTRING
  [0x55, (m) => m.push(m.cursor.text(m.cursor.u8()))], // SHORT_BINSTRING
  [0x56, (m) => m.push(m.line())], // UNICODE
  [0x58, (m) => m.push(m.cursor.text(m.cursor.u32()))], // BINUNICODE
  [0x8c, (m) => m.push(m.cursor.text(m.cursor.u8()))], // SHORT_BINUNICODE
  [0x8d, (m) => m.push(m.cursor.text(length64(m)))], // BINUNICODE8
  [0x42, (m) => m.push(m.cursor.take(m.cursor.u32()))], // BINBYTES
  [0x43, (m) => m.push(m.cursor.take(m.cursor.u8()))], // SHORT_BINBYTES
  [0x8e, (m) => m.push(m.cursor.take(length64(m)))], // BINBYTES8
  [0x96, (m) => m.push(m.cursor.take(length64(m)))], // BYTEARRAY8
  [0x5d, (m) => m.push(sequence('list', []))], // EMPTY_LIST
  [0x6c, (m) => m.push(sequence('list', m.popMark()))], // LIST
  [0x61, (m) => m.append([m.pop()])], // APPEND
  [0x65, (m) => m.append(m.popMark())], // APPENDS
  [0x29, (m) => m.push(sequence('tuple', []))], // EMPTY_TUPLE
  [0x74, (m) => m.push(sequence('tuple', m.popMark()))], // TUPLE
  [0x85, (m) => tuple(m, 1)],
  [0x86, (m) => tuple(m, 2)],
  [0x87, (m) => tuple(m, 3)],
  [0x7d, (m) => m.push({ kind: 'dict', entries: [] })], // EMPTY_DICT
  [0x64, dictionary], // DICT
  [
    0x73,
    (m) => {
      const value = m.pop();
      m.setItems([m.pop(), value]);
    },
  ], // SETITEM
  [0x75, (m) => m.setItems(m.popMark())], // SETITEMS
  [0x8f, (m) => m.push(sequence('set', []))], // EMPTY_SET
  [0x90, (m) => m.append(m.popMark())], // ADDITEMS
  [0x91, (m) => m.push(sequence('set', m.popMark()))], // FROZENSET
  [0x67, (m) => m.get(index(m.line()))], // GET
  [0x68, (m) => m.get(m.cursor.u8())],
  [0x6a, (m) => m.get(m.cursor.u32())],
  [0x70, (m) => m.put(index(m.line()))], // PUT
  [0x71, (m) => m.put(m.cursor.u8())],
  [0x72, (m) => m.put(m.cursor.u32())],
  [0x94, (m) => m.memoize()],
  [0x63, (m) => m.push(global(m))], // GLOBAL
  [0x93, stackGlobal],
  [
    0x52,
    (m) => {
      const args = m.pop();
      m.call(m.pop(), args);
    },
  ], // REDUCE
  [
    0x81,
    (m) => {
      const args = m.pop();
      m.call(m.pop(), args);
    },
  ], // NEWOBJ
  [0x92, newWithKeywords], // NEWOBJ_EX
  [0x62, (m) => m.build()], // BUILD
  [0x69, (m) => m.call(global(m), sequence('tuple', m.popMark()))], // INST
  [
    0x6f,
    (m) => {
      const [callee, ...args] = m.popMark();
      m.call(callee ?? null, sequence('tuple', args));
    },
  ], // OBJ
  [0x50, (m) => m.push({ kind: 'persistent', id: m.line() })], // PERSID
  [0x51, (m) => m.push({ kind: 'persistent', id: m.pop() })], // BINPERSID
]);

function newWithKeywords(machine: Machine): void {
  const [keywords, args] = [machine.pop(), machine.pop()];
  machine.call(machine.pop(), args);
  const made = machine.peek() as Made;
  if (isKind(keywords, 'dict')) made.entries.push(...keywords.entries);
}

function index(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new PickleError(`${JSON.stringify(text.slice(0, 40))} is no index`);
  return Number(text);
}
