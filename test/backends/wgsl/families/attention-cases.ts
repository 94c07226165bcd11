/** Attention under test: operands of a case, and the formulas in float64. */
import type { AttentionOperands } from '../../../../src/compiler/backends/wgsl/families/attention-params.ts';
import type { Extent, Profile } from '../../../../src/compiler/backends/wgsl/families/contract.ts';
import { Bench, numbers } from './harness.ts';

export interface AttentionCase {
  readonly batch?: number;
  readonly heads?: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth?: number;
  readonly causal?: boolean;
  /** none: no mask; some: about a third of the keys are hidden; all: the first batch sees nothing */
  readonly mask?: 'none' | 'some' | 'all';
  /** queries are this much larger than (−1, 1) */
  readonly magnitude?: number;
  readonly dynamic?: boolean;
  readonly vectors?: boolean;
  readonly profile: Profile;
}

/** In float64: every tensor of attention and of its gradient. */
export interface Expected {
  readonly y: Float64Array;
  readonly lse: Float64Array;
  readonly delta: Float64Array;
  readonly dq: Float64Array;
  readonly dk: Float64Array;
  readonly dv: Float64Array;
}

export interface AttentionData {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly dy: Float32Array;
  readonly mask: readonly boolean[] | undefined;
  readonly scale: number;
}

export interface AttentionSizes {
  readonly B: number;
  readonly H: number;
  readonly T: number;
  readonly S: number;
  readonly D: number;
  readonly E: number;
}

export function sizesOf(c: AttentionCase): AttentionSizes {
  return {
    B: c.batch ?? 1,
    H: c.heads ?? 2,
    T: c.queries,
    S: c.keys,
    D: c.width,
    E: c.valueWidth ?? c.width,
  };
}

export function dataOf(c: AttentionCase): AttentionData {
  const { B, H, T, S, D, E } = sizesOf(c);
  const hidden = numbers(B * S, 5);
  return {
    q: numbers(B * H * T * D, 1).map((x) => x * (c.magnitude ?? 1)),
    k: numbers(B * H * S * D, 2),
    v: numbers(B * H * S * E, 3),
    dy: numbers(B * H * T * E, 4),
    mask:
      (c.mask ?? 'none') === 'none'
        ? undefined
        : Array.from(hidden, (x, index) => x > -0.3 && !(c.mask === 'all' && index < S)),
    scale: 1 / Math.sqrt(D),
  };
}

export interface Operands {
  readonly bench: Bench;
  readonly operands: AttentionOperands;
  /** [B, H, T, …] extents for results and further operands */
  readonly extents: { readonly B: Extent; readonly H: Extent; readonly T: Extent; readonly S: Extent };
  readonly D: Extent;
  readonly E: Extent;
}

/** The case's operands over plain buffers. */
export function operandsOf(c: AttentionCase, { q, k, v, mask, scale }: AttentionData): Operands {
  const bench = new Bench();
  const sizes = sizesOf(c);
  const [B, H] = [bench.extent(sizes.B, c.dynamic), bench.extent(sizes.H)];
  const [T, S] = [bench.extent(sizes.T, c.dynamic), bench.extent(sizes.S, c.dynamic)];
  const [D, E] = [bench.extent(sizes.D), bench.extent(sizes.E)];
  const vector = (width: number) => ({ vector: c.vectors !== false && width % 4 === 0 });
  const operands: AttentionOperands = {
    batch: B,
    heads: H,
    queries: T,
    keys: S,
    width: sizes.D,
    valueWidth: sizes.E,
    q: bench.source('q', q, [B, H, T, D], vector(sizes.D)),
    k: bench.source('k', k, [B, H, S, D], vector(sizes.D)),
    v: bench.source('v', v, [B, H, S, E], vector(sizes.E)),
    ...(mask === undefined ? {} : { mask: bench.mask('mask', mask, [B, S]) }),
    causal: c.causal ?? false,
    scale,
    profile: c.profile,
  };
  return { bench, operands, extents: { B, H, T, S }, D, E };
}

export function expectedOf(c: AttentionCase, { q, k, v, dy, mask, scale }: AttentionData): Expected {
  const { B, H, T, S, D, E } = sizesOf(c);
  const [y, dq] = [new Float64Array(B * H * T * E), new Float64Array(B * H * T * D)];
  const [dk, dv] = [new Float64Array(B * H * S * D), new Float64Array(B * H * S * E)];
  const lse = new Float64Array(B * H * T).fill(-3.4028234663852886e38);
  const delta = new Float64Array(B * H * T);
  for (let row = 0; row < B * H * T; row += 1) {
    const [bh, t] = [Math.floor(row / T), row % T];
    const visible = Array.from({ length: S }, (_, s) => s).filter(
      (s) => (!c.causal || s <= S - T + t) && (mask === undefined || mask[Math.floor(bh / H) * S + s]!),
    );
    if (visible.length === 0) continue;
    const scores = visible.map((s) => {
      let sum = 0;
      for (let d = 0; d < D; d += 1) sum += q[row * D + d]! * k[(bh * S + s) * D + d]!;
      return scale * sum;
    });
    const most = scores.reduce((a, b) => Math.max(a, b));
    const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
    lse[row] = most + Math.log(total);
    const weights = scores.map((score) => Math.exp(score - lse[row]!));
    const products = visible.map((s, index) => {
      let sum = 0;
      for (let e = 0; e < E; e += 1) {
        const at = (bh * S + s) * E + e;
        y[row * E + e]! += weights[index]! * v[at]!;
        dv[at]! += weights[index]! * dy[row * E + e]!;
        sum += dy[row * E + e]! * v[at]!;
      }
      return sum;
    });
    delta[row] = products.reduce((sum, product, index) => sum + weights[index]! * product, 0);
    visible.forEach((s, index) => {
      const dS = weights[index]! * (products[index]! - delta[row]!) * scale;
      for (let d = 0; d < D; d += 1) {
        dq[row * D + d]! += dS * k[(bh * S + s) * D + d]!;
        dk[(bh * S + s) * D + d]! += dS * q[row * D + d]!;
      }
    });
  }
  return { y, lse, delta, dq, dk, dv };
}

export const ATTENTION_CASES: readonly Omit<AttentionCase, 'profile'>[] = [
  { queries: 1, keys: 1, width: 4 },
  { queries: 5, keys: 7, width: 16, causal: true, batch: 2 },
  { queries: 9, keys: 70, width: 8, valueWidth: 12, causal: true, mask: 'some', batch: 2 },
  { queries: 1, keys: 67, width: 16, causal: true, heads: 3, mask: 'some' },
  { queries: 1, keys: 67, width: 16, heads: 3, dynamic: true },
  { queries: 11, keys: 11, width: 20, causal: true, dynamic: true, mask: 'all', batch: 2 },
  // more queries than keys: the first ones are blind
  { queries: 7, keys: 3, width: 6, valueWidth: 5, causal: true },
  { queries: 6, keys: 9, width: 8, vectors: false, magnitude: 400 },
  { queries: 65, keys: 67, width: 12, heads: 1, causal: true, mask: 'some' },
  { queries: 3, keys: 130, width: 88, valueWidth: 80, heads: 1 },
];

export function titleOf(c: Omit<AttentionCase, 'profile'>): string {
  const { B, H, T, S, D, E } = sizesOf({ ...c, profile: 'gpu' });
  const notes = [c.causal && 'causal', c.mask && `mask ${c.mask}`, c.dynamic && 'dynamic', c.magnitude && 'large'];
  return [`[${B}, ${H}, ${T}, ${D}] to ${S} keys of ${E}`, ...notes.filter(Boolean)].join(', ');
}
