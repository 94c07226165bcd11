/**
 * Matrix product of at most four rows (GEMV) for GPUs: reading b is all the work, so every lane reads a part of it.
 * `n` lanes take four columns each, `k` lanes split the sum along k, and a tree in workgroup memory adds their parts.
 */
import { literal } from '../text/expression.ts';
import { type VariableText, type Wgsl, wgsl } from '../text/wgsl.ts';
import type { Template } from './contract.ts';
import { globalTile } from './gemm-loads.ts';
import type { GemmParams } from './gemm-params.ts';
import { alongOfB, declareSums, tileOf } from './gemm-tile.ts';
import { gridMain } from './grid.ts';
import { PARTIAL } from './names.ts';
import { indent, isMultiple, lines } from './text.ts';

/** Lanes of a workgroup along n and k; `k` is a power of two. */
export interface RowsLanes {
  readonly n: number;
  readonly k: number;
}

/** Workgroup memory of `rowsBody`. */
export function rowsMemory(rows: number, lanes: RowsLanes): VariableText {
  return { name: PARTIAL, space: 'workgroup', type: `array<vec4f, ${rows * lanes.n * lanes.k}>` };
}

/** Expects batch, tile and lane. */
export function rowsBody(p: GemmParams, rows: number, lanes: RowsLanes): Wgsl {
  const tile = tileOf(p.a, p.b, rows, 1);
  const columns = 4 * lanes.n;
  const { coordinates, step } = globalTile(p, tile, rows, columns);
  // neighbouring lanes read neighbouring memory
  const alongK = alongOfB(p.b) === 'k';
  const [laneK, laneN] = alongK
    ? [wgsl`lane % ${lanes.k}u`, wgsl`lane / ${lanes.k}u`]
    : [wgsl`lane / ${lanes.n}u`, wgsl`lane % ${lanes.n}u`];
  const count = lanes.n * lanes.k;
  const guard = isMultiple(p.n, columns) ? '' : wgsl`if (column >= ${p.n.text}) { break; }`;
  return wgsl`let first_row = 0u;
let lane_k = ${laneK};
let lane_n = ${laneN};
let first_column = 4u * (tile.x * ${lanes.n}u + lane_n);
${coordinates}
${declareSums(tile)}
for (var k = ${tile.depth}u * lane_k; k < ${p.k.text}; k += ${tile.depth * lanes.k}u) {
${indent(step)}
}
let slot = lane_k * ${lanes.n}u + lane_n;
${lines(rows, (i) => wgsl`${PARTIAL}[${i * count}u + slot] = sum${i}_0;`)}
for (var half = ${lanes.k / 2}u; half > 0u; half >>= 1u) {
  workgroupBarrier();
  if (lane_k < half) {
    let other = slot + half * ${lanes.n}u;
${indent(
  lines(rows, (i) => wgsl`${PARTIAL}[${i * count}u + slot] += ${PARTIAL}[${i * count}u + other];`),
  2,
)}
  }
}
if (lane_k == 0u) {
  for (var row = 0u; row < ${rows}u; row++) {
    let sums = ${PARTIAL}[row * ${count}u + slot];
    for (var c = 0u; c < 4u; c++) {
      let column = first_column + c;
${indent(guard, 3)}
      ${p.out.store}(batch, row, column, sums[c]);
    }
  }
}`;
}

/** `rows` = m, static. */
export function rowsTemplate(p: GemmParams, rows: number): Template {
  const lanes: RowsLanes = alongOfB(p.b) === 'k' ? { n: 1, k: 64 } : { n: 8, k: 8 };
  return gridMain(
    {
      about: `${rows} × ${4 * lanes.n} sums per workgroup, ${lanes.k} lanes along k`,
      variables: [rowsMemory(rows, lanes)],
    },
    [64, 1, 1],
    [
      { extent: p.n, per: 4 * lanes.n },
      { extent: { dim: 1, text: literal('u32', 1) }, per: 1 },
      { extent: p.batch, per: 1 },
    ],
    wgsl`  let batch = tile.z;\n${indent(rowsBody(p, rows, lanes))}`,
  );
}
