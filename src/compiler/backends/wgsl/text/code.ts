/**
 * The text of one kernel as it is written: bindings, uniform words, helper functions, statements.
 *
 * Names depend on the order of first use and on nothing else, so that equal layers of a model give equal texts and
 * share one pipeline.
 */
import { type Dim, isSymbolic, mulDims, printDim, type SymbolicDim } from '../../../../shared/dim.ts';
import { bufferName, declaredIn, unlike } from './buffer-names.ts';
import { type Atom, axesOf, axis, type Index, isPlain, word } from './expr.ts';
import { LIBRARY, type LibraryName } from './library.ts';

/** What lies in a storage buffer: f32, i32, bool as u32, four bytes each, or halves (src/shared/halves.ts). */
export type Element = 'f32' | 'i32' | 'u32' | 'f16';

/** A storage binding. `buffer` is a number of the kernel's input; kernels with equal texts bind different ones. */
export interface Binding {
  readonly buffer: number;
  readonly name: string;
  readonly element: Element;
  /** an array of vectors of four */
  readonly wide: boolean;
  access: 'read' | 'read_write';
}

/** A word of the uniform: a size, or by its number where a tensor begins in a buffer that it shares (see Layout). */
export type Param = Dim | { readonly base: number };

export const isBase = (param: Param): param is { readonly base: number } =>
  typeof param === 'object' && 'base' in param;

/** WGSL types of values in kernels. */
export type ScalarType = 'f32' | 'i32' | 'bool';

export interface Expression {
  readonly text: string;
  readonly type: ScalarType;
}

const WORD_TYPES: Readonly<Record<Element, readonly [narrow: string, wide: string]>> = {
  f32: ['f32', 'vec4<f32>'],
  i32: ['i32', 'vec4<i32>'],
  u32: ['u32', 'vec4<u32>'],
  f16: ['half2', 'half4'],
};

const TYPES: ReadonlySet<string> = new Set(['i32', 'u32', 'f32', 'f16']);
const WORDS = /\w+/g;

export interface CodeOptions {
  /** buffers that are read as vectors somewhere in the kernel */
  readonly wide?: ReadonlySet<number>;
  /** what a buffer is named after: a parameter's key, a port, what made a value */
  readonly pathOf?: (buffer: number) => string;
  /** names that no buffer may have */
  readonly avoid?: ReadonlySet<string>;
}

export class KernelCode {
  readonly bindings: Binding[] = [];
  /** words of the uniform, in order */
  readonly params: Param[] = [];
  /** their names in the struct */
  private readonly members: string[] = [];
  private readonly functions: string[] = [];
  private readonly library = new Set<LibraryName>();
  private readonly memory = new Map<string, unknown>();
  private readonly wide: ReadonlySet<number>;
  private readonly pathOf: (buffer: number) => string;
  private readonly avoid: ReadonlySet<string>;
  private count = 0;

  constructor({ wide = new Set(), pathOf = (buffer) => `buffer.${buffer}`, avoid = new Set() }: CodeOptions = {}) {
    this.wide = wide;
    this.pathOf = pathOf;
    this.avoid = avoid;
  }

  /** A name that no other name of this kernel has, and that is no type (`i32`). */
  fresh(hint: string): string {
    const name = `${hint}${this.count++}`;
    return TYPES.has(name) ? this.fresh(hint) : name;
  }

  /** The binding of a buffer, made at first use. */
  binding(buffer: number, element: Element, access: 'read' | 'read_write'): Binding {
    const before = this.bindings.find((binding) => binding.buffer === buffer);
    if (before) {
      if (access === 'read_write') before.access = access;
      return before;
    }
    const name = unlike(
      bufferName(this.pathOf(buffer)),
      (own) => this.avoid.has(own) || this.bindings.some((binding) => binding.name === own),
    );
    const made: Binding = { buffer, name, element, wide: this.wide.has(buffer), access };
    this.bindings.push(made);
    return made;
  }

  /** Buffers that were asked for as vectors and are not: the kernel has to be written again, with them in `wide`. */
  readonly missed = new Set<number>();

  /** A number of the type. WGSL refuses a constant expression that is not finite, so the bits of one go through a variable. */
  literal(type: ScalarType, value: number): string {
    if (type !== 'f32' || Number.isFinite(Math.fround(value))) return number(type, value);
    const name = Number.isNaN(value) ? 'not_a_number' : value > 0 ? 'infinity' : 'minus_infinity';
    const bits = { not_a_number: '0x7fc00000u', infinity: '0x7f800000u', minus_infinity: '0xff800000u' }[name];
    this.once(name, () => this.define(`var<private> ${name}: u32 = ${bits};`));
    return `bitcast<f32>(${name})`;
  }

  /** A literal, or a word of the uniform. */
  size(dim: Dim): string {
    return typeof dim === 'number' ? `${dim}u` : this.argument(dim);
  }

