/** Ops that join, cut and surround tensors along axes. Dims in attributes may be symbolic (`T - 1`). */
import type { Dim } from '../../shared/dim.ts';
import {
  addDims,
  atLeastZero,
  divideDims,
  equalDims,
  isSymbolic,
  printDim,
  printShape,
  subDims,
} from '../../shared/dim.ts';
import { sizeOf, stridesOf } from '../../shared/tensor.ts';
import { mapResults, type Op, type Operand, type Results, type Unary } from './declare.ts';
import { ANY, axisRef, expectAxesInRange, expectOnePerAxis, expectSameDim, expectSameDType } from './rules.ts';
import type { Family } from './spec.ts';
import { TypeRuleError } from './spec.ts';
import { alongAxis, copyStrided, staticShape, wide } from './strided.ts';

export interface PieceOps {
  concat: Op<readonly Operand[], { readonly axis: number }>;
  split: Op<Unary, { readonly axis: number; readonly sizes: readonly Dim[] }>;
  /** One entry per axis; 0 ≤ start ≤ end ≤ size, step ≥ 1. */
  slice: Op<
    Unary,
    { readonly starts: readonly Dim[]; readonly ends: readonly Dim[]; readonly steps: readonly number[] }
  >;
  pad: Op<Unary, { readonly before: readonly number[]; readonly after: readonly number[]; readonly value: number }>;
}

const X = [{ name: 'x' }] as const;

/** Number of elements that a slice takes from one axis, checked as far as the dims are known. */
function sliceLength(axis: number, size: Dim, start: Dim, end: Dim, step: number): Dim {
  const outside = (found: Dim) => atLeastZero(found) === 'never';
  const side = [{ operand: 0, axis, label: `axis ${axis} is ${printDim(size)}` }];
  if (!Number.isInteger(step) || step < 1) throw new TypeRuleError(`slice needs a step of at least 1 and got ${step}`);
  if (outside(start)) throw new TypeRuleError(`slice of axis ${axis} starts at ${printDim(start)}, before 0`, side);
  const length = subDims(end, start);
  if (outside(length)) {
    throw new TypeRuleError(
      `slice of axis ${axis} ends at ${printDim(end)}, before its start ${printDim(start)}`,
      side,
    );
  }
  if (outside(subDims(size, end))) {
    throw new TypeRuleError(`slice of axis ${axis} ends at ${printDim(end)} and the axis has ${printDim(size)}`, side);
  }
  if (step === 1) return length;
  if (!isSymbolic(length)) return Math.ceil(length / step);
  const exact = divideDims(length, step);
  if (exact !== undefined) return exact;
  throw new TypeRuleError(
    `slice with a step of ${step} needs a length that it divides, and axis ${axis} gives ${printDim(length)}`,
    side,
  );
}

/** A split has a result for each size, so at least one. */
function partsOf<D extends Dim>([first, ...more]: readonly D[]): Results<D> {
  if (first === undefined) throw new TypeRuleError('split needs at least one size and got none');
  return [first, ...more];
}

