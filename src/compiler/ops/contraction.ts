/** matmul (NumPy rules) and linear (torch's weight layout, [out, in]). */
import { type Dim, mulDims, productOf, type Shape } from '../../shared/dim.ts';
import type { TensorType, WideTensor } from '../../shared/tensor.ts';
import { sizeOf } from '../../shared/tensor.ts';
import { broadcastShapes, broadcastStatic, stretchedStrides } from './broadcast.ts';
import type { Binary, Op, Operand } from './declare.ts';
import { gemmTransposed, transposed } from './gemm.ts';
import type { AxisRef } from './rules.ts';
import { axisRef, expectAxes, expectDType, expectLayout, expectSameDim, F32 } from './rules.ts';
import type { Family } from './spec.ts';
import { TypeRuleError } from './spec.ts';
import { copyStrided, wide } from './strided.ts';

export interface ContractionOps {
  /** (a, b) with NumPy batching; rank-1 operands as in NumPy; transposes swap the last two axes of a rank ≥ 2 operand */
  matmul: Op<Binary, { readonly transpose_a: boolean; readonly transpose_b: boolean }>;
  /** (x [..., in], weight [out, in], bias? [out]) → [..., out] */
  linear: Op<readonly [x: Operand, weight: Operand, ...bias: Operand[]]>;
}

interface MatrixAxes {
  /** axes of the operand; `row` is absent for a vector */
  readonly row?: number;
  readonly inner: number;
}

/** Which axes of a matmul operand are its rows (or columns, for b) and its inner dimension. */
function matrixAxes(rank: number, side: 'a' | 'b', transpose: boolean): MatrixAxes {
  if (rank === 1) return { inner: 0 };
  const innerLast = (side === 'a') !== transpose;
  return innerLast ? { row: rank - 2, inner: rank - 1 } : { row: rank - 1, inner: rank - 2 };
}

function inferMatmul(
  inputs: readonly TensorType[],
  { transpose_a, transpose_b }: ContractionOps['matmul']['attributes'],
): TensorType {
  for (const [operand, transpose] of [transpose_a, transpose_b].entries()) {
    const name = 'ab'[operand]!;
    expectDType('matmul', inputs, operand, name, F32);
    const { shape } = expectAxes('matmul', inputs, operand, name);
    if (transpose && shape.length === 1) {
      throw new TypeRuleError(`matmul cannot transpose ${name}, which has 1 axis`, [
        { operand, label: `${name} has 1 axis` },
      ]);
    }
  }
  const [a, b] = [inputs[0]!.shape, inputs[1]!.shape];
  const left = matrixAxes(a.length, 'a', transpose_a);
  const right = matrixAxes(b.length, 'b', transpose_b);
  const ref = (operand: number, axis: number): AxisRef => axisRef(inputs, operand, axis, `inner axis ${axis}`);
  expectSameDim(
    ref(0, left.inner),
    ref(1, right.inner),
    (x, y) => `matmul's inner dimensions differ: axis ${left.inner} of a is ${x} and axis ${right.inner} of b is ${y}`,
  );
  const batches = [a, b].map((shape): TensorType => ({ dtype: 'f32', shape: shape.slice(0, -2) }));
  const batch: Shape = broadcastShapes('matmul', batches, ["a's batch", "b's batch"]);
  const rows: Dim[] = left.row === undefined ? [] : [a[left.row]!];
  const columns: Dim[] = right.row === undefined ? [] : [b[right.row]!];
  return { dtype: 'f32', shape: [...batch, ...rows, ...columns] };
}