  /** A word of the uniform for a number too: kernels that differ only in it are one text. */
  argument(dim: Dim): string {
    const text = printDim(dim);
    return this.word(dim, (other) => !isBase(other) && printDim(other) === text);
  }

  /** A word that is a base: not shared with an equal size, which other kernels of this text need not have. */
  base(base: number): string {
    return this.word({ base }, (other) => isBase(other) && other.base === base);
  }

  private word(param: Param, is: (other: Param) => boolean): string {
    let at = this.params.findIndex(is);
    if (at < 0) {
      at = this.params.push(param) - 1;
      const name = memberName(param, at);
      this.members.push(this.members.includes(name) ? `${name}_${at}` : name);
    }
    return `params.${this.members[at]!}`;
  }

  /** Uses a helper of the library, with those it needs. */
  use(name: LibraryName): string {
    if (!this.library.has(name)) {
      for (const needed of LIBRARY[name].needs ?? []) this.use(needed);
      this.library.add(name);
    }
    return name;
  }

  /** What `make` gives, made once for this key in this kernel. */
  once<T>(key: string, make: () => T): T {
    if (!this.memory.has(key)) this.memory.set(key, make());
    return this.memory.get(key) as T;
  }

  /** Takes a name at module scope; false when it is taken. */
  claim(name: string): boolean {
    if (this.memory.has(`name ${name}`)) return false;
    this.memory.set(`name ${name}`, true);
    return true;
  }

  define(text: string): void {
    this.functions.push(text);
  }

  /** Whether the text needs what src/shared/halves.ts puts before it. */
  get halves(): boolean {
    return this.bindings.some(({ element }) => element === 'f16');
  }

  /** Names of buffers that something in the text is called too: the kernel has to be written again without them. */
  clashes(main: string): readonly string[] {
    const declared = declaredIn(
      [...[...this.library].map((name) => LIBRARY[name].text), ...this.functions, main].join('\n'),
    );
    return this.bindings.flatMap(({ name }) => (declared.has(name) ? [name] : []));
  }

  /** A text of this kernel with buffers by number. */
  anonymous(text: string): string {
    const numbers = new Map(this.bindings.map(({ name }, number) => [name, `@${number}`]));
    return text.replace(WORDS, (word) => numbers.get(word) ?? word);
  }

  /** The whole module, but for halves and its header. */
  text(main: string): string {
    const bindings = this.bindings.map(
      ({ name, element, wide, access }, index) =>
        `@group(0) @binding(${index}) var<storage, ${access}> ${name}: array<${WORD_TYPES[element][wide ? 1 : 0]}>;`,
    );
    const members = this.members.map((name, at) => `  ${name}: u32, // ${paramText(this.params[at]!)}`);
    const uniform =
      members.length === 0
        ? []
        : [
            `@group(0) @binding(${bindings.length}) var<uniform> params: Params;`,
            `\nstruct Params {\n${members.join('\n')}\n}`,
          ];
    return `${[
      ...bindings,
      ...uniform,
      ...[...this.library].map((name) => `\n${LIBRARY[name].text}`),
      ...this.functions.map((text) => `\n${text}`),
      `\n${main}`,
    ].join('\n')}\n`;
  }
}

/** A dim as sizes that are added and sizes that are taken away: words of the uniform are not negative. */
function signedParts(dim: Dim): readonly { readonly negative: boolean; readonly size: Dim }[] {
  if (!isSymbolic(dim)) return [{ negative: dim < 0, size: Math.abs(dim) }];
  const part = (sign: 1 | -1): SymbolicDim => ({
    kind: 'symbolic',
    terms: dim.terms.filter(({ coefficient }) => coefficient * sign > 0),
  });
  const sizeOf = ({ terms }: SymbolicDim): Dim =>
    terms.length === 1 && terms[0]!.symbols.length === 0 ? terms[0]!.coefficient : { kind: 'symbolic', terms };
  return ([1, -1] as const).flatMap((sign) => {
    const own = part(sign);
    return own.terms.length === 0 ? [] : [{ negative: sign < 0, size: mulDims(sizeOf(own), sign) }];
  });
}

/** A literal of the type, of a finite number. */
function number(type: ScalarType, value: number): string {
  if (type === 'bool') return value === 0 ? 'false' : 'true';
  if (type === 'i32') return value < 0 ? `i32(${value})` : `${value}i`;
  const rounded = Math.fround(value);
  if (rounded === 0) return '0.0';
  const text = String(rounded);
  const real = /[.e]/.test(text) ? text : `${text}.0`;
  return rounded < 0 ? `(${real})` : real;
}

function paramText(param: Param): string {
  if (isBase(param)) return 'where a tensor begins';
  return typeof param === 'number' ? 'a number' : printDim(param);
}

/**
 * A size as the name of a struct's member: `P_plus_T`, `B_times_T`. A symbol alone ends in `_size` unless it is short and
 * begins with a capital, since WGSL reserves words.
 */
