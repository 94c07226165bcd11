/**
 * Matrix product for GPUs. Workgroups stage a block of a and of b in workgroup memory, and each lane computes 4 × 4
 * sums from there; with few rows (gemm-rows.ts) there is nothing to share, and the lanes split k instead.
 */
import { type Name, type Piece, type VariableText, type Wgsl, wgsl } from '../text/wgsl.ts';
import type { Template } from './contract.ts';
import type { GemmParams } from './gemm-params.ts';
import { type RowsLanes, rowsBody, rowsMemory, rowsTemplate } from './gemm-rows.ts';
import { declareSums, stepOf, storeSums, type Tile, tileOf } from './gemm-tile.ts';
import { gridMain } from './grid.ts';
import { TILE_A, TILE_B } from './names.ts';
import { indent, isMultiple, sizeOr, vec4 } from './text.ts';

/** values of k per block */
const BLOCK = 16;
/** vec4s from one row to the next where a block lies along k: one more than needed, against bank conflicts */
const PITCH = BLOCK / 4 + 1;

/** `n` lanes along n, `m` along m; 4 × 4 sums each */
interface Lanes {
  readonly m: number;
  readonly n: number;
}

/** A slot of a block (one vec4 of tile_a or tile_b), and how it is filled. */
interface Stage {
  readonly slots: number;
  /** vec4s of workgroup memory */
  readonly size: number;
  /** statements that fill slot `slot` for the block at `block` */
  readonly fill: Piece;
}

/** Staged along k: rows of a (or columns of b) × BLOCK / 4 vectors. */
function stageAlongK(
  p: GemmParams,
  name: Name,
  count: number,
  line: Piece,
  load: { readonly vector: ((line: Piece, k: Piece) => Piece) | undefined; scalar(line: Piece, k: Piece): Piece },
): Stage {
  const whole = isMultiple(p.k, BLOCK);
  const k = p.k.text;
  const scalar = (lane: number) => {
    const value = load.scalar('line', whole ? wgsl`k + ${lane}u` : wgsl`min(k + ${lane}u, ${k} - 1u)`);
    return whole ? value : wgsl`select(${value}, 0.0, k + ${lane}u >= ${k})`;
  };
  const vector = load.vector?.('line', whole ? 'k' : wgsl`min(k, ${k} - 4u)`);
  const guarded = vector === undefined || whole ? vector : wgsl`select(${vector}, vec4f(), k >= ${k})`;
  const fill = wgsl`let line = ${line};
let k = block + 4u * (slot % ${BLOCK / 4}u);
${name}[slot / ${BLOCK / 4}u * ${PITCH}u + slot % ${BLOCK / 4}u] = ${guarded ?? vec4(scalar)};`;
  return { slots: (count * BLOCK) / 4, size: count * PITCH, fill };
}

/** Staged along m or n: BLOCK values of k × count / 4 vectors. */
function stageAcross(p: GemmParams, name: Name, count: number, load: (start: Piece, k: Piece) => Piece): Stage {
  const whole = isMultiple(p.k, BLOCK);
  const value = load(wgsl`4u * (slot % ${count / 4}u)`, whole ? 'k' : wgsl`min(k, ${p.k.text} - 1u)`);
  const fill = wgsl`let k = block + slot / ${count / 4}u;
${name}[slot] = ${whole ? value : wgsl`select(${value}, vec4f(), k >= ${p.k.text})`};`;
  return { slots: (count * BLOCK) / 4, size: (count * BLOCK) / 4, fill };
}

function stageA(p: GemmParams, tile: Tile, rows: number): Stage {
  const { a, m } = p;
  const last = (coordinate: Piece, span: number) =>
    isMultiple(m, rows) ? coordinate : wgsl`min(${coordinate}, ${m.text} - ${span}u)`;
  if (tile.a === 'other') {
    return stageAcross(
      p,
      TILE_A,
      rows,
      (start, k) => wgsl`${a.at4.get(1)!}(batch, ${last(wgsl`first_row + ${start}`, 4)}, ${k})`,
    );
  }
  const at4 = a.at4.get(2);
  return stageAlongK(p, TILE_A, rows, last(wgsl`first_row + slot / ${BLOCK / 4}u`, 1), {
    vector: at4 === undefined ? undefined : (line, k) => wgsl`${at4}(batch, ${line}, ${k})`,
    scalar: (line, k) => wgsl`${a.at}(batch, ${line}, ${k})`,
  });
}

function stageB(p: GemmParams, tile: Tile, columns: number): Stage {
  const { b, n } = p;
  const last = (coordinate: Piece, span: number) =>
    isMultiple(n, columns) ? coordinate : wgsl`min(${coordinate}, ${n.text} - ${span}u)`;
  const along = b.at4.get(1);
  if (tile.b === 'k') {
    return stageAlongK(p, TILE_B, columns, last(wgsl`first_column + slot / ${BLOCK / 4}u`, 1), {
      vector: along === undefined ? undefined : (line, k) => wgsl`${along}(batch, ${k}, ${line})`,
      scalar: (line, k) => wgsl`${b.at}(batch, ${k}, ${line})`,
    });
  }
  const across = b.at4.get(2);
  return stageAcross(p, TILE_B, columns, (start, k) =>
    across !== undefined
      ? wgsl`${across}(batch, ${k}, ${last(wgsl`first_column + ${start}`, 4)})`
      : vec4((lane) => wgsl`${b.at}(batch, ${k}, ${last(wgsl`first_column + ${start} + ${lane}u`, 1)})`),
  );
}

