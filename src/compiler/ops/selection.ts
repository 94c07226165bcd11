/** Ops that choose elements by their size. */
import { addDims, isSymbolic, printDim } from '../../shared/dim.ts';
import type { Op, Unary } from './declare.ts';
import { expectAxesInRange, expectDType, NUMBERS } from './rules.ts';
import type { Family } from './spec.ts';
import { TypeRuleError } from './spec.ts';
import { alongAxis, wide } from './strided.ts';

export interface SelectionOps {
  /** Indices of the k largest elements, largest first, NaN before all, equal ones by index; i64. */
  top_k: Op<Unary, { readonly axis: number; readonly k: number }>;
}

/** Whether element `a` at `i` comes before `b` at `j`: NaN first, then the larger, then the one with the smaller index. */
function comesBefore(a: number, i: number, b: number, j: number): boolean {
  const [oddA, oddB] = [Number.isNaN(a), Number.isNaN(b)];
  if (oddA !== oddB) return oddA;
  return a === b || oddA ? i < j : a > b;
}

export const SELECTION: Family<SelectionOps> = {
  top_k: {
    name: 'top_k',
    doc: 'Indices of the k largest elements along the axis, largest first; NaN counts as the largest, and of equal elements the one with the smaller index comes first; i64.',
    operands: [{ name: 'x' }],
    traits: {},
    infer(inputs, { axis, k }) {
      const { shape } = expectDType('top_k', inputs, 0, 'x', NUMBERS);
      expectAxesInRange('top_k', [axis], shape.length);
      if (!Number.isInteger(k) || k < 1) throw new TypeRuleError(`top_k takes k of at least 1 and got ${k}`);
      const size = shape[axis]!;
      if (!isSymbolic(size) && k > size) {
        throw new TypeRuleError(`top_k cannot choose ${k} elements of axis ${axis}, which has ${printDim(size)}`, [
          { operand: 0, axis, label: `axis ${axis} is ${printDim(size)}` },
        ]);
      }
      return [{ dtype: 'i64', shape: shape.with(axis, k) }];
    },
    integers: (known, _, { axis }, [{ shape }]) => known.between(0, addDims(shape[axis]!, -1)),
    requires: ([x], { axis, k }) => [
      { dim: addDims(x.shape[axis]!, -k), what: `the ${k} largest elements of axis ${axis}` },
    ],
    evaluate([x], { axis, k }) {
      const { outer, size, inner } = alongAxis(x.shape, axis);
      const out = new Float64Array(outer * k * inner);
      for (let o = 0; o < outer; o++) {
        for (let n = 0; n < inner; n++) {
          const at = (i: number) => x.data[(o * size + i) * inner + n]!;
          const order = Array.from({ length: size }, (_, i) => i).sort((i, j) =>
            comesBefore(at(i), i, at(j), j) ? -1 : 1,
          );
          for (let i = 0; i < k; i++) out[(o * k + i) * inner + n] = order[i]!;
        }
      }
      return [wide('i64', x.shape.with(axis, k), out)];
    },
  },
};
