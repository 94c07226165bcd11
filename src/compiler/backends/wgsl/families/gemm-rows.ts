/**
 * Matrix product of at most four rows (GEMV) for GPUs: reading b is all the work, so every lane reads a part of it.
 * `n` lanes take four columns each, `k` lanes split the sum along k, and a tree in workgroup memory adds their parts.
 */
import { add, at, atLeast, div, equal, less, mod, mul, range, u32 } from '../text/arithmetic.ts';
import type { Body } from '../text/body.ts';
import type { Expression } from '../text/expression.ts';
import { LANE } from '../text/invocation.ts';
import type { Template } from './contract.ts';
import { globalLoads } from './gemm-loads.ts';
import type { GemmParams } from './gemm-params.ts';
import { addStep, alongOfB, declareSums, tileOf } from './gemm-tile.ts';
import { gridMain } from './grid.ts';
import { isMultiple, ONE_EXTENT } from './sizes.ts';

/** Lanes of a workgroup along n and k; `k` is a power of two. */
export interface RowsLanes {
  readonly n: number;
  readonly k: number;
}

/** What the lanes have summed: by row, then lane along k, then lane along n. */
export function partialSums(body: Body, rows: number, lanes: RowsLanes): Expression {
  return body.memory('workgroup', 'partial', 'vec4f', rows * lanes.n * lanes.k);
}

/** Rows 0 … rows − 1 of the product's columns 4 · lanes.n · tile.x and on. */
export function writeRows(
  body: Body,
  p: GemmParams,
  rows: number,
  lanes: RowsLanes,
  partial: Expression,
  { x, batch }: { readonly x: Expression; readonly batch: Expression },
): void {
  const tile = tileOf(p.a, p.b, rows, 1);
  const width = 4 * lanes.n;
  // neighbouring lanes read neighbouring memory
  const alongK = alongOfB(p.b) === 'k';
  const laneK = body.let('lane_k', alongK ? mod(LANE, lanes.k) : div(LANE, lanes.n));
  const laneN = body.let('lane_n', alongK ? div(LANE, lanes.k) : mod(LANE, lanes.n));
  const firstColumn = body.let('first_column', mul(4, add(mul(x, lanes.n), laneN)));
  const loads = globalLoads(body, p, tile, { batch, row: u32(0), column: firstColumn }, rows, width);
  const sums = declareSums(body, tile);
  const turns = { from: mul(tile.depth, laneK), below: p.k.size, step: tile.depth * lanes.k };
  body.for('k', turns, (k) => addStep(body, tile, sums, loads(k)));

  const slot = body.let('slot', add(mul(laneK, lanes.n), laneN));
  const partOf = (row: number | Expression, from: Expression) => at(partial, add(mul(row, lanes.n * lanes.k), from));
  for (const [i, [sum]] of sums.entries()) body.set(partOf(i, slot), sum!);
  body.halving('half', lanes.k / 2, (half) => {
    body.barrier();
    body.if(less(laneK, half), () => {
      const other = body.let('other', add(slot, mul(half, lanes.n)));
      for (const i of range(rows)) body.increase(partOf(i, slot), partOf(i, other));
    });
  });
  body.if(equal(laneK, 0), () => {
    body.for('row', { below: rows }, (row) => {
      const own = body.let('sums', partOf(row, slot));
      body.for('c', { below: 4 }, (c) => {
        const column = body.let('column', add(firstColumn, c));
        if (!isMultiple(p.n, width)) body.breakIf(atLeast(column, p.n.size));
        body.call(p.out.store, batch, row, column, at(own, c));
      });
    });
  });
}

/** `rows` = m, static. */
export function rowsTemplate(p: GemmParams, rows: number): Template {
  const lanes: RowsLanes = alongOfB(p.b) === 'k' ? { n: 1, k: 64 } : { n: 8, k: 8 };
  return gridMain(
    `${rows} × ${4 * lanes.n} sums per workgroup, ${lanes.k} lanes along k`,
    [64, 1, 1],
    [
      { extent: p.n, per: 4 * lanes.n },
      { extent: ONE_EXTENT, per: 1 },
      { extent: p.batch, per: 1 },
    ],
    (body, { x, z }) => {
      const batch = body.let('batch', z);
      writeRows(body, p, rows, lanes, partialSums(body, rows, lanes), { x, batch });
    },
  );
}
