/** The type rule of attention, and its meaning in float64: who sees whom, scores, their softmax over the visible keys. */
import { type Dim, equalDims, isSymbolic, printDim } from '../../shared/dim.ts';
import type { TensorType, WideTensor } from '../../shared/tensor.ts';
import { gemmTransposed } from './gemm.ts';
import { axisRef, BOOL, expectDType, expectLayout, expectSameDim, F32 } from './rules.ts';
import { TypeRuleError } from './spec.ts';
import { wide } from './strided.ts';

export interface AttentionAttributes {
  /** query i sees keys 0 … S − T + i */
  readonly causal: boolean;
  /** null: 1/√D */
  readonly scale: number | null;
  /** with causal: query i sees the last so many of those keys, its own among them */
  readonly window?: number;
  /** scaled scores s become soft_cap · tanh(s / soft_cap), before the bias */
  readonly soft_cap?: number;
  /** the last operand is a bias, which is added to the scores */
  readonly biased?: true;
}

const NAMES = ['q', 'k', 'v'] as const;

type AttentionOp = 'attention' | 'attention_grad';

/** Mask and bias among the operands after q, k and v (and dy). */
export function maskAndBias<T>(more: readonly T[], { biased }: AttentionAttributes): { mask?: T; bias?: T } {
  const bias = biased ? more.at(-1) : undefined;
  const mask = biased ? more.slice(0, -1)[0] : more[0];
  return { ...(mask === undefined ? {} : { mask }), ...(bias === undefined ? {} : { bias }) };
}

function expectAttributes(op: AttentionOp, { causal, window, soft_cap }: AttentionAttributes): void {
  if (window !== undefined && !(Number.isInteger(window) && window >= 1 && window <= 2 ** 30))
    throw new TypeRuleError(`${op} takes a window of 1 to 2^30 keys and got ${window}`);
  if (window !== undefined && !causal)
    throw new TypeRuleError(`${op} has a window of ${window} keys and is not causal: a window is of the last keys`);
  if (soft_cap !== undefined && !(soft_cap > 0 && Number.isFinite(soft_cap)))
    throw new TypeRuleError(`${op} takes a soft_cap above 0 and got ${soft_cap}`);
}

/** The heads of q for each head of k and v. */
export function headsPerGroup(heads: Dim, groups: Dim): number | undefined {
  if (equalDims(heads, groups)) return 1;
  if (isSymbolic(heads) || isSymbolic(groups) || groups === 0 || heads % groups !== 0) return undefined;
  return heads / groups;
}

