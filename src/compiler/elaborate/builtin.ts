/**
 * Built-in functions: the interface between the language's calls and the ops. A builtin declares its parameters
 * by name (`axis?` is optional, `sizes**` takes the rest) and reads them, converted and checked, from a BoundCall.
 */
import type { Dim, Shape } from '../../shared/dim.ts';
import { isSymbolic, printShape } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import { diagnose } from '../diagnostics/catalogue.ts';
import type { Span } from '../diagnostics/span.ts';
import { MAX_RANK, type TensorType } from '../ir/graph.ts';
import type { OpAttributes, Operands, OpName } from '../ops/attributes.ts';
import type * as ast from '../syntax/ast.ts';
import type { Evaluation } from './evaluation.ts';
import { Reported } from './reported.ts';
import { type BoundArgument, describe, type Operand, type Value } from './values.ts';

export type { BoundArgument, Operand } from './values.ts';

export interface Builtin {
  readonly name: string;
  readonly doc: string;
  /** `x`, `axis?` (optional), `sizes**` (any further named arguments) */
  readonly parameters: readonly string[];
  readonly call: (c: BoundCall) => Value;
}

/** `rearrange(x, pattern, sizes = …)`: as documentation writes it. */
export function builtinSignature({ name, parameters }: Pick<Builtin, 'name' | 'parameters'>): string {
  const list = parameters.map((parameter) => (parameter.endsWith('**') ? `${parameter.slice(0, -2)} = …` : parameter));
  return `${name}(${list.join(', ')})`;
}

/** The arguments of one call, by parameter name, with conversions that report what does not fit and throw Reported. */
export class BoundCall {
  readonly evaluator: Evaluation;
  readonly name: string;
  readonly span: Span;
  private readonly bound: ReadonlyMap<string, BoundArgument>;
  readonly extras: ReadonlyMap<string, BoundArgument>;
  readonly callSyntax: ast.CallExpression;

  constructor(
    evaluator: Evaluation,
    name: string,
    syntax: ast.CallExpression,
    bound: ReadonlyMap<string, BoundArgument>,
    extras: ReadonlyMap<string, BoundArgument>,
  ) {
    this.evaluator = evaluator;
    this.name = name;
    this.callSyntax = syntax;
    this.span = syntax.span;
    this.bound = bound;
    this.extras = extras;
  }

  has(name: string): boolean {
    const argument = this.bound.get(name);
    return argument !== undefined && argument.value.kind !== 'none';
  }

  argument(name: string): BoundArgument {
    return this.bound.get(name) ?? { value: { kind: 'none' }, span: this.span };
  }

  value(name: string): Value {
    return this.argument(name).value;
  }

  operand(name: string, dtype?: DType): Operand {
    return this.asOperand(this.argument(name), dtype, `${name} of ${this.name}`);
  }

  asOperand(argument: BoundArgument, dtype: DType | undefined, what: string): Operand {
    const id = this.evaluator.emission.tensorOf(argument.value, argument.span, dtype, what);
    const type = this.evaluator.emission.typeOf(id);
    const terms = type.shape.reduce<number>((product, dim) => product * (isSymbolic(dim) ? dim.terms.length : 1), 1);
    if (terms > MAX_SIZE_TERMS)
      this.clash(
        `${what} has too many elements to count: the product of its dimensions is a sum of ${terms} terms`,
        argument.span,
      );
    if (dtype && type.dtype !== dtype) {
      const note = `convert it with ${CONVERSIONS[dtype]}(…)`;
      this.fail(what, `a tensor of ${DTYPE_NAMES[dtype]}`, `a tensor of ${DTYPE_NAMES[type.dtype]}`, argument.span, [
        note,
      ]);
    }
    return { id, type, source: argument };
  }

  /** The operand, or nothing where the argument is absent or none. */
  optional(name: string, dtype?: DType): Operand[] {
    return this.has(name) ? [this.operand(name, dtype)] : [];
  }

  int(name: string, fallback?: number): number {
    return this.evaluator.intOf(this.given(name, fallback), this.argument(name).span, `${name} of ${this.name}`);
  }

  float(name: string, fallback?: number): number {
    const value = this.given(name, fallback);
    if (value.kind === 'int' || value.kind === 'float') return value.value;
    return this.fail(`${name} of ${this.name}`, 'a number', describe(value), this.argument(name).span);
  }

  bool(name: string, fallback: boolean): boolean {
    if (!this.has(name)) return fallback;
    const value = this.value(name);
    if (value.kind === 'bool') return value.value;
    return this.fail(`${name} of ${this.name}`, 'true or false', describe(value), this.argument(name).span);
  }

