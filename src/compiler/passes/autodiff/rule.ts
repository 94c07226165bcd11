/**
 * What a gradient rule is: a forward node in, and for each operand how the gradient of the scalar with respect
 * to it is written in IR.
 *
 * The driver asks only for the operands that need a gradient, sums each answer to the operand's shape (so a rule
 * never undoes broadcasting) and adds up the answers of a value's users.
 */
import type { ValueId } from '../../ir/graph.ts';
import type { OpAttributes, Operands, OpName } from '../../ops/attributes.ts';
import type { Results } from '../../ops/declare.ts';
import type { Emit } from './emit.ts';

export interface Call<N extends OpName> {
  readonly emit: Emit;
  readonly inputs: Operands<N, ValueId>;
  readonly outputs: Results<ValueId>;
  readonly attributes: OpAttributes[N];
  /** dL/d(output), of the first output unless said otherwise; zeros where nothing flows back. */
  readonly upstream: (output?: number) => ValueId;
  /** An operand that is computed from this call's upstream_gradient, computed from `upstream` instead. */
  readonly written: (operand: number) => ValueId;
}

/** Writes dL/d(operand), of the operand's shape or a broadcast of it; null: integers and masks have none. */
export type OperandGradient = (() => ValueId) | null;

/** One entry per operand, trailing optional ones included. */
export type Derivative<N extends OpName> = (call: Call<N>) => readonly OperandGradient[];

export interface NotDifferentiable {
  readonly because: string;
}

export type GradientRule<N extends OpName> = Derivative<N> | NotDifferentiable;

/** The rules of some ops: what each family file exports. */
export type Gradients<K extends OpName> = { readonly [N in K]: GradientRule<N> };

export function notDifferentiable(because: string): NotDifferentiable {
  return { because };
}

/** A piece that the gradients of several operands share: written when first asked for. */
export function once<T = ValueId>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
