/**
 * Matrix product for GPUs. Workgroups stage a block of a and of b in workgroup memory, and each lane computes 4 × 4
 * sums from there; with few rows (gemm-rows.ts) there is nothing to share, and the lanes split k instead.
 */
import { add, apply, at, atLeast, div, equal, f32, four, mod, mul, smallest, sub, ZEROS } from '../text/arithmetic.ts';
import type { Body } from '../text/body.ts';
import { type Expression, select } from '../text/expression.ts';
import { LANE } from '../text/invocation.ts';
import type { Template } from './contract.ts';
import type { Corner } from './gemm-loads.ts';
import type { GemmParams } from './gemm-params.ts';
import { partialSums, type RowsLanes, rowsTemplate, writeRows } from './gemm-rows.ts';
import { addStep, declareSums, type Loads, storeSums, type Tile, tileOf } from './gemm-tile.ts';
import { gridMain } from './grid.ts';
import { isMultiple, sizeOr } from './sizes.ts';

/** values of k per block */
const BLOCK = 16;
/** vec4s of a block along k */
const ALONG = BLOCK / 4;
/** vec4s from one row to the next where a block lies along k: one more than needed, against bank conflicts */
const PITCH = ALONG + 1;

/** A block of an operand in workgroup memory: how its slots, a vec4 each, are filled for the values of k from `block` on. */
interface Stage {
  readonly memory: Expression;
  readonly slots: number;
  fill(slot: Expression, block: Expression): void;
}

/** How an operand is read; `line` is a row of a or a column of b. */
interface LineLoad {
  readonly vector: ((line: Expression, k: Expression) => Expression) | undefined;
  scalar(line: Expression, k: Expression): Expression;
}

/** Staged along k: `count` lines × BLOCK / 4 vectors. @param lineOf a line of the block, in range */
function stageAlongK(
  body: Body,
  { k: { size: depth }, k: extent }: GemmParams,
  name: 'a' | 'b',
  count: number,
  lineOf: (line: Expression) => Expression,
  load: LineLoad,
): Stage {
  const whole = isMultiple(extent, BLOCK);
  const own = body.memory('workgroup', `tile_${name}`, 'vec4f', count * PITCH);
  const inRange = (k: Expression, span: number): Expression => (whole ? k : smallest(k, sub(depth, span)));
  const unlessPast = (k: Expression, value: Expression, zero: Expression): Expression =>
    whole ? value : select(value, zero, atLeast(k, depth));
  const scalar = (line: Expression, k: Expression): Expression =>
    unlessPast(k, load.scalar(line, inRange(k, 1)), f32(0));
  return {
    memory: own,
    slots: count * ALONG,
    fill(slot, block) {
      const line = body.let(`${name}_line`, lineOf(div(slot, ALONG)));
      const k = body.let(`${name}_k`, add(block, mul(4, mod(slot, ALONG))));
      const value = load.vector
        ? unlessPast(k, load.vector(line, inRange(k, 4)), ZEROS)
        : four((lane) => scalar(line, add(k, lane)));
      body.set(at(own, add(mul(div(slot, ALONG), PITCH), mod(slot, ALONG))), value);
    },
  };
}

/** Staged along m or n: BLOCK values of k × count / 4 vectors. @param load four from line `start` of the block on */
function stageAcross(
  body: Body,
  { k: { size: depth }, k: extent }: GemmParams,
  name: 'a' | 'b',
  count: number,
  load: (start: Expression, k: Expression) => Expression,
): Stage {
  const whole = isMultiple(extent, BLOCK);
  const own = body.memory('workgroup', `tile_${name}`, 'vec4f', (count * BLOCK) / 4);
  return {
    memory: own,
    slots: (count * BLOCK) / 4,
    fill(slot, block) {
      const k = body.let(`${name}_k`, add(block, div(slot, count / 4)));
      const value = load(mul(4, mod(slot, count / 4)), whole ? k : smallest(k, sub(depth, 1)));
      body.set(at(own, slot), whole ? value : select(value, ZEROS, atLeast(k, depth)));
    },
  };
}

function stageA(body: Body, p: GemmParams, tile: Tile, rows: number, { batch, row: firstRow }: Corner): Stage {
  const { a, m } = p;
  const row = (of: Expression, span: number): Expression => {
    return isMultiple(m, rows) ? add(firstRow, of) : smallest(add(firstRow, of), sub(m.size, span));
  };
  if (tile.a === 'other') {
    const vector = a.at4.get(1)!;
    return stageAcross(body, p, 'a', rows, (start, k) => apply(vector, [batch, row(start, 4), k], 'vec4f'));
  }
  const vector = a.at4.get(2);
  return stageAlongK(body, p, 'a', rows, (line) => row(line, 1), {
    vector: vector && ((line, k) => apply(vector, [batch, line, k], 'vec4f')),
    scalar: (line, k) => apply(a.at, [batch, line, k]),
  });
}

