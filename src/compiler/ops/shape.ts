/** Ops that show the same elements in another shape or order. Dims in attributes may be symbolic. */
import type { Shape } from '../../shared/dim.ts';
import { equalDims, printDim, printShape, productOf } from '../../shared/dim.ts';
import { sizeOf, stridesOf } from '../../shared/tensor.ts';
import { stretchedStrides } from './broadcast.ts';
import type { Op, Unary } from './declare.ts';
import { expectAxesInRange, expectOnePerAxis } from './rules.ts';
import type { Family } from './spec.ts';
import { TypeRuleError } from './spec.ts';
import { copyStrided, staticShape, wide } from './strided.ts';

export interface ShapeOps {
  reshape: Op<Unary, { readonly shape: Shape }>;
  /** output axis i is input axis permutation[i] */
  transpose: Op<Unary, { readonly permutation: readonly number[] }>;
  /** Broadcasts (NumPy rules, right-aligned) to exactly this shape. */
  expand: Op<Unary, { readonly shape: Shape }>;
  flip: Op<Unary, { readonly axes: readonly number[] }>;
}

const X = [{ name: 'x' }] as const;

export const SHAPE: Family<ShapeOps> = {
  reshape: {
    name: 'reshape',
    doc: 'The same elements in row-major order under another shape.',
    operands: X,
    traits: { view: true },
    integers: (_, [x]) => x,
    infer([x], { shape }) {
      const [before, after] = [productOf(x.shape), productOf(shape)];
      if (!equalDims(before, after)) {
        throw new TypeRuleError(
          `reshape keeps the number of elements, and ${printShape(x.shape)} has ${printDim(before)} and ${printShape(shape)} has ${printDim(after)}`,
          [{ operand: 0, label: `has ${printDim(before)} elements` }],
        );
      }
      return [{ dtype: x.dtype, shape }];
    },
    evaluate([x], { shape }) {
      const target = staticShape(shape);
      if (sizeOf(target) !== x.data.length) {
        throw new Error(`reshape of ${x.data.length} elements to ${printShape(shape)} with ${sizeOf(target)}`);
      }
      return [wide(x.dtype, target, x.data)];
    },
  },
  transpose: {
    name: 'transpose',
    doc: 'Reorders the axes: output axis i is input axis permutation[i].',
    operands: X,
    traits: { view: true },
    integers: (_, [x]) => x,
    infer([x], { permutation }) {
      expectOnePerAxis('transpose', 'axis of the permutation', permutation, x);
      expectAxesInRange('transpose', permutation, x.shape.length);
      return [{ dtype: x.dtype, shape: permutation.map((axis) => x.shape[axis]!) }];
    },
    evaluate([x], { permutation }) {
      const strides = stridesOf(x.shape);
      const shape = permutation.map((axis) => x.shape[axis]!);
      return [
        wide(
          x.dtype,
          shape,
          copyStrided(
            x.data,
            0,
            shape,
            permutation.map((axis) => strides[axis]!),
          ),
        ),
      ];
    },
  },
  expand: {
    name: 'expand',
    doc: 'Broadcasts (right-aligned) to exactly this shape.',
    operands: X,
    traits: { view: true },
    integers: (_, [x]) => x,
    infer([x], { shape }) {
      const missing = shape.length - x.shape.length;
      const fits = missing >= 0 && x.shape.every((dim, i) => equalDims(dim, 1) || equalDims(dim, shape[i + missing]!));
      if (!fits) {
        throw new TypeRuleError(
          `expand cannot stretch ${printShape(x.shape)} to ${printShape(shape)}`,
          [{ operand: 0, label: `is ${printShape(x.shape)}` }],
          shape.some((dim) => dim === -1) ? 'each size is written, also of an axis that stays as it is' : undefined,
        );
      }
      return [{ dtype: x.dtype, shape }];
    },
    evaluate([x], { shape }) {
      const target = staticShape(shape);
      return [wide(x.dtype, target, copyStrided(x.data, 0, target, stretchedStrides(x.shape, target)))];
    },
  },
  flip: {
    name: 'flip',
    doc: 'Reverses the order of the elements along the axes.',
    operands: X,
    traits: { view: true },
    integers: (_, [x]) => x,
    infer([x], { axes }) {
      expectAxesInRange('flip', axes, x.shape.length);
      return [x];
    },
    evaluate([x], { axes }) {
      const strides = stridesOf(x.shape);
      const start = axes.reduce((sum, axis) => sum + (x.shape[axis]! - 1) * strides[axis]!, 0);
      const steps = strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride));
      return [wide(x.dtype, x.shape, copyStrided(x.data, start, x.shape, steps))];
    },
  },
};
