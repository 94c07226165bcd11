/**
 * Attention for GPUs: a workgroup computes a block of queries of one (b, h) against 64 keys at a time.
 *
 * Each lane scores one key; the weights go to workgroup memory, and there the lanes change roles: each takes four
 * columns of the values and a share of the 64 keys. Nothing but one vec4 per query (and 256 columns) is kept per lane.
 */
import {
  add,
  and,
  apply,
  at,
  atLeast,
  bits,
  bitsOfAny,
  div,
  dot,
  equal,
  f32,
  greater,
  largest,
  less,
  mod,
  mul,
  range,
  smallest,
  sub,
  u32,
  unequal,
  ZEROS,
} from '../text/arithmetic.ts';
import { array, type Body } from '../text/body.ts';
import { type Expression, select } from '../text/expression.ts';
import { LANE } from '../text/invocation.ts';
import { library } from '../text/library.ts';
import { logSumExp } from './attention-online.ts';
import type { AttentionForward } from './attention-params.ts';
import {
  type Block,
  chunkFunction,
  chunksOf,
  type Ends,
  endsOf,
  firstKey,
  LOWEST,
  scaleOf,
  scoreFunctions,
  scoreOf,
} from './attention-parts.ts';
import type { Template } from './contract.ts';
import { gridMain } from './grid.ts';
import { KEY4, QUERY4, VALUE4 } from './names.ts';
import { sizeOr } from './sizes.ts';

export const LANES = 64;

/** Whether a row may not see a key of a block before the end: `seen` then says so for every key. Rows that a mask [B, S] hides are zeros. */
const hides = (p: AttentionForward, rows: number): boolean => (p.causal && rows > 1) || p.maskAt !== undefined;

/** How the lanes share the values: `along` lanes take a chunk each (`turns` times), `shares` of them split the keys. */
interface ValueLanes {
  readonly along: number;
  readonly turns: number;
  readonly shares: number;
}

export function valueLanes(valueWidth: number): ValueLanes {
  const chunks = chunksOf(valueWidth);
  const along = Math.min(chunks, LANES);
  return { along, turns: Math.ceil(chunks / LANES), shares: Math.floor(LANES / along) };
}

/** What a workgroup shares while it goes through the keys. */
interface Shared {
  /** the queries: by row, then chunk */
  readonly queries: Expression;
  /** scores, then weights, of the keys of a block: by row, then key */
  readonly weights: Expression;
  /** by key: bit r says whether row r sees it */
  readonly seen: Expression | undefined;
  /** a number, and four, of each lane */
  readonly parts: Expression;
  readonly merged: Expression;
  /** by row: the largest score so far, what sums under the one before are multiplied by, Σ weights */
  readonly most: Expression;
  readonly fade: Expression;
  readonly total: Expression;
}

export function sharedMemory(body: Body, p: AttentionForward, rows: number): Shared {
  return {
    // heads of width 0 have no chunk
    queries: body.memory('workgroup', 'block_q', 'vec4f', rows * chunksOf(p.width)),
    weights: body.memory('workgroup', 'weights', 'f32', rows * LANES),
    seen: p.causal || p.maskAt !== undefined ? body.memory('workgroup', 'seen', 'u32', LANES) : undefined,
    parts: body.memory('workgroup', 'parts', 'f32', LANES),
    merged: body.memory('workgroup', 'merged', 'vec4f', LANES),
    most: body.memory('workgroup', 'row_most', 'f32', rows),
    fade: body.memory('workgroup', 'row_fade', 'f32', rows),
    total: body.memory('workgroup', 'row_total', 'f32', rows),
  };
}

/** A block of queries, and what a lane has of it: Σ weights of its own keys, by row; sums of its share of the values, by row and turn. */
export interface Queries extends Block {
  readonly rows: number;
  readonly shared: Shared;
  readonly ends: Ends;
  readonly scale: Expression;
  readonly laneE: Expression;
  readonly share: Expression;
  readonly totals: readonly Expression[];
  readonly sums: readonly (readonly Expression[])[];
}

/** A row of the block, in range. */
const rowOf = (p: AttentionForward, first: Expression, r: number | Expression): Expression =>
  smallest(add(first, r), sub(p.queries.size, 1));

