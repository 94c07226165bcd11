import { mulDims } from '../../../../shared/dim.ts';
import type { Extent, Profile, Sink, Source, Template } from './contract.ts';

export function attentionForward(p: {
  batch: Extent;
  heads: Extent;
  queries: Extent;
  keys: Extent;
  width: number;
  valueWidth: number;
  q: Source;
  k: Source;
  v: Source;
  mask?: string;
  causal: boolean;
  scale: number;
  out: Sink;
  profile: Profile;
}): Template {
  const text = `@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let index = (group.y * groups.x + group.x) * 64u + lane;
  if (index >= ${p.batch.text} * ${p.heads.text} * ${p.queries.text}) { return; }
  let t = index % ${p.queries.text};
  let h = (index / ${p.queries.text}) % ${p.heads.text};
  let b = index / (${p.queries.text} * ${p.heads.text});
  var acc: array<f32, ${p.valueWidth}>;
  var m = -3.0e38;
  var l = 0.0;
  for (var s = 0u; s < ${p.keys.text}; s++) {
    ${p.mask ? `if (!${p.mask}(b, s)) { continue; }` : ''}
    ${p.causal ? `if (i32(s) > i32(${p.keys.text}) - i32(${p.queries.text}) + i32(t)) { continue; }` : ''}
    var score = 0.0;
    for (var d = 0u; d < ${p.width}u; d++) { score += ${p.q.at}(b, h, t, d) * ${p.k.at}(b, h, s, d); }
    score *= ${p.scale};
    let n = max(m, score);
    let keep = exp(max(m - n, -80.0)) * select(0.0, 1.0, l > 0.0);
    let e = exp(score - n);
    l = l * keep + e;
    for (var d = 0u; d < ${p.valueWidth}u; d++) { acc[d] = acc[d] * keep + e * ${p.v.at}(b, h, s, d); }
    m = n;
  }
  for (var d = 0u; d < ${p.valueWidth}u; d++) { ${p.out.store}(b, h, t, d, select(0.0, acc[d] / max(l, 1e-30), l > 0.0)); }
}`;
  const one = { of: 1, per: 1 };
  return {
    text,
    workgroup: [64, 1, 1],
    groups: [{ of: mulDims(p.batch.dim, mulDims(p.heads.dim, p.queries.dim)), per: 64 }, one, one],
    linear: true,
  };
}
