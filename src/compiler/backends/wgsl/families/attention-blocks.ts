/**
 * Entry of an attention kernel with an invocation per block of rows of every (b, h). Neighbours have neighbouring blocks, and
 * with few rows neighbouring heads.
 */
import { addDims, mulDims } from '../../../../shared/dim.ts';
import { add, atLeast, div, mod, mul } from '../text/arithmetic.ts';
import { Body } from '../text/body.ts';
import { groupIndex, LANE } from '../text/invocation.ts';
import type { Block } from './attention-parts.ts';
import type { Extent, Template } from './contract.ts';
import { ONE_GROUP } from './sizes.ts';

interface Blocks {
  readonly about: string;
  readonly batch: Extent;
  readonly heads: Extent;
  /** of what the rows are */
  readonly extent: Extent;
  /** of a block; the last may have some past the extent */
  readonly rows: number;
  /** invocations of a workgroup */
  readonly lanes: number;
}

export function blockTemplate(
  { about, batch, heads, extent, rows, lanes }: Blocks,
  write: (body: Body, block: Block) => void,
): Template {
  const body = new Body();
  const index = body.let('index', add(mul(groupIndex, lanes), LANE));
  const blocks = body.let('blocks', div(add(extent.size, rows - 1), rows));
  body.returnIf(atLeast(index, mul(blocks, heads.size, batch.size)));
  write(body, {
    first: body.let('first', mul(mod(index, blocks), rows)),
    head: body.let('head', mod(div(index, blocks), heads.size)),
    batch: body.let('batch', div(index, mul(blocks, heads.size))),
  });
  // ⌈extent / rows⌉ ≤ (extent + rows − 1) / rows
  const padded = addDims(extent.dim, rows - 1);
  const of = mulDims(mulDims(batch.dim, heads.dim), padded);
  return { about, body, workgroup: [lanes, 1, 1], groups: [{ of, per: rows * lanes }, ONE_GROUP, ONE_GROUP] };
}