/** The type of attention's result. @param first index of the first operand after q, k, v (and dy) */
export function inferAttention(
  op: AttentionOp,
  inputs: readonly TensorType[],
  attributes: AttentionAttributes,
  first = 3,
): TensorType {
  expectAttributes(op, attributes);
  const layouts = ['[B, H, T, D]', '[B, G, S, D]', '[B, G, S, E]'];
  for (const [operand, layout] of layouts.entries()) {
    expectDType(op, inputs, operand, NAMES[operand]!, F32);
    expectLayout(op, inputs, operand, NAMES[operand]!, 4, layout);
  }
  const agree = (
    left: number,
    leftAxis: number,
    right: number,
    rightAxis: number,
    what: string,
    name: string = NAMES[right]!,
  ) =>
    expectSameDim(
      axisRef(inputs, left, leftAxis, what),
      axisRef(inputs, right, rightAxis, what),
      (a, b) => `${op} needs one ${what}, and it is ${a} in ${NAMES[left]} and ${b} in ${name}`,
    );
  agree(0, 0, 1, 0, 'batch size');
  agree(0, 0, 2, 0, 'batch size');
  const [heads, groups] = [inputs[0]!.shape[1]!, inputs[1]!.shape[1]!];
  // a clash of q and k whose heads do not share is one of sizes that should be equal
  if (headsPerGroup(heads, groups) === undefined) agree(0, 1, 1, 1, 'number of heads');
  agree(1, 1, 2, 1, 'number of heads');
  agree(0, 3, 1, 3, 'head_dim');
  agree(1, 2, 2, 2, 'number of keys');
  const { mask, bias } = maskAndBias([...inputs.keys()].slice(first), attributes);
  if (attributes.biased && bias === undefined) throw new TypeRuleError(`${op} is biased and got no bias`);
  if (inputs.length > first + (attributes.biased ? 2 : 1))
    throw new TypeRuleError(`${op} got a bias and is not biased`);
  if (mask !== undefined) {
    expectDType(op, inputs, mask, 'mask', BOOL);
    if (inputs[mask]!.shape.length === 4) expectPerQuery(op, inputs, mask, 'mask');
    else {
      expectLayout(op, inputs, mask, 'mask', 2, '[B, S] or [B, 1 or H, T, S]');
      agree(0, 0, mask, 0, 'batch size', 'mask');
      agree(1, 2, mask, 1, 'number of keys', 'mask');
    }
  }
  if (bias !== undefined) {
    expectDType(op, inputs, bias, 'bias', F32);
    expectLayout(op, inputs, bias, 'bias', 4, '[B or 1, H or 1, T, S]');
    expectPerQuery(op, inputs, bias, 'bias');
  }
  const [q, v] = [inputs[0]!.shape, inputs[2]!.shape];
  return { dtype: 'f32', shape: [q[0]!, q[1]!, q[2]!, v[3]!] };
}

/** [B or 1, H or 1, T, S] */
function expectPerQuery(op: AttentionOp, inputs: readonly TensorType[], operand: number, name: string): void {
  const [q, k] = [inputs[0]!.shape, inputs[1]!.shape];
  const wanted = [q[0]!, q[1]!, q[2]!, k[2]!];
  for (const [axis, dim] of inputs[operand]!.shape.entries()) {
    if (equalDims(dim, wanted[axis]!) || (axis < 2 && equalDims(dim, 1))) continue;
    const [is, should] = [printDim(dim), printDim(wanted[axis]!)];
    throw new TypeRuleError(
      `${op} takes ${name} of shape [B${name === 'bias' ? ' or 1' : ''}, H or 1, T, S], and axis ${axis} is ${is} and should be ${should}`,
      [
        { operand, axis, label: `is ${is}` },
        { operand: axis === 3 ? 1 : 0, axis: axis === 3 ? 2 : axis, label: `is ${should}` },
      ],
    );
  }
}

