/**
 * The gradients of attention as one op: autodiff can compose them from other ops, but then they hold [B, H, T, S]
 * tensors, and a target with a kernel for them could not find it again in the pieces.
 */
import { mulDims, productOf } from '../../shared/dim.ts';
import type { TensorType, WideTensor } from '../../shared/tensor.ts';
import { Attended, type AttentionAttributes, addRow, inferAttention } from './attention-scores.ts';
import type { Op, Operand, Results } from './declare.ts';
import { gemmTransposed, type Rows } from './gemm.ts';
import { axisRef, expectDType, expectLayout, expectSameDim, F32 } from './rules.ts';
import type { Family } from './spec.ts';
import { wide } from './strided.ts';

export interface AttentionGradientOps {
  /**
   * (q, k, v, dy [B, H, T, E], mask?, bias?) → (dq, dk, dv), of the types of q, k and v: the gradients of attention with these
   * attributes, for targets that have one kernel for them
   */
  attention_grad: Op<
    readonly [q: Operand, k: Operand, v: Operand, dy: Operand, ...mask_bias: Operand[]],
    AttentionAttributes
  >;
}

function infer(
  inputs: readonly TensorType[],
  attributes: AttentionGradientOps['attention_grad']['attributes'],
): Results<TensorType> {
  const [q, k, v] = inputs;
  const y = inferAttention('attention_grad', inputs, attributes, 4);
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

/**
 * P = softmax(scores), dS = P (dP − Σ P dP) · the soft cap's slope, with dP = dy vᵀ: dq = scale · dS k, dk = scale · dSᵀ q, dv = Pᵀ dy;
 * dk and dv of the heads that share keys and values add up
 */
function evaluate(
  q: WideTensor,
  k: WideTensor,
  v: WideTensor,
  dy: WideTensor,
  more: readonly WideTensor[],
  attributes: AttentionGradientOps['attention_grad']['attributes'],
): Results<WideTensor> {
  const attended = new Attended(q, k, more, attributes);
  const { queries, keys, dim, factor } = attended;
  const outDim = v.shape[3]!;
  const [dq, dk, dv] = [q, k, v].map(({ data }) => new Float64Array(data.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  // [T, S] of one head
  const weights: Rows = { data: new Float64Array(queries * keys), offset: 0 };
  const products: Rows = { data: new Float64Array(queries * keys), offset: 0 };
  const slopes = new Float64Array(queries * keys).fill(1);
  for (let head = 0; head < attended.count; head++) {
    const shared = attended.sharedHead(head);
    const [ofQ, ofK] = [head * queries * dim, shared * keys * dim];
    const [ofV, ofDy] = [shared * keys * outDim, head * queries * outDim];
    attended.probabilities(head, k.data, weights.data, slopes);
    gemmTransposed({ data: dy.data, offset: ofDy }, { data: v.data, offset: ofV }, products, queries, keys, outDim);
    const sees = attended.sees(head);
    for (let t = 0; t < queries; t++) {
      const [row, ofQuery, ofUpstream] = [t * keys, ofQ + t * dim, ofDy + t * outDim];
      let sum = 0;
      for (let s = 0; s < keys; s++) if (sees(t, s)) sum += weights.data[row + s]! * products.data[row + s]!;
      for (let s = 0; s < keys; s++) {
        // a hidden pair is left out of all three: 0 · NaN is NaN
        if (!sees(t, s)) continue;
        const [p, ofKey] = [weights.data[row + s]!, ofK + s * dim];
        const dS = factor * slopes[row + s]! * p * (products.data[row + s]! - sum);
        addRow(dq, ofQuery, dS, k.data, ofKey, dim);
        addRow(dk, ofKey, dS, q.data, ofQuery, dim);
        addRow(dv, ofV + s * outDim, p, dy.data, ofUpstream, outDim);
      }
    }
  }
  return [wide('f32', q.shape, dq), wide('f32', k.shape, dk), wide('f32', v.shape, dv)];
}

export const ATTENTION_GRADIENTS: Family<AttentionGradientOps> = {
  attention_grad: {
    name: 'attention_grad',
    doc: "The gradients (dq, dk, dv) of attention with these attributes, of its result's gradient dy; zeros where a query sees no key.",
    operands: [
      { name: 'q' },
      { name: 'k' },
      { name: 'v' },
      { name: 'dy' },
      { name: 'mask', optional: true },
      { name: 'bias', optional: true },
    ],
    traits: {},
    // scores again, dv, dp, dq and dk: five products where attention has two
    flops: ([, k], { shape }) => mulDims(productOf(shape), mulDims(10, k.shape[2]!)),
    infer: (inputs, attributes) => infer(inputs, attributes),
    evaluate: ([q, k, v, dy, ...more], attributes) => evaluate(q, k, v, dy, more, attributes),
  },
};
