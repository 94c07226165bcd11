/** How a tensor lies in its buffer. */
import { type Dim, mulDims, type Shape } from '../../../../shared/dim.ts';
import type { Node } from '../../../ir/graph.ts';
import { isMultipleOf4 } from './expr.ts';

export interface Layout {
  readonly shape: Shape;
  /** in elements, per axis */
  readonly strides: readonly Dim[];
  /**
   * Where a tensor begins in a buffer that it shares with others, in elements. It is an argument of the kernel, so that
   * kernels that differ in it are one text.
   */
  readonly base?: number;
  /** where it begins in a buffer that was packed for this kernel, in elements: a number of the text */
  readonly offset?: number;
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

export const contiguous = (shape: Shape): Layout => ({ shape, strides: rowMajor(shape) });

/** A slice of all that lies in a buffer, where that is flat: a tensor that begins at a base. Undefined for any other. */
export function pieceOf(layout: Layout, { attributes }: Node<'slice'>, shape: Shape): Layout | undefined {
  const {
    starts: [start],
    steps,
  } = attributes;
  const flat = layout.shape.length === 1 && layout.strides[0] === 1 && layout.base === undefined && !layout.offset;
  return flat && typeof start === 'number' && steps[0] === 1 ? { ...layout, shape, base: start } : undefined;
}

/** Whether four elements along the axis can be loaded as one vec4: contiguous, and every row starts at a multiple of 4. */
export function vectorAlong({ shape, strides, base = 0, offset = 0 }: Layout, axis: number): boolean {
  const extent = shape[axis]!;
  if (strides[axis] !== 1 || ![extent, base, offset].every(isMultipleOf4)) return false;
  return strides.every((stride, other) => other === axis || shape[other] === 1 || isMultipleOf4(stride));
}
