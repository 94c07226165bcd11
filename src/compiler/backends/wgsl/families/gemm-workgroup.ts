/**
 * Matrix product for GPUs. Workgroups stage a block of a and of b in workgroup memory, and each lane computes 4 × 4
 * sums from there; with few rows (gemm-rows.ts) there is nothing to share, and the lanes split k instead.
 */
import type { Template } from './contract.ts';
import type { GemmParams } from './gemm-params.ts';
import { type RowsLanes, rowsBody, rowsMemory, rowsTemplate } from './gemm-rows.ts';
import { declareSums, stepOf, storeSums, type Tile, tileOf } from './gemm-tile.ts';
import { gridMain } from './grid.ts';
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
  readonly fill: string;
}

/** Staged along k: rows of a (or columns of b) × BLOCK / 4 vectors. */
function stageAlongK(
  p: GemmParams,
  name: string,
  count: number,
  line: string,
  load: { readonly vector: ((line: string, k: string) => string) | undefined; scalar(line: string, k: string): string },
): Stage {
  const whole = isMultiple(p.k, BLOCK);
  const k = p.k.text;
  const scalar = (lane: number) => {
    const value = load.scalar('line', whole ? `k + ${lane}u` : `min(k + ${lane}u, ${k} - 1u)`);
    return whole ? value : `select(${value}, 0.0, k + ${lane}u >= ${k})`;
  };
  const vector = load.vector?.('line', whole ? 'k' : `min(k, ${k} - 4u)`);
  const guarded = vector === undefined || whole ? vector : `select(${vector}, vec4f(), k >= ${k})`;
  const fill = `let line = ${line};
let k = block + 4u * (slot % ${BLOCK / 4}u);
${name}[slot / ${BLOCK / 4}u * ${PITCH}u + slot % ${BLOCK / 4}u] = ${guarded ?? vec4(scalar)};`;
  return { slots: (count * BLOCK) / 4, size: count * PITCH, fill };
}

/** Staged along m or n: BLOCK values of k × count / 4 vectors. */
function stageAcross(p: GemmParams, name: string, count: number, load: (start: string, k: string) => string): Stage {
  const whole = isMultiple(p.k, BLOCK);
  const value = load(`4u * (slot % ${count / 4}u)`, whole ? 'k' : `min(k, ${p.k.text} - 1u)`);
  const fill = `let k = block + slot / ${count / 4}u;
${name}[slot] = ${whole ? value : `select(${value}, vec4f(), k >= ${p.k.text})`};`;
  return { slots: (count * BLOCK) / 4, size: (count * BLOCK) / 4, fill };
}

function stageA(p: GemmParams, tile: Tile, rows: number): Stage {
  const { a, m } = p;
  const last = (coordinate: string, span: number) =>
    isMultiple(m, rows) ? coordinate : `min(${coordinate}, ${m.text} - ${span}u)`;
  if (tile.a === 'other') {
    return stageAcross(
      p,
      'tile_a',
      rows,
      (start, k) => `${a.at4.get(1)}(batch, ${last(`first_row + ${start}`, 4)}, ${k})`,
    );
  }
  const at4 = a.at4.get(2);
  return stageAlongK(p, 'tile_a', rows, last(`first_row + slot / ${BLOCK / 4}u`, 1), {
    vector: at4 === undefined ? undefined : (line, k) => `${at4}(batch, ${line}, ${k})`,
    scalar: (line, k) => `${a.at}(batch, ${line}, ${k})`,
  });
}

function stageB(p: GemmParams, tile: Tile, columns: number): Stage {
  const { b, n } = p;
  const last = (coordinate: string, span: number) =>
    isMultiple(n, columns) ? coordinate : `min(${coordinate}, ${n.text} - ${span}u)`;
  const along = b.at4.get(1);
  if (tile.b === 'k') {
    return stageAlongK(p, 'tile_b', columns, last(`first_column + slot / ${BLOCK / 4}u`, 1), {
      vector: along === undefined ? undefined : (line, k) => `${along}(batch, ${k}, ${line})`,
      scalar: (line, k) => `${b.at}(batch, ${k}, ${line})`,
    });
  }
  const across = b.at4.get(2);
  return stageAcross(p, 'tile_b', columns, (start, k) =>
    across !== undefined
      ? `${across}(batch, ${k}, ${last(`first_column + ${start}`, 4)})`
      : vec4((lane) => `${b.at}(batch, ${k}, ${last(`first_column + ${start} + ${lane}u`, 1)})`),
  );
}

function stageText({ slots, fill }: Stage, lanes: number): string {
  if (slots === lanes) return `{\n  let slot = lane;\n${indent(fill)}\n}`;
  return `for (var slot = lane; slot < ${slots}u; slot += ${lanes}u) {\n${indent(fill)}\n}`;
}

function tiledBody(p: GemmParams, tile: Tile, lanes: Lanes, a: Stage, b: Stage): string {
  const [rows, columns, count] = [4 * lanes.m, 4 * lanes.n, lanes.m * lanes.n];
  // a block of b along k is read in columns lane_n, lane_n + lanes.n, …: neighbours then read different banks
  const interleaved = tile.b === 'k';
  const column = interleaved ? `first_column + lane_n + ${lanes.n}u * c` : 'first_column + 4u * lane_n + c';
  const step = stepOf(tile, {
    aAlongK: (i) => `tile_a[(4u * lane_m + ${i}u) * ${PITCH}u + s]`,
    aAlongM: (_, kk) => `tile_a[(4u * s + ${kk}u) * ${rows / 4}u + lane_m]`,
    aScalar: () => '',
    bAlongK: (c) => `tile_b[(lane_n + ${lanes.n * c}u) * ${PITCH}u + s]`,
    bAlongN: (_, kk) => `tile_b[(4u * s + ${kk}u) * ${columns / 4}u + lane_n]`,
  });
  const stores = storeSums(tile, (i, c, value) => `${p.out.store}(batch, ${i}, ${c}, ${value});`, {
    row: 'first_row + 4u * lane_m + i',
    column,
    rowGuard: isMultiple(p.m, rows) ? '' : `if (row >= ${p.m.text}) { break; }`,
    columnGuard: isMultiple(p.n, columns) ? '' : `if (column >= ${p.n.text}) { break; }`,
  });
  return `let first_row = tile.y * ${rows}u;
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
  const memory = single ? rowsMemory(1, rows) : '';
  const body = single
    ? `  if (${p.m.text} == 1u) {\n${indent(rowsBody(p, 1, rows), 2)}\n    return;\n  }\n${indent(tiled)}`
    : indent(tiled);
  return gridMain(
    `// ${4 * side} × ${4 * side} sums per workgroup, 4 × 4 per lane, blocks of ${BLOCK} along k staged
var<workgroup> tile_a: array<vec4f, ${a.size}>;
var<workgroup> tile_b: array<vec4f, ${b.size}>;
${memory}`,
    [side * side, 1, 1],
    [
      { extent: p.n, per: 4 * side },
      { extent: p.m, per: 4 * side },
      { extent: p.batch, per: 1 },
    ],
    `  let batch = tile.z;\n${body}`,
  );
}
