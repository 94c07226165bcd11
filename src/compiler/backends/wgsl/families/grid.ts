/**
 * Entry of a kernel over a grid of tiles, one workgroup each. A device takes 65,535 workgroups along an axis of a dispatch, and
 * a grid may have more along any of its own: so workgroups have one index, which the runtime folds into two axes, and the
 * kernel makes `tile` of it, columns of the grid first.
 */
import type { Extent, Template } from './contract.ts';

export interface GridAxis {
  readonly extent: Extent;
  /** of the extent, for each tile */
  readonly per: number;
}

/** @param body statements that know `tile` (vec3u) and `lane` (u32) */
export function gridMain(
  helpers: string,
  workgroup: Template['workgroup'],
  axes: readonly [x: GridAxis, y: GridAxis, z: GridAxis],
  body: string,
): Template {
  const [x, y, z] = axes.map(tilesOf) as [string, string, string];
  const rows = x === '1u' ? 'index' : `index / ${x}`;
  const batches = y === '1u' ? rows : x === '1u' ? `index / ${y}` : `index / (${x} * ${y})`;
  const tile = [x === '1u' ? '0u' : `index % ${x}`, y === '1u' ? '0u' : `${rows} % ${y}`, batches];
  const text = `${helpers}
@compute @workgroup_size(${workgroup.join(', ')})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = group.y * groups.x + group.x;
  let tile = vec3u(${tile.join(', ')});
  if (tile.z >= ${z}) { return; }
${body}
}
`;
  return { text, workgroup, groups: [groupsOf(axes[0]), groupsOf(axes[1]), groupsOf(axes[2])] };
}

const groupsOf = ({ extent: { dim }, per }: GridAxis) => ({ of: dim, per });

function tilesOf({ extent: { dim, text }, per }: GridAxis): string {
  if (typeof dim === 'number') return `${Math.ceil(dim / per)}u`;
  return per === 1 ? text : `((${text} + ${per - 1}u) / ${per}u)`;
}
