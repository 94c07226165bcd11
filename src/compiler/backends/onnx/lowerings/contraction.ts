/**
 * matmul and linear.
 *
 * Weights keep the checkpoint's layout [out, in]. Gemm multiplies by the transposed weight in place; a
 * Transpose before a MatMul would be folded when the session loads, into a second copy of every weight in memory.
 */
import { productOf, type Shape } from '../../../../shared/dim.ts';
import type { Emitter } from '../emitter.ts';
import { reshape } from '../shapes.ts';
import type { Lowerings, Operand } from './rule.ts';

/** x [..., in] · weightᵀ [in, out] + bias [out] → [..., out] */
function affine(emit: Emitter, x: Operand, weight: Operand, bias: Operand | undefined, to: Shape): string {
  const { shape } = x.type;
  const [out, width] = [weight.type.shape[0]!, weight.type.shape[1]!];
  const rowCount = productOf(shape.slice(0, -1));
  // several layers often read the same x (q, k and v)
  const rows =
    shape.length === 2 ? x.name : emit.once(`rows of ${x.name}`, () => reshape(emit, x.name, shape, [rowCount, width]));
  const y = emit.op('Gemm', [rows, weight.name, ...(bias ? [bias.name] : [])], { transB: 1 });
  return shape.length === 2 ? y : reshape(emit, y, [rowCount, out], to);
}

function swapLastAxes(emit: Emitter, { name, type }: Operand): string {
  const perm = [...type.shape.keys()];
  [perm[perm.length - 2], perm[perm.length - 1]] = [perm.at(-1)!, perm.at(-2)!];
  return emit.op('Transpose', [name], { perm });
}

export const CONTRACTION: Lowerings<'matmul' | 'linear'> = {
  matmul: (emit, { inputs, attributes: { transpose_a, transpose_b }, outputs }) => {
    const [a, b] = [inputs[0]!, inputs[1]!];
    if (transpose_b && !transpose_a && b.type.shape.length === 2) {
      return [affine(emit, a, b, undefined, outputs[0]!.shape)];
    }
    // gradients of weights: both operands are matrices, and Gemm transposes while it multiplies
    if (transpose_a && a.type.shape.length === 2 && b.type.shape.length === 2) {
      return [emit.op('Gemm', [a.name, b.name], { transA: 1, transB: transpose_b ? 1 : 0 })];
    }
    const left = transpose_a ? swapLastAxes(emit, a) : a.name;
    const right = transpose_b ? swapLastAxes(emit, b) : b.name;
    return [emit.op('MatMul', [left, right])];
  },
  linear: (emit, { inputs, outputs }) => [affine(emit, inputs[0]!, inputs[1]!, inputs[2], outputs[0]!.shape)],
};
