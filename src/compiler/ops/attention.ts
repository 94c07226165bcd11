/** Scaled dot-product attention and rotary position embedding, both over [batch, heads, sequence, head_dim]. */
import type { WideTensor } from '../../shared/tensor.ts';
import type { TensorType } from '../ir/graph.ts';
import type { OpAttributes } from './attributes.ts';
import { gemmTransposed, transposed } from './gemm.ts';
import type { Family } from './rules.ts';
import { axisRef, BOOL, expectDType, expectLayout, expectSameDim, expectStatic, F32, I64 } from './rules.ts';
import { IndexRangeError, TypeRuleError } from './spec.ts';
import { wide } from './strided.ts';

/** Numbers in the table of a rotary embedding, 64 MiB of f32; Phi-2's has 65,536. */
const MOST_ROTATIONS = 2 ** 24;

const NAMES = ['q', 'k', 'v', 'mask'] as const;

/** The type of attention's result. */
export function inferAttention(inputs: readonly TensorType[]): TensorType {
  const layouts = ['[B, H, T, D]', '[B, H, S, D]', '[B, H, S, E]'];
  for (const [operand, layout] of layouts.entries()) {
    expectDType('attention', inputs, operand, NAMES[operand]!, F32);
    expectLayout('attention', inputs, operand, NAMES[operand]!, 4, layout);
  }
  const agree = (left: number, leftAxis: number, right: number, rightAxis: number, what: string) =>
    expectSameDim(
      axisRef(inputs, left, leftAxis, what),
      axisRef(inputs, right, rightAxis, what),
      (a, b) => `attention needs one ${what}, and it is ${a} in ${NAMES[left]} and ${b} in ${NAMES[right]}`,
    );
  for (const operand of [1, 2]) {
    agree(0, 0, operand, 0, 'batch size');
    agree(0, 1, operand, 1, 'number of heads');
  }
  agree(0, 3, 1, 3, 'head_dim');
  agree(1, 2, 2, 2, 'number of keys');
  if (inputs.length > 3) {
    expectDType('attention', inputs, 3, 'mask', BOOL);
    expectLayout('attention', inputs, 3, 'mask', 2, '[B, S]');
    agree(0, 0, 3, 0, 'batch size');
    agree(1, 2, 3, 1, 'number of keys');
  }
  const [q, v] = [inputs[0]!.shape, inputs[2]!.shape];
  return { dtype: 'f32', shape: [q[0]!, q[1]!, q[2]!, v[3]!] };
}

/** Whether query t of an image sees key s. */
export function visibility(
  mask: WideTensor | undefined,
  causal: boolean,
  queries: number,
  keys: number,
): (image: number, t: number, s: number) => boolean {
  return (image, t, s) => (!causal || s <= keys - queries + t) && mask?.data[image * keys + s] !== 0;
}

/** The rows of keys or values [B, H, S, D], with zeros in place of those that the mask hides: what is in them never counts. */
export function shownRows(rows: WideTensor, mask: WideTensor | undefined): Float64Array {
  if (!mask) return rows.data;
  const [, heads, keys, width] = rows.shape as [number, number, number, number];
  const shown = rows.data.slice();
  for (const [at, seen] of mask.data.entries()) {
    if (seen !== 0) continue;
    const [image, key] = [Math.floor(at / keys), at % keys];
    for (let head = image * heads; head < (image + 1) * heads; head++) {
      const start = (head * keys + key) * width;
      shown.fill(0, start, start + width);
    }
  }
  return shown;
}

/** Softmax of one row of scores over its visible keys, in place; no visible key, or −∞ at all of them: zeros. */
export function softmaxVisible(
  scores: Float64Array,
  start: number,
  count: number,
  visible: (key: number) => boolean,
): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let s = 0; s < count; s++) if (visible(s)) largest = Math.max(largest, scores[start + s]!);
  let sum = 0;
  for (let s = 0; s < count; s++) {
    const score = scores[start + s]!;
    // −∞ − −∞ is NaN
    const weight = visible(s) && score !== Number.NEGATIVE_INFINITY ? Math.exp(score - largest) : 0;
    scores[start + s] = weight;
    sum += weight;
  }
  if (sum === 0) return;
  for (let s = 0; s < count; s++) scores[start + s]! /= sum;
}

function evaluateAttention(
  q: WideTensor,
  k: WideTensor,
  v: WideTensor,
  mask: WideTensor | undefined,
  { causal, scale }: OpAttributes['attention'],
): WideTensor {
  const [batch, heads, queries, dim] = q.shape as [number, number, number, number];
  const keys = k.shape[2]!;
  const outDim = v.shape[3]!;
  const factor = scale ?? 1 / Math.sqrt(dim);
  const scores = new Float64Array(queries * keys);
  const out = new Float64Array(batch * heads * queries * outDim);
  const sees = visibility(mask, causal, queries, keys);
  const values = shownRows(v, mask);
  for (let head = 0; head < batch * heads; head++) {
    const [ofQ, ofK, ofV] = [head * queries * dim, head * keys * dim, head * keys * outDim];
    const rows = { data: scores, offset: 0 };
    gemmTransposed({ data: q.data, offset: ofQ }, { data: k.data, offset: ofK }, rows, queries, keys, dim);
    for (let i = 0; i < scores.length; i++) scores[i]! *= factor;
    const image = Math.floor(head / heads);
    for (let t = 0; t < queries; t++) {
      softmaxVisible(scores, t * keys, keys, (s) => sees(image, t, s));
    }
    const columns = transposed({ data: values, offset: ofV }, keys, outDim);
    gemmTransposed(rows, columns, { data: out, offset: head * queries * outDim }, queries, outDim, keys);
  }
  return wide('f32', [batch, heads, queries, outDim], out);
}

