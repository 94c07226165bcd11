/**
 * The rows over `Ops`: what a user of TensorFlow.js or jax-js would write for `models/phi-2.mdl`. Tables of the rotary embedding
 * and the sum of the causal and the padding mask are made beforehand and given in, which favours the peers a little.
 */
import type { Problem } from '../problem.ts';
import type { Ops, Weights } from './ops.ts';

export interface PhiSizes {
  readonly hidden_size: number;
  readonly num_heads: number;
  readonly num_layers?: number;
  readonly vocab_size?: number;
  readonly partial_rotary_factor: number;
  readonly layer_norm_eps: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
}

/** What a forward pass needs beside weights. */
export interface PhiInputs<T> {
  /** [T, 1, rotary_dim / 2] */
  readonly cos: T;
  readonly sin: T;
  /** added to scores [B, heads, T, P + T]; undefined where every key is seen */
  readonly bias: T | undefined;
  /** per layer: keys and values [B, heads, P, head_dim] */
  readonly past?: readonly (readonly [T, T])[];
}

export function phiSizes(problem: Problem): PhiSizes {
  return (problem.model.config() as { phi: unknown }).phi as PhiSizes;
}

export function phiTables(sizes: PhiSizes, length: number, past: number) {
  const half = Math.trunc((sizes.partial_rotary_factor * sizes.hidden_size) / sizes.num_heads) / 2;
  const angle = (i: number): number => {
    const position = past + Math.floor(i / half);
    return position * sizes.rope_theta ** (-(i % half) / half);
  };
  const table = (of: (x: number) => number) => Float32Array.from({ length: length * half }, (_, i) => of(angle(i)));
  const causal = Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? -1e9 : 0,
  );
  return { shape: [length, 1, half], cos: table(Math.cos), sin: table(Math.sin), causal } as const;
}

export function attention<T>(o: Ops<T>, q: T, k: T, v: T, bias?: T): T {
  const scores = o.scale(o.matmul(q, k, true), 1 / Math.sqrt(o.shapeOf(q).at(-1)!));
  return o.matmul(o.softmax(bias === undefined ? scores : o.add(scores, bias)), v);
}

/** x [B, T, in] W [out, in] + b */
function linear<T>(o: Ops<T>, w: Weights<T>, name: string, x: T): T {
  const shape = o.shapeOf(x);
  const weight = w[`${name}.weight`]!;
  const [out, width] = o.shapeOf(weight) as [number, number];
  const rows = o.reshape(x, [shape.slice(0, -1).reduce((a, b) => a * b, 1), width]);
  const y = o.add(o.matmul(rows, weight, true), w[`${name}.bias`]!);
  return o.reshape(y, [...shape.slice(0, -1), out]);
}

const norm = <T>(o: Ops<T>, w: Weights<T>, name: string, x: T, epsilon: number): T =>
  o.layerNorm(x, w[`${name}.weight`]!, w[`${name}.bias`]!, epsilon);

/** [B, T, heads, head_dim], rotated and as [B, heads, T, head_dim] */
function rotated<T>(o: Ops<T>, x: T, { cos, sin }: PhiInputs<T>): T {
  const half = o.shapeOf(cos).at(-1)!;
  const [first, second] = [o.slice(x, 3, 0, half), o.slice(x, 3, half, 2 * half)];
  const rest = o.slice(x, 3, 2 * half, o.shapeOf(x)[3]!);
  const turned = o.concat(
    [o.sub(o.mul(first, cos), o.mul(second, sin)), o.add(o.mul(second, cos), o.mul(first, sin)), rest],
    3,
  );
  return o.permute(turned, [0, 2, 1, 3]);
}

export function phiLayer<T>(
  o: Ops<T>,
  w: Weights<T>,
  name: string,
  sizes: PhiSizes,
  x: T,
  inputs: PhiInputs<T>,
  past?: readonly [T, T],
): T {
  const [batch, length, width] = o.shapeOf(x) as [number, number, number];
  const { num_heads: heads, layer_norm_eps: epsilon } = sizes;
  const h = norm(o, w, `${name}.input_layernorm`, x, epsilon);
  // rows of query_key_value are ordered head, q/k/v, head_dim
  // (split before a fifth axis appears: TensorFlow.js pads, which is the gradient of a slice, up to four)
  const size = width / heads;
  const qkv = o.reshape(linear(o, w, `${name}.self_attn.query_key_value`, h), [batch, length, heads, 3 * size]);
  const [q, k, v] = [0, 1, 2].map((at) => o.slice(qkv, 3, at * size, (at + 1) * size)) as [T, T, T];
  const qRotated = rotated(o, norm(o, w, `${name}.self_attn.q_layernorm`, q, epsilon), inputs);
  const kRotated = rotated(o, norm(o, w, `${name}.self_attn.k_layernorm`, k, epsilon), inputs);
  const values = o.permute(v, [0, 2, 1, 3]);
  const keys = past ? o.concat([past[0], kRotated], 2) : kRotated;
  const seen = past ? o.concat([past[1], values], 2) : values;
  const mixed = o.permute(attention(o, qRotated, keys, seen, inputs.bias), [0, 2, 1, 3]);
  const attended = linear(o, w, `${name}.self_attn.dense`, o.reshape(mixed, [batch, length, width]));
  const post = o.rmsNorm(attended, w[`${name}.post_layernorm.weight`]!, sizes.rms_norm_eps);
  const inner = o.geluTanh(linear(o, w, `${name}.mlp.fc1`, h));
  return o.add(o.add(x, post), linear(o, w, `${name}.mlp.fc2`, inner));
}

/** Embeddings to logits. */
export function phi<T>(o: Ops<T>, w: Weights<T>, sizes: PhiSizes, embeds: T, inputs: PhiInputs<T>): T {
  let x = embeds;
  for (let i = 0; i < sizes.num_layers!; i++) {
    x = phiLayer(o, w, `lm.model.layers.${i}`, sizes, x, inputs, inputs.past?.[i]);
  }
  return linear(o, w, 'lm.lm_head', norm(o, w, 'lm.model.final_layernorm', x, sizes.layer_norm_eps));
}

/** The loss of rows of tokens: logits at t against the label at t + 1. */
export function phiLoss<T>(
  o: Ops<T>,
  w: Weights<T>,
  sizes: PhiSizes,
  { ids, oneHot }: { readonly ids: T; readonly oneHot: T },
  dims: { readonly B: number; readonly T: number },
  inputs: PhiInputs<T>,
): T {
  const embeds = o.gather(w['lm.model.embed_tokens.weight']!, ids);
  const logits = phi(o, w, sizes, o.reshape(embeds, [dims.B, dims.T, sizes.hidden_size]), inputs);
  const rows = o.reshape(o.slice(logits, 1, 0, dims.T - 1), [dims.B * (dims.T - 1), sizes.vocab_size!]);
  return o.crossEntropy(rows, oneHot);
}
