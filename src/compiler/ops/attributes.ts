/**
 * The operators of the IR and their attributes: the one list that every total table is typed by.
 *
 * Adding an op starts here. The compiler then names each table that lacks it: the op's record
 * (`ops/<family>.ts`: type rule, docs, evaluate), the ONNX lowering, later gradients and kernels.
 * Axes are always normalised (non-negative) and lists have one entry per axis unless said otherwise.
 */
import type { Dim, Shape } from '../../shared/dim.ts';
import type { DType } from '../../shared/dtype.ts';

type None = Readonly<Record<never, never>>;

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

export interface OpAttributes {
  // pointwise, one operand (f32 → f32)
  neg: None;
  abs: None;
  exp: None;
  log: None;
  sqrt: None;
  rsqrt: None;
  reciprocal: None;
  sin: None;
  cos: None;
  tanh: None;
  erf: None;
  sigmoid: None;
  relu: None;
  silu: None;
  softplus: None;
  gelu: { readonly approximate: 'none' | 'tanh' };
  clamp: { readonly min: number; readonly max: number };
  not: None;
  cast: { readonly to: DType };

  // pointwise, several operands, NumPy broadcasting
  add: None;
  sub: None;
  mul: None;
  div: None;
  pow: None;
  maximum: None;
  minimum: None;
  equal: None;
  less: None;
  less_equal: None;
  and: None;
  or: None;
  /** (condition, a, b) → a where condition, else b */
  where: None;

  // reductions
  sum: { readonly axes: readonly number[]; readonly keepdims: boolean };
  mean: { readonly axes: readonly number[]; readonly keepdims: boolean };
  max: { readonly axes: readonly number[]; readonly keepdims: boolean };
  min: { readonly axes: readonly number[]; readonly keepdims: boolean };
  /** Index of the first largest element, or of the first NaN; drops the axis; i64. */
  argmax: { readonly axis: number };
  /** Indices of the k largest elements, largest first, NaN before all, equal ones by index; i64. */
  top_k: { readonly axis: number; readonly k: number };
  /** Inclusive prefix sum; f32 or i64. */
  cumsum: { readonly axis: number };
  softmax: { readonly axis: number };
  log_softmax: { readonly axis: number };

  // shape
  reshape: { readonly shape: Shape };
  /** output axis i is input axis permutation[i] */
  transpose: { readonly permutation: readonly number[] };
  /** Broadcasts (NumPy rules, right-aligned) to exactly this shape. */
  expand: { readonly shape: Shape };
  concat: { readonly axis: number };
  split: { readonly axis: number; readonly sizes: readonly Dim[] };
  /** One entry per axis; 0 ≤ start ≤ end ≤ size, step ≥ 1. */
  slice: { readonly starts: readonly Dim[]; readonly ends: readonly Dim[]; readonly steps: readonly number[] };
  flip: { readonly axes: readonly number[] };
  pad: { readonly before: readonly number[]; readonly after: readonly number[]; readonly value: number };
  /** i64 tensor of this shape holding each element's index along `axis`. No inputs. */
  iota: { readonly shape: Shape; readonly axis: number };
  /** i64 scalar: the value of a dimension. No inputs. */
  dim_size: { readonly dim: Dim };
  /** (seed i64 scalar) → f32 of this shape in [0, 1), by counter; salt tells places of one model apart */
  random_uniform: { readonly shape: Shape; readonly salt: number };

  // gather / scatter
  /** (data, indices): out = data[..., indices, ...] at `axis`; indices in [0, size); out of range is an error. */
  gather: { readonly axis: number };
  /** (data, indices of the same rank): out[i][j] = data[i][indices[i][j]] for axis 1 */
  gather_elements: { readonly axis: number };
  /** (data, indices of rank 1, updates): out = data; out[indices[i]] += updates[i] at `axis` */
  scatter_add: { readonly axis: number };
  /** (data, indices, updates of one shape and data's rank): out = data; out[i][indices[i][j]] += updates[i][j] for axis 1 */
  scatter_elements_add: { readonly axis: number };

