/** What a lowering rule is: an IR op in, ONNX nodes through the emitter, the names of its results out. */
import type { Dim } from '../../../../shared/dim.ts';
import type { DType } from '../../../../shared/dtype.ts';
import type { TensorType } from '../../../ir/graph.ts';
import type { OpAttributes, Operands, OpName } from '../../../ops/attributes.ts';
import type { Results } from '../../../ops/declare.ts';
import type { Emitter } from '../emitter.ts';
import { ONNX_DTYPE } from '../proto.ts';

export interface Operand {
  /** of the ONNX value */
  readonly name: string;
  readonly type: TensorType;
}

export interface Call<N extends OpName> {
  readonly inputs: Operands<N, Operand>;
  readonly attributes: OpAttributes[N];
  readonly outputs: Results<TensorType>;
  /** attributes of all calls of the op on the same operands, this one included: what can be done once for them */
  readonly siblings: readonly OpAttributes[N][];
}

/** Returns the ONNX values of the op's outputs; one of its inputs' names where nothing had to be done. */
export type Lowering<N extends OpName> = (emit: Emitter, call: Call<N>) => readonly string[];

/** The rules of some ops: what each family file exports. */
export type Lowerings<K extends OpName> = { readonly [N in K]: Lowering<N> };

/** A reduction whose axes were an attribute before opset 18 and are an operand since (ReduceSum: since 13). */
export function reduce(emit: Emitter, opType: string, x: string, axes: readonly number[], keepdims: boolean): string {
  const keep = { keepdims: keepdims ? 1 : 0 };
  // no axes means all axes to ONNX and none to the IR
  if (axes.length === 0) return x;
  if (emit.opset >= 18 || opType === 'ReduceSum') return emit.op(opType, [x, emit.indices(axes)], keep);
  return emit.op(opType, [x], { axes, ...keep });
}

export function cast(emit: Emitter, x: string, to: DType): string {
  return emit.op('Cast', [x], { to: ONNX_DTYPE[to] });
}

/** The last dim of an operand of rank ≥ 1. */
export function lastDim(operand: Operand): Dim {
  return operand.type.shape.at(-1)!;
}
