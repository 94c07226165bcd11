/**
 * The text of one kernel as it is written: bindings, uniform words, helper functions, statements.
 *
 * Names depend on the order of first use and on nothing else, so that equal layers of a model give equal texts and
 * share one pipeline.
 */
import { type Dim, type DimTerm, printDim } from '../../../../shared/dim.ts';
import { bufferName, unlike } from './buffer-names.ts';
import { bitcast, type Expression, literal, variable } from './expression.ts';
import { LIBRARY, LIBRARY_NAMES, type LibraryName, libraryFunction, libraryName } from './library.ts';
import { type FunctionText, Name, type VariableText, variableText, type Wgsl } from './wgsl.ts';

/**
 * What lies in a storage buffer: f32, i32, bool as u32, four bytes each; halves of a parameter (src/shared/halves.ts); and of caches halves
 * and whole numbers of a byte, in words, which are written in fours.
 */
export type Element = 'f32' | 'i32' | 'u32' | 'f16' | 'half' | 'i8';

/** A storage binding. `buffer` is a number of the kernel's input; kernels with equal texts bind different ones. */
export interface Binding {
  readonly buffer: number;
  readonly name: Name;
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

const WORD_TYPES: Readonly<Record<Element, readonly [narrow: string, wide: string]>> = {
  f32: ['f32', 'vec4f'],
  i32: ['i32', 'vec4i'],
  u32: ['u32', 'vec4u'],
  f16: ['half2', 'half4'],
  half: ['u32', 'vec2u'],
  i8: ['u32', 'u32'],
};

const TYPES: ReadonlySet<string> = new Set(['i32', 'u32', 'f32', 'f16']);

/** A module as data: how its buffers are called is left open. */
export interface Module {
  /** the text with buffers by number: kernels that differ in the names of buffers alone are one */
  readonly key: string;
  /** @param pathOf what a buffer is named after: a parameter's key, a port, what made a value */
  print(pathOf: (buffer: number) => string): string;
}

/** A function or a variable of the module. */
type Item = FunctionText;

export class KernelCode {
  readonly bindings: Binding[] = [];
  /** words of the uniform, in order */
  readonly params: Param[] = [];
  /** their names in the struct */
  private readonly members: string[] = [];
  private readonly items: Item[] = [];
  private readonly memory = new Map<string, unknown>();
  private readonly wide: ReadonlySet<number>;
  private count = 0;

  /** @param wide buffers that are read as vectors somewhere in the kernel */
  constructor(wide: ReadonlySet<number> = new Set()) {
    this.wide = wide;
  }

  /** A name that no other name of this kernel has, and that is no type (`i32`). */
  fresh(hint: string): Name {
    const name = `${hint}${this.count++}`;
    return TYPES.has(name) ? this.fresh(hint) : new Name(name);
  }

  /** The binding of a buffer, made at first use. */
  binding(buffer: number, element: Element, access: 'read' | 'read_write'): Binding {
    const before = this.bindings.find((binding) => binding.buffer === buffer);
    if (before) {
      if (access === 'read_write') before.access = access;
      return before;
    }
    const name = new Name(`@${this.bindings.length}`);
    const made: Binding = { buffer, name, element, wide: this.wide.has(buffer), access };
    this.bindings.push(made);
    return made;
  }

  /** Buffers that were asked for as vectors and are not: the kernel has to be written again, with them in `wide`. */
  readonly missed = new Set<number>();

  /** A number of the type. WGSL refuses a constant expression that is not finite, so the bits of one go through a variable. */
  literal(type: ScalarType, value: number): Expression {
    if (type !== 'f32' || Number.isFinite(Math.fround(value))) return literal(type, value);
    const name = Number.isNaN(value) ? 'not_a_number' : value > 0 ? 'infinity' : 'minus_infinity';
    const bits = { not_a_number: '0x7fc00000u', infinity: '0x7f800000u', minus_infinity: '0xff800000u' }[name];
    const memory = this.once(name, () => {
      const made = new Name(name);
      this.variable({ name: made, space: 'private', type: 'u32', value: bits });
      return made;
    });
    return bitcast('f32', variable(memory, 'u32'));
  }

  /** A literal, or a word of the uniform. */
  size(dim: Dim): Expression {
    return typeof dim === 'number' ? literal('u32', dim) : this.argument(dim);
  }

  /** A word of the uniform for a number too: kernels that differ only in it are one text. */
  argument(dim: Dim): Expression {
    const text = printDim(dim);
    return this.word(dim, (other) => !isBase(other) && printDim(other) === text);
  }

  /** A word that is a base: not shared with an equal size, which other kernels of this text need not have. */
  base(base: number): Expression {
    return this.word({ base }, (other) => isBase(other) && other.base === base);
  }

  private word(param: Param, is: (other: Param) => boolean): Expression {
    let at = this.params.findIndex(is);
    if (at < 0) {
      at = this.params.push(param) - 1;
      const name = memberName(param, at);
      this.members.push(this.members.includes(name) ? `${name}_${at}` : name);
    }
    return variable(new Name(`params.${this.members[at]!}`), 'u32');
  }