const tileOfSize = (name: Name, size: number): VariableText => ({
  name,
  space: 'workgroup',
  type: `array<vec4f, ${size}>`,
});

function stageText({ slots, fill }: Stage, lanes: number): Wgsl {
  if (slots === lanes) return wgsl`{\n  let slot = lane;\n${indent(fill)}\n}`;
  return wgsl`for (var slot = lane; slot < ${slots}u; slot += ${lanes}u) {\n${indent(fill)}\n}`;
}

function tiledBody(p: GemmParams, tile: Tile, lanes: Lanes, a: Stage, b: Stage): Wgsl {
  const [rows, columns, count] = [4 * lanes.m, 4 * lanes.n, lanes.m * lanes.n];
  // a block of b along k is read in columns lane_n, lane_n + lanes.n, …: neighbours then read different banks
  const interleaved = tile.b === 'k';
  const column = interleaved ? wgsl`first_column + lane_n + ${lanes.n}u * c` : 'first_column + 4u * lane_n + c';
  const step = stepOf(tile, {
    aAlongK: (i) => wgsl`${TILE_A}[(4u * lane_m + ${i}u) * ${PITCH}u + s]`,
    aAlongM: (_, kk) => wgsl`${TILE_A}[(4u * s + ${kk}u) * ${rows / 4}u + lane_m]`,
    aScalar: () => '',
    bAlongK: (c) => wgsl`${TILE_B}[(lane_n + ${lanes.n * c}u) * ${PITCH}u + s]`,
    bAlongN: (_, kk) => wgsl`${TILE_B}[(4u * s + ${kk}u) * ${columns / 4}u + lane_n]`,
  });
  const stores = storeSums(tile, (i, c, value) => wgsl`${p.out.store}(batch, ${i}, ${c}, ${value});`, {
    row: 'first_row + 4u * lane_m + i',
    column,
    rowGuard: isMultiple(p.m, rows) ? '' : wgsl`if (row >= ${p.m.text}) { break; }`,
    columnGuard: isMultiple(p.n, columns) ? '' : wgsl`if (column >= ${p.n.text}) { break; }`,
  });
  return wgsl`let first_row = tile.y * ${rows}u;
let first_column = tile.x * ${columns}u;
let lane_n = lane % ${lanes.n}u;
let lane_m = lane / ${lanes.n}u;
${declareSums(tile)}
for (var block = 0u; block < ${p.k.text}; block += ${BLOCK}u) {
${indent(stageText(a, count))}
${indent(stageText(b, count))}
  workgroupBarrier();
  for (var s = 0u; s < ${BLOCK / 4}u; s++) {
${indent(step, 2)}
  }
  workgroupBarrier();
}
${stores}`;
}

export function gemmWorkgroup(p: GemmParams): Template {
  const [m, n] = [sizeOr(p.m, 64), sizeOr(p.n, 64)];
  if (m <= 4) return rowsTemplate(p, m);
  const side = m >= 64 && n >= 64 ? 16 : 8;
  const lanes: Lanes = { m: side, n: side };
  const direct = tileOf(p.a, p.b, 4, 1);
  // what is gathered by scalars is staged as a vector all the same
  const tile: Tile = {
    ...direct,
    a: direct.a === 'none' ? 'k' : direct.a,
    b: direct.b === 'none' ? 'other' : direct.b,
    depth: 4,
  };
  const [a, b] = [stageA(p, tile, 4 * side), stageB(p, tile, 4 * side)];
  const tiled = tiledBody(p, tile, lanes, a, b);
  // one row at run time (a decode step): the same workgroup with its lanes along k
  const rows: RowsLanes = { n: side, k: side };
  const single = typeof p.m.dim !== 'number';
  const memory = single ? [rowsMemory(1, rows)] : [];
  const body = single
    ? wgsl`  if (${p.m.text} == 1u) {\n${indent(rowsBody(p, 1, rows), 2)}\n    return;\n  }\n${indent(tiled)}`
    : indent(tiled);
  return gridMain(
    {
      about: `${4 * side} × ${4 * side} sums per workgroup, 4 × 4 per lane, blocks of ${BLOCK} along k staged`,
      variables: [tileOfSize(TILE_A, a.size), tileOfSize(TILE_B, b.size), ...memory],
    },
    [side * side, 1, 1],
    [
      { extent: p.n, per: 4 * side },
      { extent: p.m, per: 4 * side },
      { extent: p.batch, per: 1 },
    ],
    wgsl`  let batch = tile.z;\n${body}`,
  );
}
