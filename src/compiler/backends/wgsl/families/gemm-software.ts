/**
 * Matrix product for adapters without fast barriers: each invocation computes a tile of registers straight from
 * global memory. No workgroup memory; neighbours along n read the same rows of a.
 */
import { add, atLeast, div, equal, mod, mul, or } from '../text/arithmetic.ts';
import type { Body } from '../text/body.ts';
import { LANE } from '../text/invocation.ts';
import type { Template } from './contract.ts';
import { type Corner, globalLoads } from './gemm-loads.ts';
import type { GemmParams } from './gemm-params.ts';
import { addStep, declareSums, storeSums, type Tile, tileOf } from './gemm-tile.ts';
import { gridMain } from './grid.ts';
import { isMultiple, sizeOr } from './sizes.ts';

/** Multiplications from which a tile that takes three times as long to compile is worth it: tenths of a second. */
const LARGE = 2 ** 25;

/** rows and vec4 columns of a tile, by the sizes that are known: larger tiles read less, but compile longer */
function chooseTile(p: GemmParams): readonly [rows: number, vectors: number] {
  const [m, n, k] = [sizeOr(p.m, 64), sizeOr(p.n, 64), sizeOr(p.k, 64)];
  if (m === 1) return [1, n * k >= 65_536 && n >= 16 ? 2 : 1];
  if (m < 8 || n < 8 || m * n * k < 262_144) return [4, 1];
  if (m >= 128 && n >= 128 && m * n * k >= LARGE) return [16, 2];
  return [8, 2];
}

/** Sums of one tile over all k, then the stores. */
function writeTile(body: Body, p: GemmParams, tile: Tile, corner: Corner): void {
  const width = 4 * tile.vectors;
  const loads = globalLoads(body, p, tile, corner, tile.rows, width);
  const sums = declareSums(body, tile);
  body.for('k', { below: p.k.size, step: tile.depth }, (k) => addStep(body, tile, sums, loads(k)));
  const place = {
    row: (i) => add(corner.row, i),
    column: (c) => add(corner.column, c),
    rows: isMultiple(p.m, tile.rows) ? undefined : p.m.size,
    columns: isMultiple(p.n, width) ? undefined : p.n.size,
  } satisfies Parameters<typeof storeSums>[3];
  storeSums(body, tile, sums, place, (row, column, value) => body.call(p.out.store, corner.batch, row, column, value));
}

export function gemmSoftware(p: GemmParams): Template {
  const [rows, vectors] = chooseTile(p);
  const width = 4 * vectors;
  const [x, y] = rows === 1 ? [16, 1] : [8, 2];
  return gridMain(
    `${rows} × ${width} sums per invocation, from global memory`,
    [x, y, 1],
    [
      { extent: p.n, per: x * width },
      { extent: p.m, per: y * rows },
      { extent: p.batch, per: 1 },
    ],
    (body, tile) => {
      const column = body.let('first_column', mul(add(mul(tile.x, x), mod(LANE, x)), width));
      const row = body.let('first_row', mul(y === 1 ? tile.y : add(mul(tile.y, y), div(LANE, x)), rows));
      const corner: Corner = { batch: body.let('batch', tile.z), row, column };
      body.returnIf(or(atLeast(row, p.m.size), atLeast(column, p.n.size)));
      const write = (of: number) => writeTile(body, p, tileOf(p.a, p.b, of, vectors), corner);
      if (typeof p.m.dim === 'number' || rows === 1) write(rows);
      else {
        // a decode step runs this with one row: without a path of its own, seven of eight rows would be wasted
        body.if(
          equal(add(row, 1), p.m.size),
          () => write(1),
          () => write(rows),
        );
      }
    },
  );
}