function inferRotary(
  inputs: readonly TensorType[],
  { dims, max_positions, theta }: OpAttributes['rotary'],
): TensorType {
  const x = expectDType('rotary', inputs, 0, 'x', F32);
  expectLayout('rotary', inputs, 0, 'x', 4, '[B, H, T, D]');
  expectDType('rotary', inputs, 1, 'positions', I64);
  expectLayout('rotary', inputs, 1, 'positions', 2, '[B, T] or [1, T]');
  const headDim = expectStatic('rotary', axisRef(inputs, 0, 3, 'head_dim'));
  if (!Number.isInteger(dims) || dims < 0 || dims % 2 !== 0 || dims > headDim) {
    throw new TypeRuleError(
      `rotary turns an even number of elements of each head, and dims is ${dims} and head_dim is ${headDim}`,
      [{ operand: 0, axis: 3, label: `head_dim is ${headDim}` }],
    );
  }
  if (!(theta > 0)) throw new TypeRuleError(`rotary needs a theta above 0 and got ${theta}`);
  if (!Number.isInteger(max_positions) || max_positions < 1 || max_positions * dims > MOST_ROTATIONS) {
    throw new TypeRuleError(
      `rotary needs max_positions of at least 1, and a table of max_positions · dims of at most ${MOST_ROTATIONS} numbers, and got ${max_positions} · ${dims}`,
    );
  }
  const batch = axisRef(inputs, 1, 0, 'batch size');
  if (batch.dim !== 1) {
    expectSameDim(
      axisRef(inputs, 0, 0, 'batch size'),
      batch,
      (a, b) => `rotary's batch size is ${a} in x and ${b} in positions`,
    );
  }
  expectSameDim(
    axisRef(inputs, 0, 2, 'sequence length'),
    axisRef(inputs, 1, 1, 'sequence length'),
    (a, b) => `rotary takes one position per token, and the sequence is ${a} in x and ${b} in positions`,
  );
  return x;
}

/**
 * Su et al. 2021 in the rotate-half layout: element i pairs with i + dims/2, both turned by
 * position · theta^(−2i/dims).
 */
function evaluateRotary(
  x: WideTensor,
  positions: WideTensor,
  { dims, theta, max_positions, inverse }: OpAttributes['rotary'],
): WideTensor {
  const [batch, heads, length, headDim] = x.shape as [number, number, number, number];
  const half = dims / 2;
  const out = x.data.slice();
  for (const position of positions.data) {
    if (position >= 0 && position < max_positions) continue;
    const what = `rotary got position ${position} and max_positions is ${max_positions}`;
    throw new IndexRangeError(what, position, max_positions);
  }
  const perImage = positions.shape[0] === 1 ? 0 : length;
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < length; t++) {
      const position = positions.data[b * perImage + t]!;
      for (let i = 0; i < half; i++) {
        const angle = (inverse ? -position : position) * theta ** ((-2 * i) / dims);
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
        for (let h = 0; h < heads; h++) {
          const at = ((b * heads + h) * length + t) * headDim + i;
          const [low, high] = [x.data[at]!, x.data[at + half]!];
          out[at] = low * cos - high * sin;
          out[at + half] = high * cos + low * sin;
        }
      }
    }
  }
  return wide('f32', x.shape, out);
}

export const ATTENTION: Family<'attention' | 'rotary'> = {
  attention: {
    name: 'attention',
    doc: 'softmax(scale · q kᵀ) v over the visible keys; scale null is 1/√head_dim; causal: query i sees keys 0 … S − T + i; mask [B, S]: what is in a key and value of false never counts; a query that sees no key, or whose scores are all −∞, yields zeros.',
    operands: [{ name: 'q' }, { name: 'k' }, { name: 'v' }, { name: 'mask', optional: true }],
    traits: {},
    infer: (inputs) => [inferAttention(inputs)],
    evaluate: ([q, k, v, mask], attributes) => [evaluateAttention(q!, k!, v!, mask, attributes)],
  },
  rotary: {
    name: 'rotary',
    doc: 'Rotate-half rotary embedding of the first `dims` elements of each head: (x₁, x₂) → (x₁ cos − x₂ sin, x₂ cos + x₁ sin) with angle position · theta^(−2i/dims); inverse: with the angles negated.',
    operands: [{ name: 'x' }, { name: 'positions' }],
    traits: {},
    infer: (inputs, attributes) => [inferRotary(inputs, attributes)],
    evaluate: ([x, positions], attributes) => [evaluateRotary(x!, positions!, attributes)],
  },
};
