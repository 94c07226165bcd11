/**
 * Matrix product: y[b, m, n] = Σ_k a[b, m, k] · b[b, k, n], summed in f32.
 *
 * Words in the template's text (`first_row`, `sum0_0` …) are local to `main`; what others may see is a name (names.ts).
 */
import type { Template } from './contract.ts';
import type { GemmParams } from './gemm-params.ts';
import { gemmSoftware } from './gemm-software.ts';
import { gemmWorkgroup } from './gemm-workgroup.ts';

export function gemmTemplate(p: GemmParams): Template {
  return p.profile === 'software' ? gemmSoftware(p) : gemmWorkgroup(p);
}
