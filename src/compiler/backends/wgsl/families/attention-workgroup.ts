/**
 * Attention for GPUs: a workgroup computes a block of queries of one (b, h) against 64 keys at a time.
 *
 * Each lane scores one key; the weights go to workgroup memory, and there the lanes change roles: each takes four
 * columns of the values and a share of the 64 keys. Nothing but one vec4 per query (and 256 columns) is kept per lane.
 */

import { joined, type Name, type Piece, type VariableText, type Wgsl, wgsl } from '../text/wgsl.ts';
import { logSumExp } from './attention-online.ts';
import type { AttentionForward } from './attention-params.ts';
import {
  chunkFunction,
  chunksOf,
  firstKey,
  LOWEST,
  scaleText,
  scoreFunctions,
  visibleKeys,
} from './attention-parts.ts';
import type { Template } from './contract.ts';
import { gridMain } from './grid.ts';
import {
  BLOCK_Q,
  CAPPED,
  EXP_OF,
  KEY4,
  MERGED,
  PARTS,
  QUERY4,
  ROW_FADE,
  ROW_MOST,
  ROW_TOTAL,
  SEEN,
  VALUE4,
  WEIGHTS,
} from './names.ts';
import { each, indent, lines, range, sizeOr } from './text.ts';

export const LANES = 64;

/** Whether a row may not see a key of a block before `end`: `seen` then says so for every key. Rows that a mask [B, S] hides are zeros. */
const hides = (p: AttentionForward, rows: number): boolean => (p.causal && rows > 1) || p.maskAt !== undefined;

/** How the lanes share the values: `along` lanes take a chunk each (`turns` times), `shares` of them split the keys. */
export function valueLanes(valueWidth: number): {
  readonly along: number;
  readonly turns: number;
  readonly shares: number;
} {
  const chunks = chunksOf(valueWidth);
  const along = Math.min(chunks, LANES);
  return { along, turns: Math.ceil(chunks / LANES), shares: Math.floor(LANES / along) };
}

function scores(p: AttentionForward, rows: number): Wgsl {
  const chunks = chunksOf(p.width);
  const ends = (r: number) => (p.causal ? wgsl`end${r}` : 'end');
  const mask = p.mask === undefined ? '' : wgsl` && ${p.mask}(batch, safe)`;
  const row = (r: number) => wgsl`min(first + ${r}u, ${p.queries.text} - 1u)`;
  const near = (r: number) => (p.window === undefined ? '' : wgsl` && key + ${p.window}u >= ${ends(r)}`);
  const own = (r: number) => (p.maskAt === undefined ? '' : wgsl` && ${p.maskAt}(batch, head, ${row(r)}, safe)`);
  const score = (r: number) => {
    const capped = p.softCap === undefined ? wgsl`scale * s${r}` : wgsl`${CAPPED}(scale * s${r})`;
    return p.bias === undefined ? capped : wgsl`${capped} + ${p.bias}(batch, head, ${row(r)}, safe)`;
  };
  return wgsl`let key = block + lane;
let safe = min(key, ${p.keys.text} - 1u);
${lines(rows, (r) => wgsl`var s${r} = 0.0;`)}
for (var chunk = 0u; chunk < ${chunks}u; chunk++) {
  let x = ${KEY4}(batch, head, safe, 4u * chunk);
${indent(lines(rows, (r) => wgsl`s${r} += dot(${BLOCK_Q}[${r * chunks}u + chunk], x);`))}
}
let shown = key < end${mask};
${lines(rows, (r) => wgsl`let see${r} = shown && key < ${ends(r)}${near(r)}${own(r)};`)}
${lines(rows, (r) => wgsl`let z${r} = select(${LOWEST}, ${score(r)}, see${r});`)}
${lines(rows, (r) => wgsl`${WEIGHTS}[${r * LANES}u + lane] = z${r};`)}${hides(p, rows) ? wgsl`\nseen[lane] = ${seenBits(rows)};` : ''}`;
}

/** Bit r: whether row r sees the key of this lane. */
const seenBits = (rows: number): Wgsl => each(rows, (r) => `select(0u, ${1 << r}u, see${r})`, ' | ');

