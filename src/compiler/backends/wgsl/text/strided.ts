/**
 * Views as strides: when a chain of transposes, reshapes, slices and the like over a buffer can be read as
 * buffer[offset + Σ coordinate · stride], and with which strides.
 *
 *   %1 = reshape(%0 [B, T, 3·H·D], [B, T, H, 3, D])      strides  T·3HD  3HD  3D  D  1
 *   %2 = transpose(%1, [3, 0, 2, 1, 4])                           D  T·3HD  3D  3HD  1
 *
 * Where a reshape would split or merge axes that do not lie one after the other there is none, and the kernel computes
 * the position with divisions instead.
 */
import { addDims, type Dim, divideDims, equalDims, mulDims, type Shape } from '../../../../shared/dim.ts';
import type { Node } from '../../../ir/graph.ts';
import { segmentsOf } from './index-math.ts';

export interface Strided {
  readonly shape: Shape;
  /** in elements, per axis; 0 along a broadcast axis */
  readonly strides: readonly Dim[];
  readonly offset: Dim;
  /**
   * Where a tensor begins in a buffer that it shares with others, in elements: added to the offset. It is an argument of
   * the kernel, so that kernels that differ in it are one text.
   */
  readonly base?: number;
}

export function rowMajor(shape: Shape): readonly Dim[] {
  const strides = new Array<Dim>(shape.length);
  let step: Dim = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step = mulDims(step, shape[axis]!);
  }
  return strides;
}

export const contiguous = (shape: Shape): Strided => ({ shape, strides: rowMajor(shape), offset: 0 });

export function permuted(view: Strided, permutation: readonly number[]): Strided {
  return {
    ...view,
    shape: permutation.map((axis) => view.shape[axis]!),
    strides: permutation.map((axis) => view.strides[axis]!),
  };
}

export function sliced(view: Strided, starts: readonly Dim[], steps: readonly number[], shape: Shape): Strided {
  return {
    ...view,
    shape,
    strides: view.strides.map((stride, axis) => mulDims(stride, steps[axis]!)),
    offset: starts.reduce<Dim>((sum, start, axis) => addDims(sum, mulDims(start, view.strides[axis]!)), view.offset),
  };
}

/** A slice of all that lies in a buffer, where that is flat: a tensor that begins at a base. Undefined for any other. */
export function pieceOf(view: Strided, { attributes }: Node<'slice'>, shape: Shape): Strided | undefined {
  const {
    starts: [start],
    steps,
  } = attributes;
  const flat = view.shape.length === 1 && view.strides[0] === 1 && view.offset === 0 && view.base === undefined;
  return flat && typeof start === 'number' && steps[0] === 1 ? { ...view, shape, base: start } : undefined;
}

/** Right-aligned, as NumPy. */
export function expanded(view: Strided, shape: Shape): Strided {
  const missing = shape.length - view.shape.length;
  return {
    ...view,
    shape,
    strides: shape.map((dim, axis) => {
      if (axis < missing) return 0;
      const own = view.shape[axis - missing]!;
      return equalDims(own, 1) && !equalDims(dim, 1) ? 0 : view.strides[axis - missing]!;
    }),
  };
}

/** The same elements in the same order under another shape; undefined when no strides describe it. */
export function reshaped(view: Strided, shape: Shape): Strided | undefined {
  const strides = new Array<Dim>(shape.length).fill(0);
  for (const { from, to } of segmentsOf(view.shape, shape)) {
    const merged = mergedStride(view, from[0], from[1]);
    if (merged === undefined) return undefined;
    let step = merged;
    for (let axis = to[1] - 1; axis >= to[0]; axis--) {
      strides[axis] = step;
      step = mulDims(step, shape[axis]!);
    }
  }
  return { ...view, shape, strides };
}

/** The stride of axes start … end − 1 read as one; undefined when they do not lie one after the other. */
function mergedStride({ shape, strides }: Strided, start: number, end: number): Dim | undefined {
  let inner: Dim | undefined;
  let step: Dim = 1;
  for (let axis = end - 1; axis >= start; axis--) {
    if (shape[axis] === 1) continue;
    if (inner === undefined) inner = strides[axis]!;
    else if (!equalDims(strides[axis]!, step)) return undefined;
    step = mulDims(strides[axis]!, shape[axis]!);
  }
  return inner ?? 1;
}

/** Whether four elements along the axis can be loaded as one vec4: contiguous, and every row starts at a multiple of 4. */
export function vectorAlong({ shape, strides, offset, base = 0 }: Strided, axis: number): boolean {
  const extent = shape[axis]!;
  if (strides[axis] !== 1 || ![extent, offset, base].every(isMultipleOf4)) return false;
  return strides.every((stride, other) => other === axis || shape[other] === 1 || isMultipleOf4(stride));
}

export function isMultipleOf4(dim: Dim): boolean {
  return typeof dim === 'number' ? dim % 4 === 0 : divideDims(dim, 4) !== undefined;
}
