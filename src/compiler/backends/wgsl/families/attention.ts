/**
 * Flash attention: y[b, h, t, :] = Σ_s softmax_s(scale · q[b, h, t, :] · k[b, h, s, :]) v[b, h, s, :], without the
 * [T, S] matrix of scores in memory.
 *
 * The softmax is built as keys are seen: `most` is the largest score so far, `total` the sum of exp(score − most), and
 * what was summed before is scaled down when a larger score comes. A query that sees no key gives zeros. Nothing relies
 * on infinities or NaN, which WGSL may assume away.
 */
import type { AttentionForward } from './attention-params.ts';
import { attentionSoftware } from './attention-software.ts';
import { attentionWorkgroup } from './attention-workgroup.ts';
import type { Template } from './contract.ts';

export function attentionForward(p: AttentionForward): Template {
  return p.profile === 'software' ? attentionSoftware(p) : attentionWorkgroup(p);
}