  /** What `make` gives, made once for this key in this kernel. */
  once<T>(key: string, make: () => T): T {
    if (!this.memory.has(key)) this.memory.set(key, make());
    return this.memory.get(key) as T;
  }

  define({ name, text }: Item): Name {
    this.items.push({ name, text });
    return name;
  }

  variable(variable: VariableText): void {
    this.define({ name: variable.name, text: variableText(variable) });
  }

  /** Whether the text needs what src/shared/halves.ts puts before it. */
  get halves(): boolean {
    return this.bindings.some(({ element }) => element === 'f16');
  }

  /** The whole module, but for halves and its header: what `main` needs, and no more. */
  module(main: Wgsl): Module {
    const { items, library } = this.reached(main);
    const texts = [...library.map((name) => LIBRARY[name].text), ...items.map(({ text }) => text), main];
    const printed = (nameOf: (name: Name) => string): string =>
      `${[
        ...this.declarations(nameOf),
        ...texts.map((text) => `\n${typeof text === 'string' ? text : text.print(nameOf)}`),
      ].join('\n')}\n`;
    return {
      key: printed(hintOf),
      print: (pathOf) => {
        const names = new Set<string>(library);
        for (const text of texts) if (typeof text !== 'string') for (const { hint } of text.names) names.add(hint);
        const own = new Map<Name, string>();
        for (const { name, buffer } of this.bindings) {
          const text = unlike(bufferName(pathOf(buffer)), (other) => names.has(other));
          names.add(text);
          own.set(name, text);
        }
        return printed((name) => own.get(name) ?? name.hint);
      },
    };
  }

  /** Functions and variables that `main` uses, itself or by another, in the order in which they were made. */
  private reached(main: Wgsl): { readonly items: readonly Item[]; readonly library: readonly LibraryName[] } {
    const itemOf = new Map(this.items.map((item) => [item.name, item]));
    const items = new Set<Item>();
    const library = new Set<LibraryName>();
    const open = [...main.names];
    for (let name = open.pop(); name; name = open.pop()) {
      const item = itemOf.get(name);
      const helper = libraryFunction(name);
      if (item && !items.has(item)) {
        items.add(item);
        open.push(...item.text.names);
      } else if (helper && !library.has(helper)) {
        library.add(helper);
        open.push(...(LIBRARY[helper].needs ?? []).map(libraryName));
      }
    }
    return {
      items: this.items.filter((item) => items.has(item)),
      library: LIBRARY_NAMES.filter((name) => library.has(name)),
    };
  }

  private declarations(nameOf: (name: Name) => string): readonly string[] {
    const bindings = this.bindings.map(
      ({ name, element, wide, access }, index) =>
        `@group(0) @binding(${index}) var<storage, ${access}> ${nameOf(name)}: array<${WORD_TYPES[element][wide ? 1 : 0]}>;`,
    );
    if (this.members.length === 0) return bindings;
    const members = this.members.map((name, at) => `  ${name}: u32, // ${paramText(this.params[at]!)}`);
    return [
      ...bindings,
      `@group(0) @binding(${bindings.length}) var<uniform> params: Params;`,
      `\nstruct Params {\n${members.join('\n')}\n}`,
    ];
  }
}

const hintOf = ({ hint }: Name): string => hint;

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
  const { terms } = param;
  const [first] = terms as [DimTerm];
  if (terms.length === 1 && first.coefficient === 1 && first.symbols.length === 1) {
    const [name] = first.symbols as [string];
    return isShort(name) ? name : `${safe(name)}_size`;
  }
  const words = terms.map(({ coefficient, symbols }, index) => {
    const size = Math.abs(coefficient);
    const factors = [...(size === 1 && symbols.length > 0 ? [] : [String(size)]), ...symbols];
    const sign = coefficient < 0 ? (index === 0 ? 'minus_' : '_minus_') : index === 0 ? '' : '_plus_';
    return sign + factors.join('_times_');
  });
  const name = safe(words.join(''));
  return isDigit(name[0]!) ? `size_${name}` : name;
}

const isDigit = (character: string): boolean => character >= '0' && character <= '9';
const isLetter = (character: string): boolean =>
  character.toLowerCase() !== character.toUpperCase() && character <= 'z';
const isCapital = (character: string): boolean => isLetter(character) && character <= 'Z';

/** Of at most two characters, the first a capital. */
const isShort = (name: string): boolean =>
  name.length <= 2 && isCapital(name[0]!) && [...name].every((character) => isLetter(character) || isDigit(character));

/** With an underscore in place of each run of other characters. */
function safe(name: string): string {
  const runs = [...name].map((character) => (isLetter(character) || isDigit(character) ? character : ' ')).join('');
  return runs
    .split(' ')
    .filter((run, index) => run !== '' || index === 0)
    .join('_');
}
