import { mulDims } from '../../../../shared/dim.ts';
import type { Extent, Profile, Sink, Source, Template } from './contract.ts';

export function gemmTemplate({
  batch,
  m,
  n,
  k,
  a,
  b,
  out,
}: {
  readonly batch: Extent;
  readonly m: Extent;
  readonly n: Extent;
  readonly k: Extent;
  readonly a: Source;
  readonly b: Source;
  readonly out: Sink;
  readonly profile: Profile;
}): Template {
  const text = `@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let index = (group.y * groups.x + group.x) * 64u + lane;
  if (index >= ${batch.text} * ${m.text} * ${n.text}) { return; }
  let col = index % ${n.text};
  let row = (index / ${n.text}) % ${m.text};
  let bat = index / (${n.text} * ${m.text});
  var acc = 0.0;
  for (var at = 0u; at < ${k.text}; at++) { acc += ${a.at}(bat, row, at) * ${b.at}(bat, at, col); }
  ${out.store}(bat, row, col, acc);
}`;
  const one = { of: 1, per: 1 };
  return {
    text,
    workgroup: [64, 1, 1],
    groups: [{ of: mulDims(batch.dim, mulDims(m.dim, n.dim)), per: 64 }, one, one],
    linear: true,
  };
}