/** Softmax of one row of scores over its visible keys, in place; no visible key, or −∞ at all of them: zeros. */
function softmaxVisible(scores: Float64Array, start: number, count: number, visible: (key: number) => boolean): void {
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

/** Where element (t, s) of head `h` of image `n` lies in a mask or bias [B or 1, H or 1, T, S], from t = s = 0 on. */
function startOf({ shape }: WideTensor, n: number, h: number): number {
  const [batch, heads, queries, keys] = shape as [number, number, number, number];
  return ((batch === 1 ? 0 : n) * heads + (heads === 1 ? 0 : h)) * queries * keys;
}

/** Attention's operands in numbers, with the probabilities of each head. */
export class Attended {
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly dim: number;
  /** number of (image, head) pairs */
  readonly count: number;
  readonly factor: number;
  private readonly groups: number;
  private readonly q: WideTensor;
  private readonly mask: WideTensor | undefined;
  private readonly bias: WideTensor | undefined;
  private readonly attributes: AttentionAttributes;

  constructor(q: WideTensor, k: WideTensor, more: readonly WideTensor[], attributes: AttentionAttributes) {
    const [batch, heads, queries, dim] = q.shape as [number, number, number, number];
    this.q = q;
    this.attributes = attributes;
    const { mask, bias } = maskAndBias(more, attributes);
    [this.mask, this.bias] = [mask, bias];
    [this.heads, this.queries, this.keys, this.dim] = [heads, queries, k.shape[2]!, dim];
    this.groups = k.shape[1]!;
    this.count = batch * heads;
    this.factor = attributes.scale ?? 1 / Math.sqrt(dim);
  }

  /** Which (image, head) of keys and values a (image, head) of the queries reads. */
  sharedHead(head: number): number {
    const [image, own] = [Math.floor(head / this.heads), head % this.heads];
    return image * this.groups + Math.floor(own / (this.heads / this.groups));
  }

  /** Whether query t of a (image, head) sees key s. */
  sees(head: number): (t: number, s: number) => boolean {
    const { mask, queries, keys, attributes } = this;
    const [image, own] = [Math.floor(head / this.heads), head % this.heads];
    const { causal, window = Number.POSITIVE_INFINITY } = attributes;
    const start = mask?.shape.length === 4 ? startOf(mask, image, own) : image * keys;
    const row = mask?.shape.length === 4 ? keys : 0;
    return (t, s) => {
      const last = keys - queries + t;
      return (!causal || (s <= last && s > last - window)) && mask?.data[start + t * row + s] !== 0;
    };
  }

  /**
   * The probabilities [T, S] of a head, into `weights`; into `slopes`, where there is a soft cap, the derivative of the capped
   * scores by the scores.
   */
  probabilities(head: number, keys: Float64Array, weights: Float64Array, slopes?: Float64Array): void {
    const { q, queries, dim, factor, bias, attributes } = this;
    const { soft_cap: cap } = attributes;
    const [ofQ, ofK] = [head * queries * dim, this.sharedHead(head) * this.keys * dim];
    gemmTransposed(
      { data: q.data, offset: ofQ },
      { data: keys, offset: ofK },
      { data: weights, offset: 0 },
      queries,
      this.keys,
      dim,
    );
    const start = bias && startOf(bias, Math.floor(head / this.heads), head % this.heads);
    for (let i = 0; i < weights.length; i++) {
      let score = weights[i]! * factor;
      if (cap !== undefined) {
        const bent = Math.tanh(score / cap);
        if (slopes) slopes[i] = 1 - bent * bent;
        score = cap * bent;
      }
      weights[i] = bias ? score + bias.data[start! + i]! : score;
    }
    const sees = this.sees(head);
    for (let t = 0; t < queries; t++) softmaxVisible(weights, t * this.keys, this.keys, (s) => sees(t, s));
  }
}

export function evaluateAttention(
  q: WideTensor,
  k: WideTensor,
  v: WideTensor,
  more: readonly (WideTensor | undefined)[],
  attributes: AttentionAttributes,
): WideTensor {
  const given = more.filter((one) => one !== undefined);
  const attended = new Attended(q, k, given, attributes);
  const { queries, keys } = attended;
  const outDim = v.shape[3]!;
  const weights = new Float64Array(queries * keys);
  const out = new Float64Array(attended.count * queries * outDim);
  for (let head = 0; head < attended.count; head++) {
    attended.probabilities(head, k.data, weights);
    const [sees, ofV] = [attended.sees(head), attended.sharedHead(head) * keys * outDim];
    for (let t = 0; t < queries; t++) {
      const to = (head * queries + t) * outDim;
      // a hidden value is left out: 0 · NaN is NaN
      for (let s = 0; s < keys; s++)
        if (sees(t, s)) addRow(out, to, weights[t * keys + s]!, v.data, ofV + s * outDim, outDim);
    }
  }
  return wide('f32', [q.shape[0]!, attended.heads, queries, outDim], out);
}

/** into[to …] += factor · rows[from …], of `width` elements */
export function addRow(
  into: Float64Array,
  to: number,
  factor: number,
  rows: Float64Array,
  from: number,
  width: number,
): void {
  for (let i = 0; i < width; i++) into[to + i]! += factor * rows[from + i]!;
}
