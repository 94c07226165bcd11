/** Floating-point operations of ops that do the same for each element of their result. */
import { type Dim, mulDims, productOf, type Shape } from '../../shared/dim.ts';
import type { TensorType } from '../../shared/tensor.ts';

export const perElement =
  (count: number) =>
  (_: unknown, { shape }: TensorType): Dim =>
    mulDims(productOf(shape), count);

/** A multiplication and an addition for each place of a kernel, weight [O, C/groups, kh, kw]. */
export const perWindow = (weight: Shape): Dim => mulDims(2, productOf(weight.slice(1)));
