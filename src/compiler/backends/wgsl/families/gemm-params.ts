/** What the templates of products are given. */
import type { Extent, Profile, Sink, Source } from './contract.ts';

export interface GemmParams {
  readonly batch: Extent;
  readonly m: Extent;
  readonly n: Extent;
  readonly k: Extent;
  /** coordinates (batch, m, k) */
  readonly a: Source;
  /** coordinates (batch, k, n) */
  readonly b: Source;
  /** store(batch, m, n, value) */
  readonly out: Sink;
  readonly profile: Profile;
}
