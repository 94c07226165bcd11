/** Indexed reads and writes. An index outside [0, size) is an error: nothing wraps, nothing clamps. */
import type { TensorType } from '../../shared/tensor.ts';
import type { Op, Operand } from './declare.ts';
import type { Integers } from './integers.ts';
import {
  ANY,
  axisRef,
  expectAxesInRange,
  expectDType,
  expectLayout,
  expectSameDim,
  expectSameDType,
  I64,
  NUMBERS,
} from './rules.ts';
import type { Family } from './spec.ts';
import { IndexRangeError, TypeRuleError } from './spec.ts';
import { alongAxis, wide } from './strided.ts';

export interface GatherOps {
  /** (data, indices): out = data[..., indices, ...] at `axis`; indices in [0, size); out of range is an error. */
  gather: Op<readonly [data: Operand, indices: Operand], { readonly axis: number }>;
  /** (data, indices of the same rank): out[i][j] = data[i][indices[i][j]] for axis 1 */
  gather_elements: Op<readonly [data: Operand, indices: Operand], { readonly axis: number }>;
  /** (data, indices of rank 1, updates): out = data; out[indices[i]] += updates[i] at `axis` */
  scatter_add: Op<readonly [data: Operand, indices: Operand, updates: Operand], { readonly axis: number }>;
  /** (data, indices, updates of one shape and data's rank): out = data; out[i][indices[i][j]] += updates[i][j] for axis 1 */
  scatter_elements_add: Op<readonly [data: Operand, indices: Operand, updates: Operand], { readonly axis: number }>;
}

/** The second operand, into an axis of the first. */
const indicesOf = ([data]: readonly [TensorType, ...TensorType[]], { axis }: { readonly axis: number }) => ({
  operand: 1,
  size: data.shape[axis]!,
});

/** An element may get all the updates along the axis. */
function added<I>(
  known: Integers<I>,
  [data, , updates]: readonly [I, I, I],
  { axis }: { readonly axis: number },
  [, , { shape }]: readonly [TensorType, TensorType, TensorType],
): I {
  return known.sum(data, known.total(updates, [shape[axis]!], 0));
}

function checkIndices(op: string, indices: Float64Array, size: number, axis: number): void {
  for (const index of indices) {
    if (index >= 0 && index < size) continue;
    throw new IndexRangeError(`${op} got index ${index} for axis ${axis} of size ${size}`, index, size);
  }
}

function sameRank(op: string, inputs: readonly TensorType[], operand: number, name: string): void {
  const [data, other] = [inputs[0]!.shape.length, inputs[operand]!.shape.length];
  if (data === other) return;
  throw new TypeRuleError(
    `${op} takes data and ${name} of one rank, and data has ${data} axes and ${name} has ${other}`,
    [
      { operand: 0, label: `has ${data} axes` },
      { operand, label: `has ${other} axes` },
    ],
  );
}

/** All axes but one agree between data and another operand of the same rank. */
function sameOtherAxes(op: string, inputs: readonly TensorType[], operand: number, name: string, axis: number): void {
  for (let other = 0; other < inputs[0]!.shape.length; other++) {
    if (other === axis) continue;
    expectSameDim(
      axisRef(inputs, 0, other, `axis ${other}`),
      axisRef(inputs, operand, other, `axis ${other}`),
      (a, b) =>
        `${op} along axis ${axis} needs equal other axes, and axis ${other} is ${a} in data and ${b} in ${name}`,
    );
  }
}

