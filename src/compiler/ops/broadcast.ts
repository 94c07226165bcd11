/** NumPy broadcasting: right-aligned shapes, an axis of 1 stretches; symbols only match themselves or 1. */
import type { Dim, Shape } from '../../shared/dim.ts';
import { equalDims, printDim, printShape } from '../../shared/dim.ts';
import type { TensorType, WideTensor } from '../../shared/tensor.ts';
import { stridesOf } from '../../shared/tensor.ts';
import { TypeRuleError } from './spec.ts';
import { copyStrided } from './strided.ts';

/**
 * The shape that all operands stretch to.
 * @throws TypeRuleError naming the two operands, the axis and both dims
 */
export function broadcastShapes(op: string, inputs: readonly TensorType[], names: readonly string[]): Shape {
  const first = inputs[0]!.shape;
  if (inputs.every(({ shape }) => shape === first)) return first;
  const rank = Math.max(...inputs.map(({ shape }) => shape.length));
  const result: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    let dim: Dim = 1;
    let owner = 0; // the operand that `dim` comes from
    for (const [operand, { shape }] of inputs.entries()) {
      const at = axis - (rank - shape.length);
      if (at < 0) continue;
      const other = shape[at]!;
      if (equalDims(other, 1) || equalDims(other, dim)) continue;
      if (!equalDims(dim, 1)) throw clash(op, inputs, names, axis - rank, owner, operand);
      dim = other;
      owner = operand;
    }
    result.push(dim);
  }
  return result;
}

/** @param fromRight the axis, −1 for the last: shapes of different ranks are aligned there */
function clash(
  op: string,
  inputs: readonly TensorType[],
  names: readonly string[],
  fromRight: number,
  left: number,
  right: number,
): TypeRuleError {
  const side = (operand: number) => {
    const { shape } = inputs[operand]!;
    const axis = shape.length + fromRight;
    return { operand, axis, shape, dim: printDim(shape[axis]!), name: names[operand]! };
  };
  const [a, b] = [side(left), side(right)];
  return new TypeRuleError(
    `${op} cannot broadcast ${a.name} ${printShape(a.shape)} against ${b.name} ${printShape(b.shape)}: axis ${a.axis} of ${a.name} is ${a.dim} and axis ${b.axis} of ${b.name} is ${b.dim}`,
    [a, b].map(({ operand, axis, dim }) => ({ operand, axis, label: `axis ${axis} is ${dim}` })),
  );
}

/** The concrete broadcast of shapes that the type rule has accepted. */
export function broadcastStatic(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const dims = shapes.map((shape) => shape[axis - (rank - shape.length)] ?? 1);
    const stretched = dims.find((dim) => dim !== 1) ?? 1;
    const odd = dims.find((dim) => dim !== 1 && dim !== stretched);
    if (odd !== undefined) throw new Error(`cannot broadcast an axis of ${stretched} against one of ${odd}`);
    return stretched;
  });
}

/** Strides that read `shape` as if stretched to `target`: 0 along each stretched axis. */
export function stretchedStrides(shape: readonly number[], target: readonly number[]): number[] {
  const strides = stridesOf(shape);
  const missing = target.length - shape.length;
  return target.map((dim, axis) => {
    if (axis < missing) return 0;
    const own = shape[axis - missing]!;
    if (own !== dim && own !== 1) throw new Error(`cannot stretch an axis of ${own} to ${dim}`);
    return own === 1 ? 0 : strides[axis - missing]!;
  });
}

/** The tensor's elements stretched to `target`; its own array when nothing stretches. */
export function broadcastTo(tensor: WideTensor, target: readonly number[]): Float64Array {
  const { shape, data } = tensor;
  if (shape.length === target.length && shape.every((dim, axis) => dim === target[axis])) return data;
  return copyStrided(data, 0, target, stretchedStrides(shape, target));
}