export const PIECES: Family<PieceOps> = {
  concat: {
    name: 'concat',
    doc: 'Joins tensors along an axis; all other axes are equal.',
    operands: [{ name: 'x', variadic: true }],
    traits: { view: true },
    integers: (known, [first, ...others]) => known.any(first!, ...others),
    infer(inputs, { axis }) {
      const dtype = expectSameDType('concat', inputs, [], ANY);
      const first = inputs[0]!.shape;
      expectAxesInRange('concat', [axis], first.length);
      let joined: Dim = first[axis]!;
      for (const [operand, { shape }] of inputs.entries()) {
        if (operand === 0) continue;
        if (shape.length !== first.length) {
          throw new TypeRuleError(
            `concat joins tensors of one rank, and operand 0 is ${printShape(first)} and operand ${operand} is ${printShape(shape)}`,
            [
              { operand: 0, label: `has ${first.length} axes` },
              { operand, label: `has ${shape.length} axes` },
            ],
          );
        }
        for (let other = 0; other < shape.length; other++) {
          if (other === axis) continue;
          expectSameDim(
            axisRef(inputs, 0, other, `axis ${other}`),
            axisRef(inputs, operand, other, `axis ${other}`),
            (a, b) =>
              `concat along axis ${axis} needs equal other axes, and axis ${other} is ${a} in operand 0 and ${b} in operand ${operand}`,
          );
        }
        joined = addDims(joined, shape[axis]!);
      }
      return [{ dtype, shape: first.with(axis, joined) }];
    },
    evaluate(inputs, { axis }) {
      const views = inputs.map(({ shape }) => alongAxis(shape, axis));
      const { outer, inner } = views[0]!;
      const total = views.reduce((sum, { size }) => sum + size, 0);
      const out = new Float64Array(outer * total * inner);
      let offset = 0;
      for (const [operand, { size }] of views.entries()) {
        const { data } = inputs[operand]!;
        const run = size * inner;
        for (let o = 0; o < outer; o++) out.set(data.subarray(o * run, (o + 1) * run), o * total * inner + offset);
        offset += run;
      }
      return [wide(inputs[0]!.dtype, inputs[0]!.shape.with(axis, total), out)];
    },
  },
  split: {
    name: 'split',
    doc: 'Cuts an axis into consecutive parts of the given sizes, one output each.',
    operands: X,
    traits: { view: true },
    integers: (known, [x]) => known.any(x),
    infer([x], { axis, sizes }) {
      expectAxesInRange('split', [axis], x.shape.length);
      const parts = partsOf(sizes);
      const total = sizes.reduce<Dim>(addDims, 0);
      const dim = x.shape[axis]!;
      if (!equalDims(total, dim)) {
        throw new TypeRuleError(
          `split's sizes ${printShape(sizes)} add up to ${printDim(total)} and axis ${axis} of x is ${printDim(dim)}`,
          [{ operand: 0, axis, label: `axis ${axis} is ${printDim(dim)}` }],
        );
      }
      return mapResults(parts, (size) => ({ dtype: x.dtype, shape: x.shape.with(axis, size) }));
    },
    requires: (_, { sizes }) => sizes.map((dim, part) => ({ dim, what: `part ${part} of a split` })),
    evaluate([x], { axis, sizes }) {
      const { outer, size, inner } = alongAxis(x.shape, axis);
      let offset = 0;
      return mapResults(partsOf(staticShape(sizes)), (part) => {
        const run = part * inner;
        const out = new Float64Array(outer * run);
        for (let o = 0; o < outer; o++) {
          const from = o * size * inner + offset;
          out.set(x.data.subarray(from, from + run), o * run);
        }
        offset += run;
        return wide(x.dtype, x.shape.with(axis, part), out);
      });
    },
  },
  slice: {
    name: 'slice',
    doc: 'Elements start, start + step, … below end of each axis; 0 ≤ start ≤ end ≤ size, step ≥ 1.',
    operands: X,
    traits: { view: true },
    integers: (known, [x]) => known.any(x),
    infer([x], { starts, ends, steps }) {
      expectOnePerAxis('slice', 'start', starts, x);
      expectOnePerAxis('slice', 'end', ends, x);
      expectOnePerAxis('slice', 'step', steps, x);
      const shape = x.shape.map((size, axis) => sliceLength(axis, size, starts[axis]!, ends[axis]!, steps[axis]!));
      return [{ dtype: x.dtype, shape }];
    },
    requires([x], { starts, ends }) {
      return x.shape.flatMap((size, axis) => {
        const [start, end] = [starts[axis]!, ends[axis]!];
        if (start === 0 && equalDims(end, size)) return [];
        const what = `the slice ${printDim(start)}:${printDim(end)} of axis ${axis}`;
        return [start, subDims(end, start), subDims(size, end)].map((dim) => ({ dim, what }));
      });
    },
    evaluate([x], { starts, ends, steps }) {
      const [from, to] = [staticShape(starts), staticShape(ends)];
      const strides = stridesOf(x.shape);
      // symbolic bounds are checked here, where their values are known
      const shape = x.shape.map(
        (size, axis) => sliceLength(axis, size, from[axis]!, to[axis]!, steps[axis]!) as number,
      );
      const start = from.reduce((sum, at, axis) => sum + at * strides[axis]!, 0);
      return [
        wide(
          x.dtype,
          shape,
          copyStrided(
            x.data,
            start,
            shape,
            strides.map((stride, axis) => stride * steps[axis]!),
          ),
        ),
      ];
    },
  },
  pad: {
    name: 'pad',
    doc: 'Puts `before` and `after` elements of `value` around each axis.',
    operands: X,
    traits: {},
    integers: (known, [x], { value }) => known.any(x, known.between(value, value)),
    infer([x], { before, after, value }) {
      expectOnePerAxis('pad', 'amount before', before, x);
      expectOnePerAxis('pad', 'amount after', after, x);
      for (const amount of [...before, ...after]) {
        if (!Number.isInteger(amount) || amount < 0) {
          throw new TypeRuleError(
            `pad takes amounts of at least 0 and got ${amount}`,
            [],
            'use a slice to remove elements',
          );
        }
      }
      if (x.dtype !== 'f32' && !Number.isInteger(value)) {
        throw new TypeRuleError(`pad takes an integer value for x of ${x.dtype} and got ${value}`, [
          { operand: 0, label: `x is ${x.dtype}` },
        ]);
      }
      return [{ dtype: x.dtype, shape: x.shape.map((dim, axis) => addDims(dim, before[axis]! + after[axis]!)) }];
    },
    evaluate([x], { before, after, value }) {
      const shape = x.shape.map((dim, axis) => dim + before[axis]! + after[axis]!);
      const out = new Float64Array(sizeOf(shape)).fill(value);
      const strides = stridesOf(shape);
      const index = new Array<number>(shape.length).fill(0);
      let to = before.reduce((sum, amount, axis) => sum + amount * strides[axis]!, 0);
      for (const element of x.data) {
        out[to] = element;
        for (let axis = shape.length - 1; axis >= 0; axis--) {
          to += strides[axis]!;
          if (++index[axis]! < x.shape[axis]!) break;
          to -= strides[axis]! * x.shape[axis]!;
          index[axis] = 0;
        }
      }
      return [wide(x.dtype, shape, out)];
    },
  },
};
