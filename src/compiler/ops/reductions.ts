/**
 * Ops that fold axes (sum, mean, max, min, argmax) or scan one (cumsum).
 *
 * `axes: []` folds nothing and is the identity; "all axes" is written out. Sums are plain left-to-right
 * float64 sums.
 */
import { addDims, type Dim, type Shape } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';
import { sizeOf, stridesOf } from '../../shared/tensor.ts';
import type { Op, Unary } from './declare.ts';
import { exact } from './exact.ts';
import { expectAxesInRange, expectDType, F32, NUMBERS } from './rules.ts';
import type { DimNeed, Family, OpTraits, Spec } from './spec.ts';
import { TypeRuleError } from './spec.ts';
import { alongAxis, copyStrided, wide } from './strided.ts';

export interface ReductionOps {
  sum: Op<Unary, { readonly axes: readonly number[]; readonly keepdims: boolean }>;
  mean: Op<Unary, { readonly axes: readonly number[]; readonly keepdims: boolean }>;
  max: Op<Unary, { readonly axes: readonly number[]; readonly keepdims: boolean }>;
  min: Op<Unary, { readonly axes: readonly number[]; readonly keepdims: boolean }>;
  /** Index of the first largest element, or of the first NaN; drops the axis; i64. */
  argmax: Op<Unary, { readonly axis: number }>;
  /** Inclusive prefix sum; f32 or i64. */
  cumsum: Op<Unary, { readonly axis: number }>;
}

type Fold = 'sum' | 'mean' | 'max' | 'min';

function reducedShape<D extends Dim>(shape: readonly D[], axes: readonly number[], keepdims: boolean): (D | 1)[] {
  if (keepdims) return shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  return shape.filter((_, axis) => !axes.includes(axis));
}

function fold<N extends Fold>(
  name: N,
  doc: string,
  allowed: readonly DType[],
  reduce: (data: Float64Array, start: number, count: number) => number,
  more: Pick<Spec<ReductionOps[N], N>, 'integers'> & { readonly traits?: OpTraits } = {},
): Spec<ReductionOps[N], N> {
  return {
    name,
    doc,
    operands: [{ name: 'x' }],
    ...more,
    traits: { reduction: true, ...more.traits },
    infer(inputs, { axes, keepdims }) {
      const { dtype, shape } = expectDType(name, inputs, 0, 'x', allowed);
      expectAxesInRange(name, axes, shape.length);
      if (name === 'max' || name === 'min') expectSomething(name, shape, axes);
      return [{ dtype, shape: reducedShape(shape, axes, keepdims) }];
    },
    requires: ([x], { axes }) => (name === 'max' || name === 'min' ? somethingToFold(name, x.shape, axes) : []),
    evaluate([x], { axes, keepdims }) {
      const { dtype, shape, data } = x;
      const strides = stridesOf(shape);
      const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
      const order = [...kept, ...axes];
      // the folded axes moved last, so that each result is one contiguous run
      const moved = order.every((axis, i) => axis === i)
        ? data
        : copyStrided(
            data,
            0,
            order.map((axis) => shape[axis]!),
            order.map((axis) => strides[axis]!),
          );
      const count = sizeOf(axes.map((axis) => shape[axis]!));
      const out = new Float64Array(sizeOf(kept.map((axis) => shape[axis]!)));
      for (let i = 0; i < out.length; i++) out[i] = reduce(moved, i * count, count);
      const sums = name === 'sum' && dtype === 'i64' ? exact(out) : out;
      return [wide(dtype, reducedShape(shape, axes, keepdims), sums)];
    },
  };
}

/** The largest element of nothing does not exist. */
function expectSomething(op: Fold | 'argmax', shape: Shape, axes: readonly number[]): void {
  const empty = axes.find((axis) => shape[axis] === 0);
  if (empty === undefined) return;
  throw new TypeRuleError(`${op} needs at least one element to fold and axis ${empty} of x has 0`, [
    { operand: 0, axis: empty, label: `axis ${empty} is 0` },
  ]);
}