  // contractions
  /** (a, b) with NumPy batching; rank-1 operands as in NumPy; transposes swap the last two axes of a rank ≥ 2 operand */
  matmul: { readonly transpose_a: boolean; readonly transpose_b: boolean };
  /** (x [..., in], weight [out, in], bias? [out]) → [..., out] */
  linear: None;
  /** (x [N, C, H, W], weight [O, C/groups, kh, kw], bias? [O]); H and W static */
  conv2d: {
    readonly stride: readonly [number, number];
    readonly padding: readonly [number, number];
    readonly dilation: readonly [number, number];
    readonly groups: number;
  };
  avg_pool2d: {
    readonly kernel: readonly [number, number];
    readonly stride: readonly [number, number];
    readonly padding: readonly [number, number];
    readonly count_include_pad: boolean;
  };
  max_pool2d: {
    readonly kernel: readonly [number, number];
    readonly stride: readonly [number, number];
    readonly padding: readonly [number, number];
  };
  /** (x [N, C, H, W]) → [N, C, ...size]; half-pixel centres (align_corners false), no antialiasing, as torch; bicubic a = -0.75 */
  interpolate: { readonly mode: 'nearest' | 'bilinear' | 'bicubic'; readonly size: readonly [number, number] };

  // normalisation, attention, loss
  /** (x, weight? [last], bias? [last]) over the last axis; biased variance */
  layer_norm: { readonly eps: number };
  /** (x, weight? [last]): x / sqrt(mean(x²) + eps) * weight over the last axis */
  rms_norm: { readonly eps: number };
  /**
   * (q [B, H, T, D], k [B, G, S, D], v [B, G, S, E], mask? bool [B, S] or [B, 1 or H, T, S], bias? f32 [B or 1, H or 1, T, S])
   * → [B, H, T, E]; H is a multiple of G, and each run of H/G heads shares keys and values.
   * What is in a key and value that a mask [B, S] hides never counts. A query that sees no key yields zeros.
   */
  attention: AttentionAttributes;
  /**
   * (x [B, H, T, D], positions i64 [B, T] or [1, T]): rotate-half rotary embedding of the first `dims` elements of
   * each head; positions < max_positions. inverse: turns back (the angles negated), which is also the gradient.
   */
  rotary: {
    readonly dims: number;
    readonly theta: number;
    readonly max_positions: number;
    /** radians of each pair per position, [dims/2], in place of theta^(−2i/dims) */
    readonly frequencies?: readonly number[];
    readonly inverse?: true;
  };
  /** (logits [..., C], target i64 [...]): mean of −log softmax(logits)[target] over targets ≠ ignore_index; scalar */
  cross_entropy: { readonly ignore_index: number };

  // made by passes only
  /** (dy [N, O, oh, ow], weight [O, C/groups, kh, kw]) → [N, C, ...size]: the adjoint of conv2d in x */
  conv2d_grad_input: {
    readonly stride: readonly [number, number];
    readonly padding: readonly [number, number];
    readonly dilation: readonly [number, number];
    readonly groups: number;
    readonly size: readonly [number, number];
  };
  /** (x [N, C, H, W], dy [N, O, oh, ow]) → [O, C/groups, ...kernel]: the adjoint of conv2d in weight */
  conv2d_grad_weight: {
    readonly stride: readonly [number, number];
    readonly padding: readonly [number, number];
    readonly dilation: readonly [number, number];
    readonly groups: number;
    readonly kernel: readonly [number, number];
  };
  /** (x [N, C, H, W], dy [N, C, oh, ow]) → [N, C, H, W]: each dy goes to the first largest element of its window, or to its last NaN */
  max_pool2d_grad: {
    readonly kernel: readonly [number, number];
    readonly stride: readonly [number, number];
    readonly padding: readonly [number, number];
  };
  /**
   * (q, k, v, dy [B, H, T, E], mask?, bias?) → (dq, dk, dv), of the types of q, k and v: the gradients of attention with these
   * attributes, for targets that have one kernel for them
   */
  attention_grad: AttentionAttributes;
  /** (x, after) → x, computed again by whatever reads it, and not before `after`: see passes/autodiff/recompute.ts */
  barrier: None;

  // of gradients
  /** x, through which no gradient goes back */
  stop_gradient: None;
}

export type OpName = keyof OpAttributes;
export type AttributeValue = string | number | boolean | null | Dim | readonly (Dim | number)[];