function evaluateMatmul(
  a: WideTensor,
  b: WideTensor,
  { transpose_a, transpose_b }: ContractionOps['matmul']['attributes'],
): WideTensor {
  const left = matrixAxes(a.shape.length, 'a', transpose_a);
  const right = matrixAxes(b.shape.length, 'b', transpose_b);
  const k = a.shape[left.inner]!;
  const m = left.row === undefined ? 1 : a.shape[left.row]!;
  const n = right.row === undefined ? 1 : b.shape[right.row]!;
  const batch = broadcastStatic([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  // where each matrix of the broadcast batch starts, in matrices
  const starts = [a, b].map((tensor) => {
    const own = tensor.shape.slice(0, -2);
    const order = Float64Array.from({ length: sizeOf(own) }, (_, i) => i);
    return copyStrided(order, 0, batch, stretchedStrides(own, batch));
  });
  const out = new Float64Array(sizeOf(batch) * m * n);
  for (let i = 0; i < sizeOf(batch); i++) {
    const rows = { data: a.data, offset: starts[0]![i]! * m * k };
    const columns = { data: b.data, offset: starts[1]![i]! * n * k };
    gemmTransposed(
      transpose_a ? transposed(rows, k, m) : rows,
      transpose_b || right.row === undefined ? columns : transposed(columns, k, n),
      { data: out, offset: i * m * n },
      m,
      n,
      k,
    );
  }
  const shape = [...batch, ...(left.row === undefined ? [] : [m]), ...(right.row === undefined ? [] : [n])];
  return wide('f32', shape, out);
}

export const CONTRACTION: Family<ContractionOps> = {
  matmul: {
    name: 'matmul',
    doc: 'Matrix product over the last two axes with NumPy batching; a rank-1 operand is a vector; the transposes swap the last two axes of an operand.',
    operands: [{ name: 'a' }, { name: 'b' }],
    traits: {},
    flops: ([{ shape: a }], { shape }, { transpose_a }) => {
      const { inner } = matrixAxes(a.length, 'a', transpose_a);
      return mulDims(productOf(shape), mulDims(2, a[inner]!));
    },
    matrix: ({ transpose_a, transpose_b }) => ({
      operand: 1,
      as: transpose_b ? 'contracted' : 'turned',
      ...(transpose_a ? {} : { rows: 0 }),
    }),
    infer: (inputs, attributes) => [inferMatmul(inputs, attributes)],
    evaluate: ([a, b], attributes) => [evaluateMatmul(a, b, attributes)],
  },
  linear: {
    name: 'linear',
    doc: 'x · weightᵀ + bias over the last axis of x; weight is [out_features, in_features].',
    operands: [{ name: 'x' }, { name: 'weight' }, { name: 'bias', optional: true }],
    traits: {},
    flops: ([, weight], { shape }) => mulDims(productOf(shape), mulDims(2, weight.shape[1]!)),
    matrix: () => ({ operand: 1, as: 'contracted', rows: 0 }),
    infer(inputs) {
      for (const [operand, name] of ['x', 'weight', 'bias'].slice(0, inputs.length).entries()) {
        expectDType('linear', inputs, operand, name, F32);
      }
      const { shape } = expectAxes('linear', inputs, 0, 'x');
      const weight = expectLayout('linear', inputs, 1, 'weight', 2, '[out_features, in_features]');
      expectSameDim(
        axisRef(inputs, 1, 1, 'in_features'),
        axisRef(inputs, 0, shape.length - 1, 'last axis'),
        (features, last) => `linear's weight takes ${features} input features and the last axis of x is ${last}`,
      );
      if (inputs.length > 2) {
        expectLayout('linear', inputs, 2, 'bias', 1, '[out_features]');
        expectSameDim(
          axisRef(inputs, 1, 0, 'out_features'),
          axisRef(inputs, 2, 0, 'length'),
          (features, length) => `linear's weight gives ${features} output features and bias has ${length}`,
        );
      }
      return [{ dtype: 'f32', shape: shape.with(-1, weight.shape[0]!) }];
    },
    evaluate([x, weight, bias]) {
      const [n, k] = weight.shape as [number, number];
      const m = sizeOf(x.shape.slice(0, -1));
      const out = new Float64Array(m * n);
      gemmTransposed({ data: x.data, offset: 0 }, { data: weight.data, offset: 0 }, { data: out, offset: 0 }, m, n, k);
      if (bias) for (let i = 0; i < out.length; i++) out[i]! += bias.data[i % n]!;
      return [wide('f32', x.shape.with(-1, n), out)];
    },
  },
};
