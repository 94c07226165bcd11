/** The record that declares an op: everything about it that needs nothing above the op itself. */
import type { Dim } from '../../shared/dim.ts';
import type { TensorType, WideTensor } from '../../shared/tensor.ts';
import type { AnyOp, OperandsOf, Results } from './declare.ts';
import type { Integers } from './integers.ts';

export interface OperandSpec {
  readonly name: string;
  /** Optional operands are trailing. */
  readonly optional?: true;
  /** The last operand may repeat (concat). */
  readonly variadic?: true;
}

/** A dim that has to be at least 0 where the op runs, and what for: `the slice 1:4 of axis 1`. */
export interface DimNeed {
  readonly dim: Dim;
  readonly what: string;
}

/** An operand whose elements are indices: 0 ≤ each < `size`, or `also`, which is passed over. */
export interface IndexOperand {
  readonly operand: number;
  readonly size: Dim;
  readonly also?: number;
}

/**
 * An operand that may be a stored matrix. contracted: a product sums along its last axis (x · wᵀ); turned: along its first
 * (x · w); table: rows are looked up.
 */
export interface MatrixOperand {
  readonly operand: number;
  readonly as: 'contracted' | 'turned' | 'table';
  /** the operand whose last axis is summed with it: rows of x in x · wᵀ */
  readonly rows?: number;
}

/** What passes may ask about an op, instead of asking for its name. */
export interface OpTraits {
  /** Each output element depends on the operands' elements at the (broadcast) same index only. */
  readonly pointwise?: true;
  /** f(a, b) = f(b, a) */
  readonly commutative?: true;
  /** Moves elements without computing on them. */
  readonly view?: true;
  /** Folds one or more axes into one value. */
  readonly reduction?: true;
  /** Scores to probabilities, or their logarithms. */
  readonly probabilities?: true;
  /** A scalar that judges its first operand. */
  readonly loss?: true;
  /** Made of sums and products alone: of integers in n bits, the true result modulo 2ⁿ. */
  readonly modular?: true;
  /** Stands for what a pass puts in its place: it has no value to fold. */
  readonly placeholder?: true;
}

export interface Spec<D extends AnyOp = AnyOp, N = string> {
  readonly name: N;
  /** One or two sentences, formula included where there is one; printed in the op reference. */
  readonly doc: string;
  /** as many as the declaration has */
  readonly operands: readonly OperandSpec[];
  readonly traits: OpTraits;
  /** Of a pointwise op: simple operations for an element, beside its loads; 1 where absent. Decides what is computed twice rather than stored. */
  readonly cost?: number;
  /**
   * Floating-point operations before any fusion: a multiplication and an addition are two, a function such as exp one. Where absent,
   * the traits say: one for each element that is computed or folded, none for a view.
   */
  flops?(inputs: OperandsOf<D, TensorType>, result: TensorType, attributes: D['attributes']): Dim;
  /** The operand that indexes another, where there is one. */
  indices?(inputs: OperandsOf<D, TensorType>, attributes: D['attributes']): IndexOperand;
  matrix?(attributes: D['attributes']): MatrixOperand | undefined;
  /** What the elements of a result of integers can be; every op that can give one says it. */
  integers?<I>(
    known: Integers<I>,
    operands: OperandsOf<D, I>,
    attributes: D['attributes'],
    inputs: OperandsOf<D, TensorType>,
  ): I;
  /**
   * Types of the outputs. Only called with as many operands as `operands` allows.
   * @throws TypeRuleError when the operands do not fit
   */
  infer(inputs: OperandsOf<D, TensorType>, attributes: D['attributes']): Results<TensorType>;
  /** What `infer` cannot decide before symbolic dims have values, beside output dims that are at least 0. */
  requires?(inputs: OperandsOf<D, TensorType>, attributes: D['attributes']): readonly DimNeed[];
  /**
   * The meaning of the op, in float64. Every Dim in `attributes` has been replaced by its number. Serves
   * constant folding and the reference interpreter.
   */
  evaluate(inputs: OperandsOf<D, WideTensor>, attributes: D['attributes']): Results<WideTensor>;
}

/** An index outside of its table, found while an op is evaluated. */
export class IndexRangeError extends Error {
  readonly index: number;
  readonly size: number;
  constructor(message: string, index: number, size: number) {
    super(message);
    this.name = 'IndexRangeError';
    this.index = index;
    this.size = size;
  }
}

/** The records of a family of ops, by name, from their declarations. */
export type Family<F extends { readonly [N in keyof F]: AnyOp }> = { readonly [N in keyof F]: Spec<F[N], N> };

/** One side of a clash: an axis of an operand (or the whole operand), with what it is. */
export interface ClashSide {
  readonly operand: number;
  readonly axis?: number;
  /** `in_features is 64`, `last axis is 32` */
  readonly label: string;
}

/**
 * An op's operands do not fit. `message` is lower case, one sentence, no full stop, naming both sides;
 * `sides` lets the language point at each operand's own place in the source.
 */
export class TypeRuleError extends Error {
  readonly sides: readonly ClashSide[];
  readonly note: string | undefined;
  constructor(message: string, sides: readonly ClashSide[] = [], note?: string) {
    super(message);
    this.name = 'TypeRuleError';
    this.sides = sides;
    this.note = note;
  }
}
