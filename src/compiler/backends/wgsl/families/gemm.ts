/**
 * Matrix product: y[b, m, n] = Σ_k a[b, m, k] · b[b, k, n], summed in f32.
 *
 * Names in the template's text (`first_row`, `sum0_0`, `tile_a` …) are local to `main`, except `tile_a`, `tile_b` and
 * `partial` in workgroup memory, which generated functions must not be called.
 */
import type { Template } from './contract.ts';
import type { GemmParams } from './gemm-params.ts';
import { gemmSoftware } from './gemm-software.ts';
import { gemmWorkgroup } from './gemm-workgroup.ts';

export function gemmTemplate(p: GemmParams): Template {
  return p.profile === 'software' ? gemmSoftware(p) : gemmWorkgroup(p);
}
