/** Matrix product: y[b, m, n] = Σ_k a[b, m, k] · b[b, k, n], summed in f32. */
import type { Template } from './contract.ts';
import type { GemmParams } from './gemm-params.ts';
import { gemmSoftware } from './gemm-software.ts';
import { gemmWorkgroup } from './gemm-workgroup.ts';

export function gemmTemplate(p: GemmParams): Template {
  return p.profile === 'software' ? gemmSoftware(p) : gemmWorkgroup(p);
}
