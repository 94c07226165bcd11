/**
 * matmul and linear.
 *
 * Weights keep the checkpoint's layout [out, in]. Gemm multiplies by the transposed weight in place; a
 * Transpose before a MatMul would be folded when the session loads, into a second copy of every weight in memory.
 */
import { printDim, productOf, type Shape } from '../../../../shared/dim.ts';
import type { Emitter } from '../emitter.ts';
import { matMulNBits } from '../nbits.ts';
import { dimValue, expand, isNothing, reshape } from '../shapes.ts';
import { neverZero } from '../symbols.ts';
import type { Lowerings, Operand } from './rule.ts';

/** x [..., in] · weightᵀ [in, out] + bias [out] → [..., out] */
function affine(emit: Emitter, x: Operand, weight: Operand, bias: Operand | undefined, to: Shape): string {
  const { shape } = x.type;
  const packed = emit.packed.get(weight.name);
  if (packed?.unsigned) return matMulNBits(emit, x, packed, weight.type.shape as readonly number[], bias?.name);
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

/** A vector beside matrices of which there may be none, as a matrix: ONNX Runtime's MatMul would stretch it. */
function asMatrix(emit: Emitter, own: Operand, other: Operand, axis: 0 | 1): Operand {
  if (own.type.shape.length > 1 || other.type.shape.every(neverZero)) return own;
  const name = emit.op('Unsqueeze', [own.name, emit.indices([axis])]);
  return { name, type: { ...own.type, shape: own.type.shape.toSpliced(axis, 0, 1) } };
}

/**
 * ONNX Runtime's MatMul stretches 1 matrix over n but not over 0: where n may be 0, the 1 becomes min(n, 1).
 */
function alignedWith(emit: Emitter, name: string, own: Operand, other: Operand): string {
  const batch = own.type.shape.slice(0, -2);
  const wanted = other.type.shape.slice(0, -2);
  const missing = wanted.length - batch.length;
  const stretched = wanted.map((dim, axis) => (axis < missing || batch[axis - missing] === 1) && !neverZero(dim));
  if (!stretched.includes(true) || own.type.shape.length < 2) return name;
  const sizes = wanted.map((dim, axis) => {
    if (!stretched[axis]) return emit.indices([1]);
    return emit.shared(`at most one ${printDim(dim)}`, () => emit.op('Min', [dimValue(emit, dim), emit.indices([1])]));
  });
  return emit.op('Expand', [name, emit.op('Concat', [...sizes, emit.indices([1, 1])], { axis: 0 })]);
}

export const CONTRACTION: Lowerings<'matmul' | 'linear'> = {
  matmul: (emit, { inputs, attributes: { transpose_a, transpose_b }, outputs }) => {
    const [a, b] = [inputs[0], inputs[1]];
    if (transpose_b && !transpose_a && b.type.shape.length === 2) {
      return [affine(emit, a, b, undefined, outputs[0].shape)];
    }
    // gradients of weights: both operands are matrices, and Gemm transposes while it multiplies
    if (transpose_a && a.type.shape.length === 2 && b.type.shape.length === 2) {
      return [emit.op('Gemm', [a.name, b.name], { transA: 1, transB: transpose_b ? 1 : 0 })];
    }
    const { shape } = outputs[0];
    const inner = a.type.shape.at(transpose_a ? -2 : -1)!;
    if (inner === 0) return [expand(emit, emit.scalar(0), [], shape)];
    const [row, column] = [asMatrix(emit, a, b, 0), asMatrix(emit, b, a, 1)];
    const left = alignedWith(emit, transpose_a ? swapLastAxes(emit, a) : row.name, row, column);
    const other = transpose_b ? swapLastAxes(emit, b) : column.name;
    // a matrix on the right goes over all of them by itself: one product of all rows
    const right = column.type.shape.length === 2 ? other : alignedWith(emit, other, column, row);
    const product = emit.op('MatMul', [left, right]);
    const added = [...(row === a ? [] : [-2]), ...(column === b ? [] : [-1])];
    const y = added.length === 0 ? product : emit.op('Squeeze', [product, emit.indices(added)]);
    // ONNX Runtime fuses a transpose into the product, and that kernel leaves the result unwritten when it sums over nothing
    const batched = Math.max(a.type.shape.length, b.type.shape.length) > 2;
    return [batched && !neverZero(inner) ? emit.op('Where', [isNothing(emit, inner), emit.scalar(0), y]) : y];
  },
  linear: (emit, { inputs, outputs }) => [affine(emit, inputs[0], inputs[1], inputs[2], outputs[0]!.shape)],
};