  string(name: string, fallback?: string): string {
    if (!this.has(name) && fallback !== undefined) return fallback;
    const value = this.value(name);
    if (value.kind === 'string') return value.value;
    return this.fail(`${name} of ${this.name}`, 'a string', describe(value), this.argument(name).span);
  }

  items(name: string): readonly Value[] {
    const value = this.value(name);
    if (value.kind === 'list') return value.items;
    return this.fail(`${name} of ${this.name}`, 'a list', describe(value), this.argument(name).span);
  }

  dims(name: string): Shape {
    const { span } = this.argument(name);
    const dims = this.items(name).map((item): Dim => this.evaluator.dimOf(item, span, `${name} of ${this.name}`));
    const terms = dims.reduce<number>((product, dim) => product * (isSymbolic(dim) ? dim.terms.length : 1), 1);
    if (terms > MAX_SIZE_TERMS)
      this.clash(`${name} of ${this.name} has a product of ${terms} terms, which is too much to count with`, span);
    return dims;
  }

  shape(name: string): Shape {
    const { length } = this.items(name);
    if (length > MAX_RANK)
      this.clash(`${name} of ${this.name} has ${length} axes and may have ${MAX_RANK}`, this.argument(name).span);
    return this.dims(name);
  }

  ints(name: string): number[] {
    const { span } = this.argument(name);
    return this.items(name).map((item) => this.evaluator.intOf(item, span, `${name} of ${this.name}`));
  }

  /** A pair of ints from an int or a list of two. */
  pair(name: string, fallback?: number): readonly [number, number] {
    const value = this.given(name, fallback);
    if (value.kind === 'string' && value.value === 'same')
      return this.fail(
        `${name} of ${this.name}`,
        'an int or a list of two',
        describe(value),
        this.argument(name).span,
        ['of a kernel of an odd size k and a stride of 1, padding (k − 1) / 2 keeps the size'],
      );
    if (value.kind !== 'list') {
      const both = this.int(name, fallback);
      return [both, both];
    }
    const [a, b, ...rest] = this.ints(name);
    if (a === undefined || b === undefined || rest.length > 0) {
      return this.fail(`${name} of ${this.name}`, 'an int or a list of two', describe(value), this.argument(name).span);
    }
    return [a, b];
  }

  /** An axis of a tensor, −1 for the last, made non-negative. */
  axis(name: string, type: TensorType, fallback?: number): number {
    return this.normaliseAxis(this.int(name, fallback), type, this.argument(name).span);
  }

  axes(name: string, type: TensorType): number[] {
    if (!this.has(name)) return type.shape.map((_, axis) => axis);
    const { span, value } = this.argument(name);
    const given = value.kind === 'list' ? this.ints(name) : [this.int(name)];
    return [...new Set(given.map((axis) => this.normaliseAxis(axis, type, span)))].sort((a, b) => a - b);
  }

  private normaliseAxis(axis: number, type: TensorType, span: Span): number {
    const rank = type.shape.length;
    if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
    return this.clash(`axis ${axis} is outside of ${printShape(type.shape)}, whose axes are 0 to ${rank - 1}`, span);
  }

  op<N extends OpName>(op: N, operands: Operands<N, Operand>, attributes: OpAttributes[N]): Value {
    return this.evaluator.emission.emit(op, operands, attributes, this.span)[0]!;
  }

  ops<N extends OpName>(op: N, operands: Operands<N, Operand>, attributes: OpAttributes[N]): Value[] {
    return this.evaluator.emission.emit(op, operands, attributes, this.span);
  }

  /** Reports that tensors do not fit and throws Reported. */
  clash(text: string, span: Span = this.span): never {
    this.evaluator.report(diagnose('shape_clash', { text }, span, this.evaluator.here()));
    throw new Reported();
  }

  fail(what: string, expected: string, found: string, span: Span, notes: readonly string[] = []): never {
    this.evaluator.report(diagnose('wrong_type', { what, expected, found }, span, { ...this.evaluator.here(), notes }));
    throw new Reported();
  }

  private given(name: string, fallback: number | undefined): Value {
    if (!this.has(name) && fallback !== undefined)
      return { kind: Number.isInteger(fallback) ? 'int' : 'float', value: fallback };
    return this.value(name);
  }
}

/** Terms of the number of elements of a tensor; `[B, P + T, 8]` has two. */
const MAX_SIZE_TERMS = 4096;

/** The builtin that makes a tensor one of the element type. */
export const CONVERSIONS: { readonly [D in DType]: string } = { f32: 'float', i64: 'int', bool: 'bool' };
export const DTYPE_NAMES: { readonly [D in DType]: string } = { f32: 'floats', i64: 'ints', bool: 'bools' };
