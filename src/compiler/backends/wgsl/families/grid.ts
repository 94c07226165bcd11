/**
 * Entry of a kernel over a grid of tiles, one workgroup each. A device takes 65,535 workgroups along an axis of a dispatch, and
 * a grid may have more along any of its own: so workgroups have one index, which the runtime folds into two axes, and the
 * kernel makes `tile` of it, columns of the grid first.
 */
import { add, atLeast, div, lane, mod, mul, u32 } from '../text/arithmetic.ts';
import { Body } from '../text/body.ts';
import { call, type Expression } from '../text/expression.ts';
import { groupIndex } from '../text/invocation.ts';
import type { Extent, Template } from './contract.ts';

export interface GridAxis {
  readonly extent: Extent;
  /** of the extent, for each tile */
  readonly per: number;
}

/** Coordinates of a tile, in tiles. */
export interface GridTile {
  readonly x: Expression;
  readonly y: Expression;
  readonly z: Expression;
}

/** @param write what a workgroup does for its tile */
export function gridMain(
  about: string | undefined,
  workgroup: Template['workgroup'],
  axes: readonly [x: GridAxis, y: GridAxis, z: GridAxis],
  write: (body: Body, tile: GridTile) => void,
): Template {
  const [x, y, z] = axes.map(tilesOf) as [Expression, Expression, Expression];
  const body = new Body();
  const index = body.let('index', groupIndex);
  const own = [mod(index, x), mod(div(index, x), y), div(index, mul(x, y))];
  const tile = body.let('tile', call('vec3u', own, 'vec3u'));
  body.returnIf(atLeast(lane(tile, 2), z));
  write(body, { x: lane(tile, 0), y: lane(tile, 1), z: lane(tile, 2) });
  const groups: Template['groups'] = [groupsOf(axes[0]), groupsOf(axes[1]), groupsOf(axes[2])];
  return { ...(about === undefined ? {} : { about }), body, workgroup, groups };
}

const groupsOf = ({ extent: { dim }, per }: GridAxis) => ({ of: dim, per });

function tilesOf({ extent: { dim, size }, per }: GridAxis): Expression {
  if (typeof dim === 'number') return u32(Math.ceil(dim / per));
  return div(add(size, per - 1), per);
}
