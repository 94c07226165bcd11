/**
 * Matrix product: y[b, m, n] = Σ_k a[b, m, k] · b[b, k, n], summed in f32.
 *
 * Names in the template's text (`first_row`, `sum0_0`, `tile_a` …) are local to `main`, except `tile_a`, `tile_b` and
 * `partial` in workgroup memory, which generated functions must not be called.
 */
import type { Extent, Profile, Sink, Source, Template } from './contract.ts';
import { gemmSoftware } from './gemm-software.ts';
import { gemmWorkgroup } from './gemm-workgroup.ts';

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

export function gemmTemplate(p: GemmParams): Template {
  return p.profile === 'software' ? gemmSoftware(p) : gemmWorkgroup(p);
}