/** The same of dynamic axes. */
function somethingToFold(op: Fold | 'argmax', shape: Shape, axes: readonly number[]): DimNeed[] {
  return axes.map((axis) => ({ dim: addDims(shape[axis]!, -1), what: `${op} along axis ${axis}` }));
}

function sumOf(data: Float64Array, start: number, count: number): number {
  let sum = 0;
  for (let i = start; i < start + count; i++) sum += data[i]!;
  return sum;
}

function extreme(pick: (a: number, b: number) => number, data: Float64Array, start: number, count: number): number {
  if (count === 0) throw new Error('the largest or smallest element of an empty axis does not exist');
  let best = data[start]!;
  for (let i = start + 1; i < start + count; i++) best = pick(best, data[i]!);
  return best;
}

export const REDUCTIONS: Family<ReductionOps> = {
  sum: fold('sum', 'Sum over the axes; f32 or i64.', NUMBERS, sumOf, {
    traits: { modular: true },
    integers: (known, [x], { axes }, [{ shape }]) =>
      known.total(
        x,
        axes.map((axis) => shape[axis]!),
        0,
      ),
  }),
  mean: fold(
    'mean',
    'Mean over the axes; NaN of nothing; f32.',
    F32,
    (data, start, count) => sumOf(data, start, count) / count,
  ),
  max: fold(
    'max',
    'Largest element over the axes; NaN wins; f32 or i64.',
    NUMBERS,
    (...run) => extreme(Math.max, ...run),
    { integers: (known, [x]) => known.any(x) },
  ),
  min: fold(
    'min',
    'Smallest element over the axes; NaN wins; f32 or i64.',
    NUMBERS,
    (...run) => extreme(Math.min, ...run),
    { integers: (known, [x]) => known.any(x) },
  ),
  argmax: {
    name: 'argmax',
    doc: 'Index of the first largest element along the axis, which is dropped; the first NaN, where there is one; i64.',
    operands: [{ name: 'x' }],
    traits: { reduction: true },
    infer(inputs, { axis }) {
      const { shape } = expectDType('argmax', inputs, 0, 'x', NUMBERS);
      expectAxesInRange('argmax', [axis], shape.length);
      expectSomething('argmax', shape, [axis]);
      return [{ dtype: 'i64', shape: reducedShape(shape, [axis], false) }];
    },
    requires: ([x], { axis }) => somethingToFold('argmax', x.shape, [axis]),
    integers: (known, _, { axis }, [{ shape }]) => known.between(0, addDims(shape[axis]!, -1)),
    evaluate([x], { axis }) {
      const { outer, size, inner } = alongAxis(x.shape, axis);
      const out = new Float64Array(outer * inner);
      for (let o = 0; o < outer; o++) {
        for (let n = 0; n < inner; n++) {
          const at = (i: number) => x.data[(o * size + i) * inner + n]!;
          let best = 0;
          for (let i = 1; i < size && !Number.isNaN(at(best)); i++) {
            if (at(i) > at(best) || Number.isNaN(at(i))) best = i;
          }
          out[o * inner + n] = best;
        }
      }
      return [wide('i64', reducedShape(x.shape, [axis], false), out)];
    },
  },
  cumsum: {
    name: 'cumsum',
    doc: 'Inclusive prefix sum along the axis: y[i] = x[0] + … + x[i]; f32 or i64.',
    operands: [{ name: 'x' }],
    traits: { modular: true },
    integers: (known, [x], { axis }, [{ shape }]) => known.total(x, [shape[axis]!], 1),
    infer(inputs, { axis }) {
      const type = expectDType('cumsum', inputs, 0, 'x', NUMBERS);
      expectAxesInRange('cumsum', [axis], type.shape.length);
      return [type];
    },
    evaluate([x], { axis }) {
      const { outer, size, inner } = alongAxis(x.shape, axis);
      const out = x.data.slice();
      for (let o = 0; o < outer; o++) {
        for (let at = (o * size + 1) * inner; at < (o + 1) * size * inner; at++) out[at]! += out[at - inner]!;
      }
      return [wide(x.dtype, x.shape, x.dtype === 'i64' ? exact(out) : out)];
    },
  },
};
