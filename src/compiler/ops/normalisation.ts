/** Softmax along an axis, and the norms over the last axis. Variances are two-pass, so a large mean loses nothing. */
import type { TensorType, WideTensor } from '../../shared/tensor.ts';
import type { Op, Operand, Results, Unary } from './declare.ts';
import { perElement } from './flops.ts';
import { axisRef, expectAxes, expectAxesInRange, expectDType, expectLayout, expectSameDim, F32 } from './rules.ts';
import type { Family, Spec } from './spec.ts';
import { alongAxis, wide } from './strided.ts';

export interface NormalisationOps {
  softmax: Op<Unary, { readonly axis: number }>;
  log_softmax: Op<Unary, { readonly axis: number }>;
  /** (x, weight? [last], bias? [last]) over the last axis; biased variance */
  layer_norm: Op<readonly [x: Operand, ...weight_bias: Operand[]], { readonly eps: number }>;
  /** (x, weight? [last]): x / sqrt(mean(x²) + eps) * weight over the last axis */
  rms_norm: Op<readonly [x: Operand, ...weight: Operand[]], { readonly eps: number }>;
}

type Softmax = 'softmax' | 'log_softmax';
type Norm = 'layer_norm' | 'rms_norm';

/** log Σ exp(x) is shifted by the largest element, so no exponential overflows. */
function softmaxSpec<N extends Softmax>(
  name: N,
  doc: string,
  finish: (shifted: number, sum: number) => number,
): Spec<NormalisationOps[N], N> {
  return {
    name,
    doc,
    operands: [{ name: 'x' }],
    traits: { probabilities: true },
    // without the arithmetic of a row's own statistics, as those of the norms
    flops: perElement(5),
    infer(inputs, { axis }) {
      const type = expectDType(name, inputs, 0, 'x', F32);
      expectAxesInRange(name, [axis], type.shape.length);
      return [type];
    },
    evaluate([x], { axis }) {
      const { outer, size, inner } = alongAxis(x.shape, axis);
      const out = new Float64Array(x.data.length);
      for (let o = 0; o < outer; o++) {
        for (let n = 0; n < inner; n++) {
          const at = (i: number) => (o * size + i) * inner + n;
          let largest = Number.NEGATIVE_INFINITY;
          for (let i = 0; i < size; i++) largest = Math.max(largest, x.data[at(i)]!);
          let sum = 0;
          for (let i = 0; i < size; i++) sum += Math.exp(x.data[at(i)]! - largest);
          for (let i = 0; i < size; i++) out[at(i)] = finish(x.data[at(i)]! - largest, sum);
        }
      }
      return [wide('f32', x.shape, out)];
    },
  };
}

function inferNorm(
  op: Norm,
  names: readonly string[],
  inputs: readonly [TensorType, ...TensorType[]],
): Results<TensorType> {
  for (let operand = 0; operand < inputs.length; operand++) expectDType(op, inputs, operand, names[operand]!, F32);
  const { shape } = expectAxes(op, inputs, 0, 'x');
  for (let operand = 1; operand < inputs.length; operand++) {
    expectLayout(op, inputs, operand, names[operand]!, 1, '[features]');
    expectSameDim(
      axisRef(inputs, operand, 0, 'length'),
      axisRef(inputs, 0, shape.length - 1, 'last axis'),
      (length, last) => `${op}'s ${names[operand]} has ${length} elements and the last axis of x is ${last}`,
    );
  }
  return [inputs[0]];
}

/** y = normalise(row) · weight + bias for each row of the last axis. */
function evaluateNorm(
  x: WideTensor,
  weight: WideTensor | undefined,
  bias: WideTensor | undefined,
  statistics: (data: Float64Array, start: number, size: number) => { readonly mean: number; readonly scale: number },
): Results<WideTensor> {
  const size = x.shape.at(-1)!;
  const out = new Float64Array(x.data.length);
  for (let start = 0; start < out.length; start += size) {
    const { mean, scale } = statistics(x.data, start, size);
    for (let i = 0; i < size; i++) {
      out[start + i] = (x.data[start + i]! - mean) * scale * (weight?.data[i] ?? 1) + (bias?.data[i] ?? 0);
    }
  }
  return [wide('f32', x.shape, out)];
}

function sumOfSquares(data: Float64Array, start: number, size: number, centre: number): number {
  let sum = 0;
  for (let i = start; i < start + size; i++) sum += (data[i]! - centre) ** 2;
  return sum;
}

export const NORMALISATION: Family<NormalisationOps> = {
  softmax: softmaxSpec('softmax', 'exp(x) / Σ exp(x) along the axis.', (shifted, sum) => Math.exp(shifted) / sum),
  log_softmax: softmaxSpec(
    'log_softmax',
    'x − log Σ exp(x) along the axis.',
    (shifted, sum) => shifted - Math.log(sum),
  ),
  layer_norm: {
    name: 'layer_norm',
    doc: '(x − mean)/√(variance + eps) · weight + bias over the last axis; biased variance.',
    operands: [{ name: 'x' }, { name: 'weight', optional: true }, { name: 'bias', optional: true }],
    traits: {},
    flops: perElement(8),
    infer: (inputs) => inferNorm('layer_norm', ['x', 'weight', 'bias'], inputs),
    evaluate: ([x, weight, bias], { eps }) =>
      evaluateNorm(x, weight, bias, (data, start, size) => {
        let sum = 0;
        for (let i = start; i < start + size; i++) sum += data[i]!;
        const mean = sum / size;
        return { mean, scale: 1 / Math.sqrt(sumOfSquares(data, start, size, mean) / size + eps) };
      }),
  },
  rms_norm: {
    name: 'rms_norm',
    doc: 'x/√(mean(x²) + eps) · weight over the last axis.',
    operands: [{ name: 'x' }, { name: 'weight', optional: true }],
    traits: {},
    flops: perElement(5),
    infer: (inputs) => inferNorm('rms_norm', ['x', 'weight'], inputs),
    evaluate: ([x, weight], { eps }) =>
      evaluateNorm(x, weight, undefined, (data, start, size) => ({
        mean: 0,
        scale: 1 / Math.sqrt(sumOfSquares(data, start, size, 0) / size + eps),
      })),
  },
};
