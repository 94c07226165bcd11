/**
 * The gradients of attention as one op: autodiff can compose them from other ops, but then they hold [B, H, T, S]
 * tensors, and a target with a kernel for them could not find it again in the pieces.
 */
import type { WideTensor } from '../../shared/tensor.ts';
import type { TensorType } from '../ir/graph.ts';
import { inferAttention, shownRows, softmaxVisible, visibility } from './attention.ts';
import type { OpAttributes } from './attributes.ts';
import { gemmTransposed, type Rows, transposed } from './gemm.ts';
import type { Family } from './rules.ts';
import { axisRef, expectDType, expectLayout, expectSameDim, F32 } from './rules.ts';
import { wide } from './strided.ts';

function infer(inputs: readonly TensorType[]): readonly TensorType[] {
  const [q, k, v, , mask] = inputs;
  const y = inferAttention(mask === undefined ? [q!, k!, v!] : [q!, k!, v!, mask]);
  expectDType('attention_grad', inputs, 3, 'dy', F32);
  expectLayout('attention_grad', inputs, 3, 'dy', 4, '[B, H, T, E]');
  for (let axis = 0; axis < 4; axis++) {
    expectSameDim(
      { operand: axis === 3 ? 2 : 0, axis, dim: y.shape[axis]!, label: `axis ${axis} of the result` },
      axisRef(inputs, 3, axis, `axis ${axis} of dy`),
      (a, b) => `attention_grad takes dy of attention's shape, and axis ${axis} is ${a} in the result and ${b} in dy`,
    );
  }
  return [q!, k!, v!];
}

/** P = softmax(scale · q kᵀ), dS = P (dP − Σ P dP) with dP = dy vᵀ: dq = scale · dS k, dk = scale · dSᵀ q, dv = Pᵀ dy */
function evaluate(
  q: WideTensor,
  k: WideTensor,
  v: WideTensor,
  dy: WideTensor,
  mask: WideTensor | undefined,
  { causal, scale }: OpAttributes['attention_grad'],
): readonly WideTensor[] {
  const [batch, heads, queries, dim] = q.shape as [number, number, number, number];
  const [keys, outDim] = [k.shape[2]!, v.shape[3]!];
  const factor = scale ?? 1 / Math.sqrt(dim);
  const sees = visibility(mask, causal, queries, keys);
  const [dq, dk, dv] = [q, k, v].map(({ data }) => new Float64Array(data.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const [shownK, shownV] = [shownRows(k, mask), shownRows(v, mask)];
  // [T, S] of one head
  const weights: Rows = { data: new Float64Array(queries * keys), offset: 0 };
  const products: Rows = { data: new Float64Array(queries * keys), offset: 0 };
  for (let head = 0; head < batch * heads; head++) {
    const [ofQ, ofK] = [head * queries * dim, head * keys * dim];
    const [ofV, ofDy] = [head * keys * outDim, head * queries * outDim];
    gemmTransposed({ data: q.data, offset: ofQ }, { data: shownK, offset: ofK }, weights, queries, keys, dim);
    gemmTransposed({ data: dy.data, offset: ofDy }, { data: shownV, offset: ofV }, products, queries, keys, outDim);
    const image = Math.floor(head / heads);
    for (let t = 0; t < queries; t++) {
      const row = t * keys;
      for (let s = 0; s < keys; s++) weights.data[row + s]! *= factor;
      softmaxVisible(weights.data, row, keys, (s) => sees(image, t, s));
      let sum = 0;
      for (let s = 0; s < keys; s++) sum += weights.data[row + s]! * products.data[row + s]!;
      for (let s = 0; s < keys; s++) {
        products.data[row + s] = factor * weights.data[row + s]! * (products.data[row + s]! - sum);
      }
    }
    const [turnedP, turnedS] = [transposed(weights, queries, keys), transposed(products, queries, keys)];
    const columns = (data: Float64Array, offset: number, rows: number, width: number) =>
      transposed({ data, offset }, rows, width);
    gemmTransposed(products, columns(shownK, ofK, keys, dim), { data: dq, offset: ofQ }, queries, dim, keys);
    gemmTransposed(turnedS, columns(q.data, ofQ, queries, dim), { data: dk, offset: ofK }, keys, dim, queries);
    gemmTransposed(turnedP, columns(dy.data, ofDy, queries, outDim), { data: dv, offset: ofV }, keys, outDim, queries);
  }
  return [wide('f32', q.shape, dq), wide('f32', k.shape, dk), wide('f32', v.shape, dv)];
}

export const ATTENTION_GRADIENTS: Family<'attention_grad'> = {
  attention_grad: {
    name: 'attention_grad',
    doc: "The gradients (dq, dk, dv) of attention with these attributes, of its result's gradient dy; zeros where a query sees no key.",
    operands: [{ name: 'q' }, { name: 'k' }, { name: 'v' }, { name: 'dy' }, { name: 'mask', optional: true }],
    traits: {},
    infer: (inputs) => infer(inputs),
    evaluate: ([q, k, v, dy, mask], attributes) => evaluate(q!, k!, v!, dy!, mask, attributes),
  },
};
