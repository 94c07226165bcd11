/**
 * Entry of a kernel over a grid of tiles, one workgroup each. A device takes 65,535 workgroups along an axis of a dispatch, and
 * a grid may have more along any of its own: so workgroups have one index, which the runtime folds into two axes, and the
 * kernel makes `tile` of it, columns of the grid first.
 */
import { binary, call, type Expression, literal, numberOf, variable } from '../text/expression.ts';
import { code, type MainText, Name, type Piece, wgsl } from '../text/wgsl.ts';
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
  const [x, y, z] = axes.map(tilesOf) as [Expression, Expression, Expression];
  const index = variable(new Name('index'), 'u32');
  const tile = [within(index, x), within(over(index, x), y), over(index, times(x, y))];
  return {
    ...(about === undefined ? {} : { about }),
    variables,
    functions,
    body: wgsl`  let index = group.y * groups.x + group.x;
  let tile = ${code(call('vec3u', tile, 'vec3<u32>'))};
  if (tile.z >= ${code(z)}) { return; }
${body}`,
    workgroup,
    groups: [groupsOf(axes[0]), groupsOf(axes[1]), groupsOf(axes[2])],
  };
}

const groupsOf = ({ extent: { dim }, per }: GridAxis) => ({ of: dim, per });

const u32 = (number: number): Expression => literal('u32', number);
const isOne = (of: Expression): boolean => numberOf(of) === 1;

const over = (of: Expression, by: Expression): Expression => (isOne(by) ? of : binary('/', of, by));
const within = (of: Expression, by: Expression): Expression => (isOne(by) ? u32(0) : binary('%', of, by));
const times = (a: Expression, b: Expression): Expression => (isOne(a) ? b : isOne(b) ? a : binary('*', a, b));

function tilesOf({ extent: { dim, text }, per }: GridAxis): Expression {
  if (typeof dim === 'number') return u32(Math.ceil(dim / per));
  return per === 1 ? text : binary('/', binary('+', text, u32(per - 1)), u32(per));
}
