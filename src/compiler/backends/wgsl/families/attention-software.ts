/**
 * Attention for adapters without fast barriers: an invocation computes a few queries against all keys, four or eight keys
 * at a time, straight from global memory. Its sums lie in private memory, so the text does not grow with the width.
 */
import { apply, at, div, equal, f32, greater, mul } from '../text/arithmetic.ts';
import { array, type Body } from '../text/body.ts';
import { type Expression, select } from '../text/expression.ts';
import { blockTemplate } from './attention-blocks.ts';
import {
  logSumExp,
  MAX4_FUNCTION,
  onlineSoftmax,
  onlineVariables,
  type Running,
  storePerQuery,
} from './attention-online.ts';
import type { AttentionForward } from './attention-params.ts';
import {
  addWeighted,
  type Block,
  chunkFunction,
  chunksOf,
  type Ends,
  endsOf,
  firstKey,
  otherNames,
  rowNames,
  scaleOf,
  scoreDots,
  scoreFunctions,
  seenKeys,
  storeRows,
  type Tile,
  type TileSize,
} from './attention-parts.ts';
import type { Template } from './contract.ts';
import { KEY4, QUERY4, VALUE4 } from './names.ts';
import { sizeOr } from './sizes.ts';

export const WORKGROUP = 8;

/** A block of queries, and what it has of the keys that it has seen. */
export interface Queries extends Omit<Tile, 'others'> {
  readonly ends: Ends;
  readonly running: Running;
  /** of weighted values: vec4s by row and chunk */
  readonly sums: Expression;
}

/** All keys that the queries see: totals and sums of each row, of which there may be something already. */
export function overKeys(body: Body, p: AttentionForward, queries: Queries): void {
  const { size, batch, head, ends, running, sums } = queries;
  const turns = { from: firstKey(p, ends), below: ends.last, step: 4 * size.vectors };
  body.for('key', turns, (key) => {
    const tile: Tile = { ...queries, others: otherNames(body, key, p.keys, size) };
    const seen = seenKeys(body, p, tile, key, ends);
    const products = scoreDots(body, p, tile);
    const { weights, fades } = onlineSoftmax(body, p, tile, products, seen, running);
    addWeighted(
      body,
      sums,
      size,
      p.valueWidth,
      { name: 'p', of: weights, seen },
      (c, d) => apply(VALUE4, [batch, head, tile.others[c]!, d], 'vec4f'),
      (r) => fades[r]!,
    );
  });
}

/** Stores the sums, each divided by its total. */
export function storeWeighed(body: Body, p: AttentionForward, queries: Queries): void {
  const { batch, head, size, running, sums } = queries;
  const inverses = running.total.map((total) => select(f32(0), div(1, total), greater(total, 0)));
  const inverse = body.let('inverse', array('f32', inverses));
  storeRows(body, sums, size.rows, p.valueWidth, queries, p.queries, (r, row, d, value) =>
    body.call(p.out.store, batch, head, row, d, mul(value, at(inverse, r))),
  );
}

/** Everything from the first key to the stores. */
function writeForward(body: Body, p: AttentionForward, block: Block, size: TileSize): void {
  const rows = rowNames(body, block, p.queries, size.rows);
  const ends = endsOf(body, p, rows);
  const scale = body.let('scale', scaleOf(p.scale));
  const running = onlineVariables(body, size.rows);
  const sums = body.var('sums', array('vec4f', size.rows * chunksOf(p.valueWidth)));
  const queries: Queries = { ...block, size, rows, scale, ends, running, sums };
  overKeys(body, p, queries);
  if (p.lse) {
    const saved = running.most.map((most, r) => logSumExp(most, running.total[r]!));
    storePerQuery(body, block, p.queries, p.lse, saved);
  }
  storeWeighed(body, p, queries);
}

/** More keys at a time read less per product, and take twice as long to compile: for what is known to be large. */
function tileSize({ queries, keys }: AttentionForward): TileSize {
  if (typeof queries.dim === 'number' && queries.dim < 4) return { rows: 1, vectors: 2 };
  const large = sizeOr(queries, 16) * sizeOr(keys, 16) >= 4096;
  return { rows: 4, vectors: large ? 2 : 1 };
}

export function attentionSoftware(p: AttentionForward): Template {
  const size = tileSize(p);
  const about = `${size.rows} queries per invocation, from global memory`;
  const blocks = { about, batch: p.batch, heads: p.heads, extent: p.queries, rows: size.rows, lanes: WORKGROUP };
  return blockTemplate(blocks, (body, block) => {
    body.declare(
      chunkFunction(QUERY4, p.q, p.width),
      chunkFunction(KEY4, p.k, p.width),
      chunkFunction(VALUE4, p.v, p.valueWidth, p.mask),
      MAX4_FUNCTION,
      ...scoreFunctions(p),
    );
    if (typeof p.queries.dim === 'number') writeForward(body, p, block, size);
    else {
      // one query at run time (a decode step) does not compute three more for nothing
      body.if(
        equal(p.queries.size, 1),
        () => writeForward(body, p, block, { rows: 1, vectors: 2 }),
        () => writeForward(body, p, block, size),
      );
    }
  });
}