/** Each lane's key: scores to `weights`. */
function writeScores(
  body: Body,
  p: AttentionForward,
  { batch, head, first, rows, shared, ends, scale }: Queries,
  block: Expression,
): { readonly scores: readonly Expression[]; readonly sees: readonly Expression[] } {
  const chunks = chunksOf(p.width);
  const key = body.let('key', add(block, LANE));
  const safe = body.let('safe', smallest(key, sub(p.keys.size, 1)));
  const products = range(rows).map((r) => body.var(`s${r}`, f32(0)));
  body.for('chunk', { below: chunks }, (chunk) => {
    const x = body.let('x', apply(KEY4, [batch, head, safe, mul(4, chunk)], 'vec4f'));
    for (const [r, product] of products.entries()) {
      body.increase(product, dot(at(shared.queries, add(r * chunks, chunk)), x));
    }
  });
  const inBlock = less(key, ends.last);
  const shown = body.let('shown', p.mask ? and(inBlock, apply(p.mask, [batch, safe], 'bool')) : inBlock);
  const sees = ends.each.map((end, r) => {
    const conditions = [shown, less(key, end)];
    if (p.window !== undefined) conditions.push(atLeast(add(key, p.window), end));
    if (p.maskAt) conditions.push(apply(p.maskAt, [batch, head, rowOf(p, first, r), safe], 'bool'));
    return body.let(`see${r}`, and(...conditions));
  });
  const scores = products.map((product, r) => {
    const score = scoreOf(p, scale, product, [batch, head, rowOf(p, first, r), safe]);
    return body.let(`z${r}`, select(LOWEST, score, sees[r]!));
  });
  for (const [r, score] of scores.entries()) body.set(at(shared.weights, add(r * LANES, LANE)), score);
  if (hides(p, rows)) {
    const own = sees.map((see, r) => select(u32(0), u32(1 << r), see));
    body.set(at(shared.seen!, LANE), bitsOfAny(...own));
  }
  return { scores, sees };
}

/** The largest score of each row, from the scores in `weights`, to `most`; how far it rose to `fade`. */
function updateMost(body: Body, rows: number, { weights, parts, most: rowMost, fade }: Shared): void {
  // so many lanes share a row's scores
  const count = LANES / rows;
  const own = add(mul(div(LANE, count), LANES), mod(LANE, count));
  const most = body.var('most', at(weights, own));
  body.for('i', { from: 1, below: rows }, (i) => {
    body.set(most, largest(most, at(weights, add(own, mul(i, count)))));
  });
  body.set(at(parts, LANE), most);
  body.barrier();
  body.if(less(LANE, rows), () => {
    const before = body.let('before', at(rowMost, LANE));
    body.set(most, before);
    body.for('i', { below: count }, (i) => {
      body.set(most, largest(most, at(parts, add(mul(LANE, count), i))));
    });
    body.set(at(fade, LANE), library('exp_of', [sub(before, most)]));
    body.set(at(rowMost, LANE), most);
  });
  body.barrier();
}

/** A lane's share of the block's keys, times its columns of their values, to the sums. */
function addValues(body: Body, p: AttentionForward, queries: Queries, block: Expression): void {
  const { batch, head, rows, shared, ends, laneE, share, sums } = queries;
  const { along, turns, shares } = valueLanes(p.valueWidth);
  const last = chunksOf(p.valueWidth) - 1;
  for (const [r, own] of sums.entries()) for (const sum of own) body.scale(sum, at(shared.fade, r));
  body.if(less(LANE, along * shares), () => {
    const count = body.let('count', smallest(sub(ends.last, block), LANES));
    body.for('i', { from: share, below: count, step: shares }, (i) => {
      const y = range(turns).map((j) => {
        const chunk = turns === 1 ? laneE : smallest(add(laneE, j * along), last);
        return body.let(`y${j}`, apply(VALUE4, [batch, head, add(block, i), mul(4, chunk)], 'vec4f'));
      });
      const w = range(rows).map((r) => body.let(`w${r}`, at(shared.weights, add(r * LANES, i))));
      const addAll = (value: (r: number, product: Expression) => Expression): void => {
        for (const [r, own] of sums.entries()) {
          for (const [j, sum] of own.entries()) body.increase(sum, value(r, mul(w[r]!, y[j]!)));
        }
      };
      if (!hides(p, rows)) {
        addAll((_, product) => product);
        return;
      }
      // the weight of a hidden key is 0, and 0 · NaN is NaN
      const seenBy = body.let('seen_by', at(shared.seen!, i));
      body.if(
        equal(seenBy, 2 ** rows - 1),
        () => addAll((_, product) => product),
        () => addAll((r, product) => select(ZEROS, product, unequal(bits(seenBy, 1 << r), 0))),
      );
    });
  });
}

/** All keys that the queries see, 64 at a time: total and sums of each row, of which there may be something already. */
export function overKeys(body: Body, p: AttentionForward, queries: Queries): void {
  const { rows, shared, ends, totals } = queries;
  body.for('block', { from: firstKey(p, ends), below: ends.last, step: LANES }, (block) => {
    body.comment('the queries are there, and nobody reads the weights of the block before');
    body.barrier();
    const { scores, sees } = writeScores(body, p, queries, block);
    body.barrier();
    updateMost(body, rows, shared);
    for (const [r, total] of totals.entries()) {
      const weight = library('exp_of', [sub(scores[r]!, at(shared.most, r))]);
      const own = body.let(`p${r}`, select(f32(0), weight, sees[r]!));
      body.set(total, add(mul(total, at(shared.fade, r)), own));
      body.set(at(shared.weights, add(r * LANES, LANE)), own);
    }
    body.barrier();
    addValues(body, p, queries, block);
  });
}