/** The largest score of each row, from the scores in `weights`, to row_most; how far it rose to row_fade. */
function largest(rows: number): Wgsl {
  const parts = LANES / rows;
  return wgsl`var most = ${WEIGHTS}[(lane / ${parts}u) * ${LANES}u + lane % ${parts}u];
for (var i = 1u; i < ${rows}u; i++) {
  most = max(most, ${WEIGHTS}[(lane / ${parts}u) * ${LANES}u + lane % ${parts}u + i * ${parts}u]);
}
${PARTS}[lane] = most;
workgroupBarrier();
if (lane < ${rows}u) {
  let before = ${ROW_MOST}[lane];
  most = before;
  for (var i = 0u; i < ${parts}u; i++) { most = max(most, ${PARTS}[lane * ${parts}u + i]); }
  ${ROW_FADE}[lane] = ${EXP_OF}(before - most);
  ${ROW_MOST}[lane] = most;
}
workgroupBarrier();`;
}

function values(p: AttentionForward, rows: number): Wgsl {
  const { along, turns, shares } = valueLanes(p.valueWidth);
  const last = chunksOf(p.valueWidth) - 1;
  const chunk = (j: number) => (turns === 1 ? 'lane_e' : wgsl`min(lane_e + ${j * along}u, ${last}u)`);
  const fades = lines(rows, (r) => each(turns, (j) => wgsl`sum${r}_${j} *= ${ROW_FADE}[${r}];`));
  const add = (value: (r: number, product: Piece) => Piece) =>
    lines(rows, (r) => each(turns, (j) => wgsl`sum${r}_${j} += ${value(r, `w${r} * y${j}`)};`));
  // the weight of a hidden key is 0, and 0 · NaN is NaN
  const added = !hides(p, rows)
    ? add((_, product) => product)
    : wgsl`let seen_by = ${SEEN}[i];
if (seen_by == ${2 ** rows - 1}u) {
${indent(add((_, product) => product))}
} else {
${indent(add((r, product) => wgsl`select(vec4f(), ${product}, (seen_by & ${1 << r}u) != 0u)`))}
}`;
  return wgsl`${fades}
if (lane < ${along * shares}u) {
  let count = min(end - block, ${LANES}u);
  for (var i = share; i < count; i += ${shares}u) {
${indent(
  lines(turns, (j) => wgsl`let y${j} = ${VALUE4}(batch, head, block + i, 4u * ${chunk(j)});`),
  2,
)}
${indent(
  lines(rows, (r) => wgsl`let w${r} = ${WEIGHTS}[${r * LANES}u + i];`),
  2,
)}
${indent(added, 2)}
  }
}`;
}

/** All keys before `end`, 64 at a time: total and sums of each row, of which there may be something already. */
export function overKeys(p: AttentionForward, rows: number): Wgsl {
  return wgsl`for (var block = ${firstKey(p)}; block < end; block += ${LANES}u) {
  // the queries are there, and nobody reads the weights of the block before
  workgroupBarrier();
${indent(scores(p, rows))}
  workgroupBarrier();
${indent(largest(rows))}
${indent(lines(rows, (r) => wgsl`let p${r} = select(0.0, ${EXP_OF}(z${r} - ${ROW_MOST}[${r}]), see${r}); total${r} = total${r} * ${ROW_FADE}[${r}] + p${r}; ${WEIGHTS}[${r * LANES}u + lane] = p${r};`))}
  workgroupBarrier();
${indent(values(p, rows))}
}`;
}

export function stores(p: AttentionForward, rows: number): Wgsl {
  const { along, turns, shares } = valueLanes(p.valueWidth);
  const all = range(rows).flatMap((r) => range(turns).map((j) => wgsl`sum${r}_${j}`));
  const lse =
    p.lse === undefined
      ? ''
      : wgsl`if (lane < ${rows}u && first + lane < ${p.queries.text}) {
  let total = ${ROW_TOTAL}[lane];
  ${p.lse.store}(batch, head, first + lane, ${logSumExp(wgsl`${ROW_MOST}[lane]`, 'total')});
}`;
  return wgsl`workgroupBarrier();
${lines(rows, (r) => wgsl`${WEIGHTS}[${r * LANES}u + lane] = total${r};`)}
workgroupBarrier();
if (lane < ${rows}u) {
  var total = 0.0;
  for (var i = 0u; i < ${LANES}u; i++) { total += ${WEIGHTS}[lane * ${LANES}u + i]; }
  ${ROW_TOTAL}[lane] = total;
}
workgroupBarrier();
${lse}
var sums = array<vec4f, ${all.length}>(${joined(all, ', ')});
for (var i = 0u; i < ${all.length}u; i++) {
  let row = first + i / ${turns}u;
  ${MERGED}[lane] = sums[i];
  workgroupBarrier();
  if (lane < ${along}u && row < ${p.queries.text}) {
    var sum = ${MERGED}[lane];
    for (var other = 1u; other < ${shares}u; other++) { sum += ${MERGED}[lane + other * ${along}u]; }
    let total = ${ROW_TOTAL}[i / ${turns}u];
    sum *= select(0.0, 1.0 / total, total > 0.0);
    for (var c = 0u; c < 4u; c++) {
      let e = 4u * (lane + i % ${turns}u * ${along}u) + c;
      if (e < ${p.valueWidth}u) { ${p.out.store}(batch, head, row, e, sum[c]); }
    }
  }
  workgroupBarrier();
}`;
}

