/**
 * Entry of a kernel over a grid of tiles, one workgroup each. A device takes 65,535 workgroups along an axis of a dispatch, and
 * a grid may have more along any of its own: so workgroups have one index, which the runtime folds into two axes, and the
 * kernel makes `tile` of it, columns of the grid first.
 */
import { joined, type MainText, type Piece, wgsl } from '../text/wgsl.ts';
import type { Extent, Template } from './contract.ts';

export interface GridAxis {
  readonly extent: Extent;
  /** of the extent, for each tile */
  readonly per: number;
}

/**
 * @param declared what stands above the entry
 * @param body statements that know `tile` (vec3u) and `lane` (u32)
 */
export function gridMain(
  { about, variables = [], functions = [] }: Partial<Pick<MainText, 'about' | 'variables' | 'functions'>>,
  workgroup: Template['workgroup'],
  axes: readonly [x: GridAxis, y: GridAxis, z: GridAxis],
  body: Piece,
): Template {
  const [x, y, z] = axes.map(tilesOf) as [Piece, Piece, Piece];
  const rows = x === '1u' ? 'index' : wgsl`index / ${x}`;
  const batches = y === '1u' ? rows : x === '1u' ? wgsl`index / ${y}` : wgsl`index / (${x} * ${y})`;
  const tile = [x === '1u' ? '0u' : wgsl`index % ${x}`, y === '1u' ? '0u' : wgsl`${rows} % ${y}`, batches];
  return {
    ...(about === undefined ? {} : { about }),
    variables,
    functions,
    body: wgsl`  let index = group.y * groups.x + group.x;
  let tile = vec3u(${joined(tile, ', ')});
  if (tile.z >= ${z}) { return; }
${body}`,
    workgroup,
    groups: [groupsOf(axes[0]), groupsOf(axes[1]), groupsOf(axes[2])],
  };
}

const groupsOf = ({ extent: { dim }, per }: GridAxis) => ({ of: dim, per });

function tilesOf({ extent: { dim, text }, per }: GridAxis): Piece {
  if (typeof dim === 'number') return `${Math.ceil(dim / per)}u`;
  return per === 1 ? text : wgsl`((${text} + ${per - 1}u) / ${per}u)`;
}
