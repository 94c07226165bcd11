/**
 * Matrix product for adapters without fast barriers: each invocation computes a tile of registers straight from
 * global memory. No workgroup memory; neighbours along n read the same rows of a.
 */
import { type Wgsl, wgsl } from '../text/wgsl.ts';
import type { Template } from './contract.ts';
import { globalTile } from './gemm-loads.ts';
import type { GemmParams } from './gemm-params.ts';
import { declareSums, storeSums, type Tile, tileOf } from './gemm-tile.ts';
import { gridMain } from './grid.ts';
import { indent, isMultiple, sizeOr } from './text.ts';

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

/** Sums of one tile over all k, then the stores; expects batch, first_row and first_column. */
function tileBody(p: GemmParams, tile: Tile): Wgsl {
  const width = 4 * tile.vectors;
  const { coordinates, step } = globalTile(p, tile, tile.rows, width);
  const stores = storeSums(tile, (i, c, value) => wgsl`${p.out.store}(batch, ${i}, ${c}, ${value});`, {
    row: 'first_row + i',
    column: 'first_column + c',
    rowGuard: isMultiple(p.m, tile.rows) ? '' : wgsl`if (row >= ${p.m.text}) { break; }`,
    columnGuard: isMultiple(p.n, width) ? '' : wgsl`if (column >= ${p.n.text}) { break; }`,
  });
  return wgsl`${coordinates}
${declareSums(tile)}
for (var k = 0u; k < ${p.k.text}; k += ${tile.depth}u) {
${indent(step)}
}
${stores}`;
}

export function gemmSoftware(p: GemmParams): Template {
  const [rows, vectors] = chooseTile(p);
  const width = 4 * vectors;
  const body = tileBody(p, tileOf(p.a, p.b, rows, vectors));
  // a decode step runs this with one row: without a path of its own, seven of eight rows would be wasted
  const single = typeof p.m.dim !== 'number' && rows > 1 ? tileBody(p, tileOf(p.a, p.b, 1, vectors)) : undefined;
  const [x, y] = rows === 1 ? [16, 1] : [8, 2];
  const sums =
    single === undefined
      ? indent(body)
      : wgsl`  if (first_row + 1u == ${p.m.text}) {\n${indent(single, 2)}\n  } else {\n${indent(body, 2)}\n  }`;
  const row = y === 1 ? 'tile.y' : wgsl`(tile.y * ${y}u + lane / ${x}u)`;
  return gridMain(
    { about: `${rows} × ${width} sums per invocation, from global memory` },
    [x, y, 1],
    [
      { extent: p.n, per: x * width },
      { extent: p.m, per: y * rows },
      { extent: p.batch, per: 1 },
    ],
    wgsl`  let first_column = (tile.x * ${x}u + lane % ${x}u) * ${width}u;
  let first_row = ${row} * ${rows}u;
  let batch = tile.z;
  if (first_row >= ${p.m.text} || first_column >= ${p.n.text}) { return; }
${sums}`,
  );
}
