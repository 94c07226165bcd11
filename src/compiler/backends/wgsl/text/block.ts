/** A block of a kernel as it is written: what its rules make is named once, where all that it reads is known. */
import { type Dim, isSymbolic, mulDims, type SymbolicDim } from '../../../../shared/dim.ts';
import type { KernelCode } from './code.ts';
import { type Atom, axesOf, axis, type Index, isPlain, word } from './expr.ts';
import { binary, chain, type Expression, isPlain as isShort, literal, mentions, variable } from './expression.ts';
import { functionText, type Loop, printStatements, type Statement } from './statements.ts';
import { type FunctionText, joined, Name, type Wgsl } from './wgsl.ts';

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
  readonly statements: Statement[] = [];
  /** what has a name, by its key */
  private readonly names = new Map<string, Expression>();
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
  variable(name: Name, value: Expression): void {
    this.add({ kind: 'var', name, value });
  }

  assign(to: Expression, value: Expression, operator: '=' | '+=' = '='): void {
    this.add({ kind: 'assign', to, operator, value });
  }

  /** Comes after the body has been filled: what does not depend on the loop has been named before it by then. */
  loop(loop: Loop, body: Block): void {
    this.add({ kind: 'for', loop, body: body.statements });
  }

  when(condition: Expression, body: Block): void {
    this.add({ kind: 'if', condition, body: body.statements });
  }

  /** The statements of another, at the end of this one. */
  append(block: Block): void {
    this.statements.push(...block.statements);
  }

  size(dim: Dim): Expression {
    return this.code.size(dim);
  }

  /** An axis that this block loops over, or gets as an argument. */
  axis(name: string, extent: Dim): Index {
    this.own.add(name);
    return axis(name, extent);
  }

  /** An index as a sum of products, whose divisions are named. */
  index({ terms, offset }: Index): Expression {
    const added: Expression[] = [];
    const taken: Expression[] = [];
    const add = (dim: Dim, factor: Expression | undefined): void => {
      for (const part of signedParts(dim)) {
        const size = this.size(part.size);
        const product = factor === undefined ? size : part.size === 1 ? factor : binary('*', factor, size);
        (part.negative ? taken : added).push(product);
      }
    };
    for (const { atom, coefficient } of terms) add(coefficient, this.atom(atom));
    // a number below 0 by itself is what it is modulo 2³²
    if (terms.length === 0 && typeof offset === 'number' && offset < 0) return this.size(offset + 2 ** 32);
    if (offset !== 0 || terms.length === 0) add(offset, undefined);
    const sum = added.length === 0 ? literal('u32', 0) : chain('+', added);
    return chain('-', [sum, ...taken]);
  }

  /** A name for an index, or its number. */
  named(index: Index): Expression {
    return this.name(this.index(index));
  }

  /** The same index as one name, for what is used with several factors. */
  fixed(index: Index): Index {
    return isPlain(index) ? index : word(this.named(index), index.key, axesOf(index));
  }

  private atom(atom: Atom): Expression {
    if (atom.kind === 'axis') return variable(new Name(atom.name), 'u32');
    if (atom.kind === 'word') return atom.value;
    return this.name(binary(atom.kind === 'quotient' ? '/' : '%', this.named(atom.of), this.size(atom.by)));
  }

  /** Says that a name belongs to this block (a loop's counter), so that what depends on it stays inside. */
  declare(name: Name): void {
    this.own.add(name.hint);
  }

  /** A short expression stays as it is; another becomes a `let`, in the outermost block that has all it reads. */
  name(value: Expression, hint = 'i'): Expression {
    if (isShort(value)) return value;
    const before = this.lookUp(value.key);
    if (before) return before;
    if (this.outer && !mentions(value, (name) => this.own.has(name.hint))) return this.outer.name(value, hint);
    const name = this.code.fresh(hint);
    this.own.add(name.hint);
    this.add({ kind: 'let', name, value });
    const named = variable(name, value.type);
    this.names.set(value.key, named);
    return named;
  }

  /** What `make` gives, made once for this key in this block or one around it. */
  once<T>(key: string, make: () => T): T {
    const before = this.recall<T>(key);
    if (before !== undefined) return before;
    const made = make();
    this.memory.set(key, made);
    return made;
  }

  /** The statements as lines; `after` stands behind them and may read some names. */
  print(indent = '  ', after?: Expression): Wgsl {
    return joined(printStatements(this.statements, indent, after), '\n');
  }

  private lookUp(key: string): Expression | undefined {
    return this.names.get(key) ?? this.outer?.lookUp(key);
  }

  private recall<T>(key: string): T | undefined {
    return (this.memory.get(key) as T | undefined) ?? this.outer?.recall<T>(key);
  }
}

/** A function whose body is a block. */
export function functionOfBlock(
  name: Name,
  parameters: readonly (readonly [name: string, type: string])[],
  body: Block,
  result?: { readonly type: string; readonly value: Expression },
): FunctionText {
  if (result) body.add({ kind: 'return', value: result.value });
  const named = parameters.map(([parameter, type]) => [new Name(parameter), type] as const);
  return functionText(name, named, result?.type, body.statements);
}
