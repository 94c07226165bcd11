/** What the templates of attention are given. */
import type { Expression } from '../text/expression.ts';
import type { Name } from '../text/name.ts';
import type { Extent, Profile, Sink, Source } from './contract.ts';

/** What forward and backward have in common. */
export interface AttentionOperands {
  readonly batch: Extent;
  /** H, of the queries */
  readonly heads: Extent;
  /** heads of keys and values, where fewer: `heads` heads of the queries have each */
  readonly shared?: { readonly groups: Extent; readonly heads: number };
  /** T */
  readonly queries: Extent;
  /** S */
  readonly keys: Extent;
  /** D: elements of a query and a key */
  readonly width: number;
  /** E: elements of a value */
  readonly valueWidth: number;
  /** coordinates (b, h, t, d) */
  readonly q: Source;
  /** coordinates (b, h, s, d), h a head of the queries */
  readonly k: Source;
  /** coordinates (b, h, s, e), h a head of the queries */
  readonly v: Source;
  /** WGSL function (b, s) → bool: whether the key may be seen; what is in a hidden key and value does not count */
  readonly mask?: Name;
  /** WGSL function (b, h, t, s) → bool: whether this query may see the key */
  readonly maskAt?: Name;
  /** WGSL function (b, h, t, s) → f32: what is added to the scaled, capped score */
  readonly bias?: Name;
  /** with causal: a query sees the last so many keys of those */
  readonly window?: number;
  /** scores become softCap · tanh(score / softCap) */
  readonly softCap?: number;
  /** query i sees keys 0 … S − T + i; none, where that is negative */
  readonly causal: boolean;
  readonly scale: number | Expression;
  readonly profile: Profile;
}

export interface AttentionForward extends AttentionOperands {
  /** store(b, h, t, e, value) */
  readonly out: Sink;
  /** store(b, h, t, value): log Σ exp of the scaled scores that are seen; −3.4028234663852886e38 for a blind query */
  readonly lse?: Sink;
}