export const GATHER: Family<GatherOps> = {
  gather: {
    name: 'gather',
    doc: 'out = data[…, indices, …] at the axis: the axis is replaced by the axes of `indices`. Embedding lookup is axis 0.',
    operands: [{ name: 'data' }, { name: 'indices' }],
    traits: {},
    indices: indicesOf,
    matrix: ({ axis }) => (axis === 0 ? { operand: 0, as: 'table' } : undefined),
    integers: (known, [data]) => known.any(data),
    infer(inputs, { axis }) {
      const { dtype, shape } = expectDType('gather', inputs, 0, 'data', ANY);
      const indices = expectDType('gather', inputs, 1, 'indices', I64);
      expectAxesInRange('gather', [axis], shape.length);
      return [{ dtype, shape: [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)] }];
    },
    evaluate([data, indices], { axis }) {
      const { outer, size, inner } = alongAxis(data.shape, axis);
      const at = indices.data;
      checkIndices('gather', at, size, axis);
      const out = new Float64Array(outer * at.length * inner);
      for (let o = 0; o < outer; o++) {
        for (let i = 0; i < at.length; i++) {
          const from = (o * size + at[i]!) * inner;
          out.set(data.data.subarray(from, from + inner), (o * at.length + i) * inner);
        }
      }
      return [wide(data.dtype, [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)], out)];
    },
  },
  gather_elements: {
    name: 'gather_elements',
    doc: 'out[i][j] = data[i][indices[i][j]] for axis 1; data and indices agree on all other axes.',
    operands: [{ name: 'data' }, { name: 'indices' }],
    traits: {},
    indices: indicesOf,
    integers: (known, [data]) => known.any(data),
    infer(inputs, { axis }) {
      const { dtype, shape } = expectDType('gather_elements', inputs, 0, 'data', ANY);
      const indices = expectDType('gather_elements', inputs, 1, 'indices', I64);
      expectAxesInRange('gather_elements', [axis], shape.length);
      sameRank('gather_elements', inputs, 1, 'indices');
      sameOtherAxes('gather_elements', inputs, 1, 'indices', axis);
      return [{ dtype, shape: indices.shape }];
    },
    evaluate([data, indices], { axis }) {
      const { size, inner } = alongAxis(data.shape, axis);
      const picked = indices.shape[axis]!;
      checkIndices('gather_elements', indices.data, size, axis);
      const out = indices.data.map((index, at) => {
        const o = Math.floor(at / (picked * inner));
        return data.data[(o * size + index) * inner + (at % inner)]!;
      });
      return [wide(data.dtype, indices.shape, out)];
    },
  },
  scatter_add: {
    name: 'scatter_add',
    doc: 'out = data; out[indices[i]] += updates[i] at the axis; repeated indices add up. The gradient of gather.',
    operands: [{ name: 'data' }, { name: 'indices' }, { name: 'updates' }],
    traits: { modular: true },
    indices: indicesOf,
    integers: added,
    infer(inputs, { axis }) {
      const type = expectDType('scatter_add', inputs, 0, 'data', NUMBERS);
      expectDType('scatter_add', inputs, 1, 'indices', I64);
      expectSameDType('scatter_add', inputs, ['data', 'indices', 'updates'], NUMBERS, [0, 2]);
      expectLayout('scatter_add', inputs, 1, 'indices', 1, '[n]');
      expectAxesInRange('scatter_add', [axis], type.shape.length);
      sameRank('scatter_add', inputs, 2, 'updates');
      sameOtherAxes('scatter_add', inputs, 2, 'updates', axis);
      expectSameDim(
        axisRef(inputs, 1, 0, 'number of indices'),
        axisRef(inputs, 2, axis, `axis ${axis}`),
        (a, b) =>
          `scatter_add takes one update per index, and there are ${a} indices and axis ${axis} of updates is ${b}`,
      );
      return [type];
    },
    evaluate([data, indices, updates], { axis }) {
      const { outer, size, inner } = alongAxis(data.shape, axis);
      const at = indices.data;
      checkIndices('scatter_add', at, size, axis);
      const out = data.data.slice();
      for (let o = 0; o < outer; o++) {
        for (let i = 0; i < at.length; i++) {
          const from = (o * at.length + i) * inner;
          const to = (o * size + at[i]!) * inner;
          for (let n = 0; n < inner; n++) out[to + n]! += updates.data[from + n]!;
        }
      }
      return [wide(data.dtype, data.shape, out)];
    },
  },
  scatter_elements_add: {
    name: 'scatter_elements_add',
    doc: 'out = data; out[i][indices[i][j]] += updates[i][j] for axis 1; repeated indices add up. The gradient of gather_elements.',
    operands: [{ name: 'data' }, { name: 'indices' }, { name: 'updates' }],
    traits: { modular: true },
    indices: indicesOf,
    integers: added,
    infer(inputs, { axis }) {
      const op = 'scatter_elements_add';
      const type = expectDType(op, inputs, 0, 'data', NUMBERS);
      expectDType(op, inputs, 1, 'indices', I64);
      expectSameDType(op, inputs, ['data', 'indices', 'updates'], NUMBERS, [0, 2]);
      expectAxesInRange(op, [axis], type.shape.length);
      for (const [operand, name] of [[1, 'indices'] as const, [2, 'updates'] as const]) {
        sameRank(op, inputs, operand, name);
        sameOtherAxes(op, inputs, operand, name, axis);
      }
      expectSameDim(
        axisRef(inputs, 1, axis, `axis ${axis}`),
        axisRef(inputs, 2, axis, `axis ${axis}`),
        (a, b) => `${op} takes one update per index, and axis ${axis} is ${a} in indices and ${b} in updates`,
      );
      return [type];
    },
    evaluate([data, indices, updates], { axis }) {
      const { size, inner } = alongAxis(data.shape, axis);
      const picked = indices.shape[axis]!;
      checkIndices('scatter_elements_add', indices.data, size, axis);
      const out = data.data.slice();
      for (const [at, index] of indices.data.entries()) {
        const o = Math.floor(at / (picked * inner));
        out[(o * size + index) * inner + (at % inner)]! += updates.data[at]!;
      }
      return [wide(data.dtype, data.shape, out)];
    },
  },
};
