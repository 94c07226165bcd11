/**
 * What training keeps from the forward part for the backward part: the memory that grows with batch and length.
 *
 * A saved activation is a value that a forward node makes and a backward node reads. Inputs, parameters and constants are
 * there anyway. A reshape shares its operand's bytes, so both count once.
 */
import type { Shape } from '../../../shared/dim.ts';
import { evaluateDim } from '../../../shared/dim.ts';
import type { DType } from '../../../shared/dtype.ts';
import type { Graph, Origin, ValueId } from '../../ir/graph.ts';
import { typeOf } from '../../ir/graph.ts';
import type { OpName } from '../../ops/attributes.ts';
import { isBackward } from './origin.ts';

export interface SavedActivation {
  readonly value: ValueId;
  readonly dtype: DType;
  readonly shape: Shape;
  /** the op that makes it, and where that is in the model */
  readonly op: OpName;
  readonly origin: Origin;
}

export interface SavedActivations {
  readonly values: readonly SavedActivation[];
  /**
   * Bytes of all of them, for values of the symbolic dims (`B`, `T`).
   * @throws Error when a symbol has no value
   */
  bytes(dims: ReadonlyMap<string, number>): number;
}

/** Bytes per element as the targets store them: f32, int64, one byte per bool. */
const BYTES: { readonly [D in DType]: number } = { f32: 4, i64: 8, bool: 1 };

/** The saved activations of a graph that `differentiate` made, before or after other passes. */
export function savedActivations(graph: Graph): SavedActivations {
  const forward = graph.nodes.filter((node) => !isBackward(node));
  const read = new Set(graph.nodes.filter(isBackward).flatMap(({ inputs }) => inputs));
  const base = new Map<ValueId, ValueId>();
  for (const { op, inputs, outputs } of forward) {
    if (op === 'reshape') base.set(outputs[0], base.get(inputs[0]) ?? inputs[0]);
  }
  const kept = new Set([...read].map((value) => base.get(value) ?? value));
  const values = forward.flatMap(({ op, outputs, origin }) =>
    outputs
      .filter((value) => kept.has(value))
      .map((value): SavedActivation => ({ value, ...typeOf(graph, value), op, origin })),
  );
  return {
    values,
    bytes: (dims) =>
      values.reduce(
        (sum, { dtype, shape }) =>
          sum + shape.reduce<number>((product, dim) => product * evaluateDim(dim, dims), BYTES[dtype]),
        0,
      ),
  };
}