/** Adds up what the lanes have, and stores it. */
export function storeMerged(body: Body, p: AttentionForward, queries: Queries): void {
  const { batch, head, first, rows, shared, totals, sums } = queries;
  const { along, turns, shares } = valueLanes(p.valueWidth);
  body.barrier();
  for (const [r, total] of totals.entries()) body.set(at(shared.weights, add(r * LANES, LANE)), total);
  body.barrier();
  body.if(less(LANE, rows), () => {
    const total = body.var('total', f32(0));
    body.for('i', { below: LANES }, (i) => body.increase(total, at(shared.weights, add(mul(LANE, LANES), i))));
    body.set(at(shared.total, LANE), total);
  });
  body.barrier();
  const { lse } = p;
  if (lse) {
    const query = add(first, LANE);
    body.if(and(less(LANE, rows), less(query, p.queries.size)), () => {
      const total = body.let('total', at(shared.total, LANE));
      body.call(lse.store, batch, head, query, logSumExp(at(shared.most, LANE), total));
    });
  }
  const all = body.var('sums', array('vec4f', sums.flat()));
  body.for('i', { below: rows * turns }, (i) => {
    const row = body.let('row', add(first, div(i, turns)));
    body.set(at(shared.merged, LANE), at(all, i));
    body.barrier();
    body.if(and(less(LANE, along), less(row, p.queries.size)), () => {
      const sum = body.var('sum', at(shared.merged, LANE));
      body.for('other', { from: 1, below: shares }, (other) => {
        body.increase(sum, at(shared.merged, add(LANE, mul(other, along))));
      });
      const total = body.let('total', at(shared.total, div(i, turns)));
      body.scale(sum, select(f32(0), div(1, total), greater(total, 0)));
      body.for('c', { below: 4 }, (c) => {
        const e = body.let('e', add(mul(4, add(LANE, mul(mod(i, turns), along))), c));
        body.if(less(e, p.valueWidth), () => body.call(p.out.store, batch, head, row, e, at(sum, c)));
      });
    });
    body.barrier();
  });
}

function writeForward(
  body: Body,
  p: AttentionForward,
  rows: number,
  shared: Shared,
  { batch, head, tile }: { readonly batch: Expression; readonly head: Expression; readonly tile: Expression },
): void {
  const chunks = chunksOf(p.width);
  const divisor = Math.max(1, chunks); // without chunks the loop has no turn
  const { along, turns } = valueLanes(p.valueWidth);
  const first = body.let('first', mul(tile, rows));
  body.for('slot', { from: LANE, below: rows * chunks, step: LANES }, (slot) => {
    const row = rowOf(p, first, div(slot, divisor));
    body.set(at(shared.queries, slot), apply(QUERY4, [batch, head, row, mul(4, mod(slot, divisor))], 'vec4f'));
  });
  body.if(less(LANE, rows), () => body.set(at(shared.most, LANE), LOWEST));
  const ends = endsOf(
    body,
    p,
    range(rows).map((r) => rowOf(p, first, r)),
  );
  const scale = body.let('scale', scaleOf(p.scale));
  const laneE = body.let('lane_e', mod(LANE, along));
  const share = body.let('share', div(LANE, along));
  const totals = range(rows).map((r) => body.var(`total${r}`, f32(0)));
  const sums = range(rows).map((r) => range(turns).map((j) => body.var(`sum${r}_${j}`, ZEROS)));
  const queries: Queries = { batch, head, first, rows, shared, ends, scale, laneE, share, totals, sums };
  overKeys(body, p, queries);
  storeMerged(body, p, queries);
}

/** Queries per workgroup: a power of two; wide heads take fewer, for workgroup memory and registers. */
function rowsOf(p: AttentionForward): number {
  const queries = sizeOr(p.queries, 64);
  const room = p.width > 256 || p.valueWidth > 256 ? 2 : 8;
  let rows = 1;
  while (rows < queries && rows < room) rows *= 2;
  return rows;
}

export function attentionWorkgroup(p: AttentionForward): Template {
  const rows = rowsOf(p);
  return gridMain(
    `${rows} queries per workgroup, blocks of ${LANES} keys`,
    [LANES, 1, 1],
    [
      { extent: p.queries, per: rows },
      { extent: p.heads, per: 1 },
      { extent: p.batch, per: 1 },
    ],
    (body, { x, y, z }) => {
      const shared = sharedMemory(body, p, rows);
      body.declare(
        chunkFunction(QUERY4, p.q, p.width),
        chunkFunction(KEY4, p.k, p.width),
        chunkFunction(VALUE4, p.v, p.valueWidth, p.mask),
        ...scoreFunctions(p),
      );
      const own = { head: body.let('head', y), batch: body.let('batch', z), tile: x };
      // one query at run time (a decode step) does not compute seven more for nothing
      if (typeof p.queries.dim !== 'number') {
        body.if(equal(p.queries.size, 1), () => {
          writeForward(body, p, 1, shared, own);
          body.return();
        });
      }
      writeForward(body, p, rows, shared, own);
    },
  );
}
