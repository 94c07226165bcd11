/**
 * How an op is declared to the type checker: its operands in order and its attributes.
 *
 * Each family file (`ops/<family>.ts`) has an interface of such declarations beside the records of the same ops.
 * Axes in attributes are always normalised (non-negative), and lists have one entry per axis unless said otherwise.
 */

/**
 * Stands for an operand in a declaration; `Operands<N, T>` (attributes.ts) puts a T in its place. Operands that may be left
 * out are a rest (`...bias`), so that a node's operands are always a list of values; how many there may be is the record's.
 */
export type Operand = unknown;

export type Unary = readonly [x: Operand];
export type Binary = readonly [a: Operand, b: Operand];

/** What an op gives: one value, or several (split, the gradients of attention). */
export type Results<T> = readonly [T, ...T[]];

export function mapResults<From, To>(
  [first, ...more]: Results<From>,
  to: (result: From, index: number) => To,
): Results<To> {
  return [to(first, 0), ...more.map((result, index) => to(result, index + 1))];
}

/** No attributes. */
export type None = Readonly<Record<never, never>>;

export interface Op<Operands extends readonly Operand[], Attributes = None> {
  readonly operands: Operands;
  readonly attributes: Attributes;
}

export type AnyOp = Op<readonly Operand[], unknown>;

/** The operands of a declared op, each of them a T: `ValueId` in a node, `TensorType` in a type rule. */
export type OperandsOf<D extends AnyOp, T> = Each<D['operands'], T>;

/** A tuple of as many Ts. */
type Each<Tuple extends readonly unknown[], T> = { readonly [K in keyof Tuple]: T };