function body(p: AttentionForward, rows: number): Wgsl {
  const chunks = chunksOf(p.width);
  const divisor = Math.max(1, chunks); // without chunks the loop has no turn
  const { along, turns } = valueLanes(p.valueWidth);
  const row = (r: Piece) => wgsl`min(first + ${r}, ${p.queries.text} - 1u)`;
  const ends = p.causal
    ? wgsl`${lines(rows, (r) => wgsl`let end${r} = ${visibleKeys(p, row(wgsl`${r}u`))};`)}\nlet end = end${rows - 1};`
    : wgsl`let end = ${p.keys.text};`;
  return wgsl`let first = tile.x * ${rows}u;
for (var slot = lane; slot < ${rows * chunks}u; slot += ${LANES}u) {
  ${BLOCK_Q}[slot] = ${QUERY4}(batch, head, ${row(wgsl`slot / ${divisor}u`)}, 4u * (slot % ${divisor}u));
}
if (lane < ${rows}u) { ${ROW_MOST}[lane] = ${LOWEST}; }
${ends}
let scale = ${scaleText(p.scale)};
let lane_e = lane % ${along}u;
let share = lane / ${along}u;
${lines(rows, (r) => wgsl`var total${r} = 0.0; ${each(turns, (j) => `var sum${r}_${j} = vec4f();`)}`)}
${overKeys(p, rows)}
${stores(p, rows)}`;
}

/** What a workgroup shares while it goes through the keys. */
export function workgroupMemory(p: AttentionForward, rows: number): readonly VariableText[] {
  const array = (name: Name, element: string, size: number): VariableText => {
    return { name, space: 'workgroup', type: `array<${element}, ${size}>` };
  };
  return [
    // heads of width 0 have no chunk, and an array has at least one element
    array(BLOCK_Q, 'vec4f', Math.max(1, rows * chunksOf(p.width))),
    array(WEIGHTS, 'f32', rows * LANES),
    ...(p.causal || p.maskAt !== undefined ? [array(SEEN, 'u32', LANES)] : []),
    array(PARTS, 'f32', LANES),
    array(MERGED, 'vec4f', LANES),
    array(ROW_MOST, 'f32', rows),
    array(ROW_FADE, 'f32', rows),
    array(ROW_TOTAL, 'f32', rows),
  ];
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
  const many = body(p, rows);
  // one query at run time (a decode step) does not compute seven more for nothing
  const text =
    typeof p.queries.dim === 'number'
      ? indent(many)
      : wgsl`  if (${p.queries.text} == 1u) {\n${indent(body(p, 1), 2)}\n    return;\n  }\n${indent(many)}`;
  return gridMain(
    {
      about: `${rows} queries per workgroup, blocks of ${LANES} keys`,
      variables: workgroupMemory(p, rows),
      functions: [
        chunkFunction(QUERY4, p.q, p.width),
        chunkFunction(KEY4, p.k, p.width),
        chunkFunction(VALUE4, p.v, p.valueWidth, p.mask),
        ...scoreFunctions(p),
      ],
    },
    [LANES, 1, 1],
    [
      { extent: p.queries, per: rows },
      { extent: p.heads, per: 1 },
      { extent: p.batch, per: 1 },
    ],
    wgsl`  let head = tile.y;\n  let batch = tile.z;\n${text}`,
  );
}
