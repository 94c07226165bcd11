/** How a tensor lies in its buffer. */
import { type Dim, mulDims, type Shape } from '../../../../shared/dim.ts';
import { isMultipleOf4 } from './expr.ts';

/** An element of a buffer as an argument of the kernel, so that kernels that differ in it are one text. */
export interface Base {
  /** which of the kernel's bases */
  readonly number: number;
  /** a multiple of 4: vectors can be loaded from there */
  readonly aligned: boolean;
}

export interface Layout {
  readonly shape: Shape;
  /** in elements, per axis */
  readonly strides: readonly Dim[];
  /** where a tensor begins in a buffer that it shares with others */
  readonly base?: Base;
  /** where it begins in a buffer that was packed for this kernel, in elements: a number of the text */
  readonly offset?: number;
}

/** Of shapes that have been asked for; they do not change. */
const ROW_MAJOR = new WeakMap<Shape, readonly Dim[]>();

export function rowMajor(shape: Shape): readonly Dim[] {
  const before = ROW_MAJOR.get(shape);
  if (before) return before;
  const strides = new Array<Dim>(shape.length);
  let step: Dim = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step = mulDims(step, shape[axis]!);
  }
  ROW_MAJOR.set(shape, strides);
  return strides;
}

export const contiguous = (shape: Shape): Pick<Layout, 'shape' | 'strides'> => ({ shape, strides: rowMajor(shape) });

/** Whether four elements along the axis can be loaded as one vec4: contiguous, and every row starts at a multiple of 4. */
export function vectorAlong({ shape, strides, base, offset = 0 }: Layout, axis: number): boolean {
  const extent = shape[axis]!;
  if (strides[axis] !== 1 || base?.aligned === false || ![extent, offset].every(isMultipleOf4)) return false;
  return strides.every((stride, other) => other === axis || shape[other] === 1 || isMultipleOf4(stride));
}