function stageB(body: Body, p: GemmParams, tile: Tile, columns: number, { batch, column: firstColumn }: Corner): Stage {
  const { b, n } = p;
  const column = (of: Expression, span: number): Expression => {
    return isMultiple(n, columns) ? add(firstColumn, of) : smallest(add(firstColumn, of), sub(n.size, span));
  };
  if (tile.b === 'k') {
    const vector = b.at4.get(1);
    return stageAlongK(body, p, 'b', columns, (line) => column(line, 1), {
      vector: vector && ((line, k) => apply(vector, [batch, k, line], 'vec4f')),
      scalar: (line, k) => apply(b.at, [batch, k, line]),
    });
  }
  const vector = b.at4.get(2);
  return stageAcross(body, p, 'b', columns, (start, k) =>
    vector
      ? apply(vector, [batch, k, column(start, 4)], 'vec4f')
      : four((lane) => apply(b.at, [batch, k, column(add(start, lane), 1)])),
  );
}

/** Every slot by one of the lanes. */
function fillStage(body: Body, stage: Stage, lanes: number, block: Expression): void {
  if (stage.slots === lanes) stage.fill(LANE, block);
  else body.for('slot', { from: LANE, below: stage.slots, step: lanes }, (slot) => stage.fill(slot, block));
}

/** What a lane reads of the blocks at vector s along k: four rows of a, four columns of b. */
function stagedLoads(a: Stage, b: Stage, side: number, laneM: Expression, laneN: Expression, s: Expression): Loads {
  const [ofA, ofB] = [a.memory, b.memory];
  const across = (kk: number): Expression => mul(add(mul(4, s), kk), side);
  return {
    aAlongK: (i) => at(ofA, add(mul(add(mul(4, laneM), i), PITCH), s)),
    aAlongM: (_, kk) => at(ofA, add(across(kk), laneM)),
    aScalar: () => {
      throw new Error('a block is staged in vectors');
    },
    // columns lane_n, lane_n + side, …: neighbours read different banks
    bAlongK: (c) => at(ofB, add(mul(add(laneN, side * c), PITCH), s)),
    bAlongN: (_, kk) => at(ofB, add(across(kk), laneN)),
  };
}

/** @param side lanes along m and n of a workgroup, 4 × 4 sums each */
function writeTiles(body: Body, p: GemmParams, tile: Tile, side: number, corner: Corner, a: Stage, b: Stage): void {
  const laneN = body.let('lane_n', mod(LANE, side));
  const laneM = body.let('lane_m', div(LANE, side));
  const sums = declareSums(body, tile);
  body.for('block', { below: p.k.size, step: BLOCK }, (block) => {
    fillStage(body, a, side * side, block);
    fillStage(body, b, side * side, block);
    body.barrier();
    body.for('s', { below: ALONG }, (s) => addStep(body, tile, sums, stagedLoads(a, b, side, laneM, laneN, s)));
    body.barrier();
  });
  const inTile = (lane: Expression, of: Expression): Expression => add(mul(4, lane), of);
  const place = {
    row: (i: Expression) => add(corner.row, inTile(laneM, i)),
    column: (c: Expression) =>
      tile.b === 'k' ? add(corner.column, laneN, mul(side, c)) : add(corner.column, inTile(laneN, c)),
    rows: isMultiple(p.m, 4 * side) ? undefined : p.m.size,
    columns: isMultiple(p.n, 4 * side) ? undefined : p.n.size,
  };
  storeSums(body, tile, sums, place, (row, column, value) => body.call(p.out.store, corner.batch, row, column, value));
}

export function gemmWorkgroup(p: GemmParams): Template {
  const [m, n] = [sizeOr(p.m, 64), sizeOr(p.n, 64)];
  if (m <= 4) return rowsTemplate(p, m);
  const side = m >= 64 && n >= 64 ? 16 : 8;
  const direct = tileOf(p.a, p.b, 4, 1);
  // what is gathered by scalars is staged as a vector all the same
  const tile: Tile = {
    ...direct,
    a: direct.a === 'none' ? 'k' : direct.a,
    b: direct.b === 'none' ? 'other' : direct.b,
    depth: 4,
  };
  // one row at run time (a decode step): the same workgroup with its lanes along k
  const single: RowsLanes | undefined = typeof p.m.dim === 'number' ? undefined : { n: side, k: side };
  return gridMain(
    `${4 * side} × ${4 * side} sums per workgroup, 4 × 4 per lane, blocks of ${BLOCK} along k staged`,
    [side * side, 1, 1],
    [
      { extent: p.n, per: 4 * side },
      { extent: p.m, per: 4 * side },
      { extent: p.batch, per: 1 },
    ],
    (body, { x, y, z }) => {
      const batch = body.let('batch', z);
      if (single) {
        body.if(equal(p.m.size, 1), () => {
          writeRows(body, p, 1, single, partialSums(body, 1, single), { x, batch });
          body.return();
        });
      }
      const row = body.let('first_row', mul(y, 4 * side));
      const corner: Corner = { batch, row, column: body.let('first_column', mul(x, 4 * side)) };
      const a = stageA(body, p, tile, 4 * side, corner);
      const b = stageB(body, p, tile, 4 * side, corner);
      writeTiles(body, p, tile, side, corner, a, b);
    },
  );
}
