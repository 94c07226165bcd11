/** Statements of a kernel as data, and the one place that prints them. */
import { type Dim, isSymbolic, mulDims, type SymbolicDim } from '../../../../shared/dim.ts';
import type { KernelCode } from './code.ts';
import { type Atom, axesOf, axis, type Index, isPlain, word } from './expr.ts';
import { isPlainPiece, joined, keyOfPiece, Name, namesIn, type Piece, type Wgsl, wgsl } from './wgsl.ts';

export interface Loop {
  readonly counter: Name;
  readonly from: Piece;
  readonly below: Piece;
  readonly step: Piece;
}

export type Statement =
  /** a name that does not change, and is left out where nothing reads it */
  | { readonly kind: 'let'; readonly name: Name; readonly value: Piece }
  | { readonly kind: 'var'; readonly name: Name; readonly value: Piece }
  | { readonly kind: 'assign'; readonly to: Piece; readonly operator: '=' | '+='; readonly value: Piece }
  | { readonly kind: 'return'; readonly value: Piece }
  | { readonly kind: 'if'; readonly condition: Piece; readonly body: readonly Statement[] }
  | { readonly kind: 'for'; readonly loop: Loop; readonly body: readonly Statement[] };

/** @param read hints of the names that what follows reads; those that the statements read are added */
function printed(statements: readonly Statement[], indent: string, read: Set<string>): Wgsl[] {
  const lines: Wgsl[] = [];
  const line = (text: Wgsl): void => {
    for (const { hint } of text.names) read.add(hint);
    lines.push(wgsl`${indent}${text}`);
  };
  const around = (header: Wgsl, body: readonly Statement[]): void => {
    lines.push(wgsl`${indent}}`, ...printed(body, `${indent}  `, read).reverse());
    line(wgsl`${header} {`);
  };
  for (const statement of statements.toReversed()) {
    switch (statement.kind) {
      case 'let':
        if (read.has(statement.name.hint)) line(wgsl`let ${statement.name} = ${statement.value};`);
        break;
      case 'var':
        line(wgsl`var ${statement.name} = ${statement.value};`);
        break;
      case 'assign':
        line(wgsl`${statement.to} ${statement.operator} ${statement.value};`);
        break;
      case 'return':
        line(wgsl`return ${statement.value};`);
        break;
      case 'if':
        around(wgsl`if (${statement.condition})`, statement.body);
        break;
      case 'for': {
        const { counter, from, below, step } = statement.loop;
        const next = step === '1u' ? wgsl`${counter}++` : wgsl`${counter} += ${step}`;
        around(wgsl`for (var ${counter} = ${from}; ${counter} < ${below}; ${next})`, statement.body);
      }
    }
  }
  return lines.reverse();
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

/**
 * Statements of one block, in order. Equal expressions are named once. A block inside (a loop's body) sees the names
 * of the blocks around it and not the other way round.
 */
export class Block {
  readonly code: KernelCode;
  private readonly outer: Block | undefined;
  private readonly statements: Statement[] = [];
  private readonly names = new Map<string, Name>();
  /** hints of what is declared here */
  private readonly own = new Set<string>();
  private readonly memory = new Map<string, unknown>();

  constructor(code: KernelCode, outer?: Block) {
    this.code = code;
    this.outer = outer;
  }

  inner(): Block {
    return new Block(this.code, this);
  }

  add(statement: Statement): void {
    this.statements.push(statement);
  }

  /** A variable that starts with a value. */
  variable(name: Name, value: Piece): void {
    this.add({ kind: 'var', name, value });
  }

  assign(to: Piece, value: Piece, operator: '=' | '+=' = '='): void {
    this.add({ kind: 'assign', to, operator, value });
  }

  /** Comes after the body has been filled: what does not depend on the loop has been named before it by then. */
  loop(loop: Loop, body: Block): void {
    this.add({ kind: 'for', loop, body: body.statements });
  }

  when(condition: Piece, body: Block): void {
    this.add({ kind: 'if', condition, body: body.statements });
  }

  /** The statements of another, at the end of this one. */
  append(block: Block): void {
    this.statements.push(...block.statements);
  }

  size(dim: Dim): Piece {
    return this.code.size(dim);
  }

  /** An axis that this block loops over, or gets as an argument. */
  axis(name: string, extent: Dim): Index {
    this.own.add(name);
    return axis(name, extent);
  }

  /** WGSL of an index: a sum of products, whose divisions are named. */
  index({ terms, offset }: Index): Piece {
    const added: Piece[] = [];
    const taken: Piece[] = [];
    const add = (dim: Dim, factor: Piece | undefined): void => {
      for (const part of signedParts(dim)) {
        const size = this.size(part.size);
        const text = factor === undefined ? size : part.size === 1 ? factor : wgsl`${factor} * ${size}`;
        (part.negative ? taken : added).push(text);
      }
    };
    for (const { atom, coefficient } of terms) add(coefficient, this.atom(atom));
    // a number below 0 by itself is what it is modulo 2³²
    if (terms.length === 0 && typeof offset === 'number' && offset < 0) return this.size(offset + 2 ** 32);
    if (offset !== 0 || terms.length === 0) add(offset, undefined);
    const sum = added.length === 0 ? '0u' : added.length === 1 ? added[0]! : joined(added, ' + ');
    return taken.length === 0 ? sum : joined([sum, ...taken], ' - ');
  }

  /** A name for an index, or its number. */
  named(index: Index): Piece {
    return this.name(this.index(index));
  }

  /** The same index as one name, for what is used with several factors. */
  fixed(index: Index): Index {
    return isPlain(index) ? index : word(this.named(index), index.key, axesOf(index));
  }

  private atom(atom: Atom): Piece {
    if (atom.kind === 'axis') return new Name(atom.name);
    if (atom.kind === 'word') return atom.text;
    const sign = atom.kind === 'quotient' ? '/' : '%';
    return this.name(wgsl`${this.named(atom.of)} ${sign} ${this.size(atom.by)}`);
  }

  /** Says that a name belongs to this block (a loop's counter), so that what depends on it stays inside. */
  declare(name: Name): void {
    this.own.add(name.hint);
  }

  /** A short expression stays as it is; another becomes a `let`, in the outermost block that has all it reads. */
  name(value: Piece, hint = 'i'): Piece {
    if (isPlainPiece(value)) return value;
    const key = keyOfPiece(value);
    const before = this.lookUp(key);
    if (before !== undefined) return before;
    if (this.outer && !namesIn(value).some((name) => this.own.has(name.hint))) return this.outer.name(value, hint);
    const name = this.code.fresh(hint);
    this.own.add(name.hint);
    this.add({ kind: 'let', name, value });
    this.names.set(key, name);
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

  /** The statements as lines, without names that nothing reads; `after` stands behind them and may read some. */
  print(indent = '  ', after?: Piece): Wgsl {
    const read = new Set(after === undefined ? [] : namesIn(after).map(({ hint }) => hint));
    return joined(printed(this.statements, indent, read), '\n');
  }

  private lookUp(key: string): Name | undefined {
    return this.names.get(key) ?? this.outer?.lookUp(key);
  }

  private recall<T>(key: string): T | undefined {
    return (this.memory.get(key) as T | undefined) ?? this.outer?.recall<T>(key);
  }
}

/** A function whose body is a block. */
export function functionText(
  name: Name,
  parameters: readonly (readonly [name: string, type: string])[],
  body: Block,
  result?: { readonly type: string; readonly value: Piece },
): Wgsl {
  if (result) body.add({ kind: 'return', value: result.value });
  const list = joined(
    parameters.map(([parameter, type]) => wgsl`${new Name(parameter)}: ${type}`),
    ', ',
  );
  return wgsl`fn ${name}(${list})${result ? ` -> ${result.type}` : ''} {\n${body.print()}\n}`;
}