function memberName(param: Param, at: number): string {
  if (isBase(param)) return `begin_${at}`;
  if (typeof param === 'number') return `number_${at}`;
  const name = printDim(param)
    .replaceAll('*', '_times_')
    .replaceAll(' + ', '_plus_')
    .replaceAll(' - ', '_minus_')
    .replace('-', 'minus_')
    .replace(/[^A-Za-z0-9_]/g, '_')
    .replace(/__+/g, '_')
    .replace(/^(?=[\d_])/, 'size_')
    .replace('size__', 'size_');
  return /^[A-Z]\w?$/.test(name) || /_(times|plus|minus)_/.test(name) ? name : `${name}_size`;
}

/**
 * Statements of one block, in order. Equal expressions are named once. A block inside (a loop's body) sees the names
 * of the blocks around it and not the other way round.
 */
export class Block {
  readonly code: KernelCode;
  private readonly outer: Block | undefined;
  private readonly indent: string;
  private readonly lines: string[] = [];
  private readonly names = new Map<string, string>();
  private readonly own = new Set<string>();
  private readonly memory = new Map<string, unknown>();

  constructor(code: KernelCode, indent = '  ', outer?: Block) {
    this.code = code;
    this.indent = indent;
    this.outer = outer;
  }

  inner(): Block {
    return new Block(this.code, `${this.indent}  `, this);
  }

  line(text: string): void {
    this.lines.push(`${this.indent}${text}`);
  }

  append(block: Block): void {
    this.lines.push(...block.lines);
  }

  size(dim: Dim): string {
    return this.code.size(dim);
  }

  /** An axis that this block loops over, or gets as an argument. */
  axis(name: string, extent: Dim): Index {
    this.declare(name);
    return axis(name, extent);
  }

  /** WGSL of an index: a sum of products, whose divisions are named. */
  index({ terms, offset }: Index): string {
    const added: string[] = [];
    const taken: string[] = [];
    const add = (dim: Dim, factor: string | undefined): void => {
      for (const part of signedParts(dim)) {
        const size = this.size(part.size);
        const text = factor === undefined ? size : part.size === 1 ? factor : `${factor} * ${size}`;
        (part.negative ? taken : added).push(text);
      }
    };
    for (const { atom, coefficient } of terms) add(coefficient, this.atom(atom));
    // a number below 0 by itself is what it is modulo 2³²
    if (terms.length === 0 && typeof offset === 'number' && offset < 0) return this.size(offset + 2 ** 32);
    if (offset !== 0 || terms.length === 0) add(offset, undefined);
    return [added.join(' + ') || '0u', ...taken].join(' - ');
  }

  /** A name for an index, or its number. */
  named(index: Index): string {
    return this.name(this.index(index));
  }

  /** The same index as one name, for what is used with several factors. */
  fixed(index: Index): Index {
    return isPlain(index) ? index : word(this.named(index), index.key, axesOf(index));
  }

  private atom(atom: Atom): string {
    if (atom.kind === 'axis') return atom.name;
    if (atom.kind === 'word') return atom.text;
    return this.name(`${this.named(atom.of)} ${atom.kind === 'quotient' ? '/' : '%'} ${this.size(atom.by)}`);
  }

  /** Says that a name belongs to this block (a loop's counter), so that what depends on it stays inside. */
  declare(name: string): void {
    this.own.add(name);
  }

  /** A short expression stays as it is; another becomes a `let`, in the outermost block that has all it reads. */
  name(text: string, hint = 'i'): string {
    if (/^[\w.[\]]+$/.test(text)) return text;
    const before = this.lookUp(text);
    if (before !== undefined) return before;
    if (this.outer && !(text.match(/[a-z_]\w*/gi) ?? []).some((word) => this.own.has(word))) {
      return this.outer.name(text, hint);
    }
    const name = this.code.fresh(hint);
    this.own.add(name);
    this.line(`let ${name} = ${text};`);
    this.names.set(text, name);
    return name;
  }

  /** What `make` gives, made once for this key in this block or one around it. */
  once<T>(key: string, make: () => T): T {
    const before = this.recall<T>(key);
    if (before !== undefined) return before;
    const made = make();
    this.memory.set(key, made);
    return made;
  }

  /** The statements without names that nothing reads; `tail` is text after them that may read some. */
  text(tail = ''): string {
    const kept: string[] = [];
    const read = new Set(tail.match(WORDS));
    for (const line of this.lines.toReversed()) {
      const name = /^\s*let (\w+) = /.exec(line)?.[1];
      if (name !== undefined && !read.has(name)) continue;
      kept.push(line);
      for (const word of line.match(WORDS) ?? []) read.add(word);
    }
    return kept.reverse().join('\n');
  }

  private lookUp(text: string): string | undefined {
    return this.names.get(text) ?? this.outer?.lookUp(text);
  }

  private recall<T>(key: string): T | undefined {
    return (this.memory.get(key) as T | undefined) ?? this.outer?.recall<T>(key);
  }
}
