/**
 * Attention for GPUs: a workgroup computes a block of queries of one (b, h) against 64 keys at a time.
 *
 * Each lane scores one key; the weights go to workgroup memory, and there the lanes change roles: each takes four
 * columns of the values and a share of the 64 keys. Nothing but one vec4 per query (and 256 columns) is kept per lane.
 */

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
import { indent, lines, range, sizeOr } from './text.ts';

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

function scores(p: AttentionForward, rows: number): string {
  const chunks = chunksOf(p.width);
  const ends = (r: number) => (p.causal ? `end${r}` : 'end');
  const mask = p.mask === undefined ? '' : ` && ${p.mask}(batch, safe)`;
  const row = (r: number) => `min(first + ${r}u, ${p.queries.text} - 1u)`;
  const near = (r: number) => (p.window === undefined ? '' : ` && key + ${p.window}u >= ${ends(r)}`);
  const own = (r: number) => (p.maskAt === undefined ? '' : ` && ${p.maskAt}(batch, head, ${row(r)}, safe)`);
  const score = (r: number) => {
    const capped = p.softCap === undefined ? `scale * s${r}` : `capped(scale * s${r})`;
    return p.bias === undefined ? capped : `${capped} + ${p.bias}(batch, head, ${row(r)}, safe)`;
  };
  return `let key = block + lane;
let safe = min(key, ${p.keys.text} - 1u);
${lines(rows, (r) => `var s${r} = 0.0;`)}
for (var chunk = 0u; chunk < ${chunks}u; chunk++) {
  let x = key4(batch, head, safe, 4u * chunk);
${indent(lines(rows, (r) => `s${r} += dot(block_q[${r * chunks}u + chunk], x);`))}
}
let shown = key < end${mask};
${lines(rows, (r) => `let see${r} = shown && key < ${ends(r)}${near(r)}${own(r)};`)}
${lines(rows, (r) => `let z${r} = select(${LOWEST}, ${score(r)}, see${r});`)}
${lines(rows, (r) => `weights[${r * LANES}u + lane] = z${r};`)}${hides(p, rows) ? `\nseen[lane] = ${seenBits(rows)};` : ''}`;
}

/** Bit r: whether row r sees the key of this lane. */
const seenBits = (rows: number): string =>
  range(rows)
    .map((r) => `select(0u, ${1 << r}u, see${r})`)
    .join(' | ');

/** The largest score of each row, from the scores in `weights`, to row_most; how far it rose to row_fade. */
function largest(rows: number): string {
  const parts = LANES / rows;
  return `var most = weights[(lane / ${parts}u) * ${LANES}u + lane % ${parts}u];
for (var i = 1u; i < ${rows}u; i++) {
  most = max(most, weights[(lane / ${parts}u) * ${LANES}u + lane % ${parts}u + i * ${parts}u]);
}
parts[lane] = most;
workgroupBarrier();
if (lane < ${rows}u) {
  let before = row_most[lane];
  most = before;
  for (var i = 0u; i < ${parts}u; i++) { most = max(most, parts[lane * ${parts}u + i]); }
  row_fade[lane] = exp_of(before - most);
  row_most[lane] = most;
}
workgroupBarrier();`;
}

function values(p: AttentionForward, rows: number): string {
  const { along, turns, shares } = valueLanes(p.valueWidth);
  const last = chunksOf(p.valueWidth) - 1;
  const chunk = (j: number) => (turns === 1 ? 'lane_e' : `min(lane_e + ${j * along}u, ${last}u)`);
  const fades = lines(rows, (r) =>
    range(turns)
      .map((j) => `sum${r}_${j} *= row_fade[${r}];`)
      .join(' '),
  );
  const add = (value: (r: number, product: string) => string) =>
    lines(rows, (r) =>
      range(turns)
        .map((j) => `sum${r}_${j} += ${value(r, `w${r} * y${j}`)};`)
        .join(' '),
    );
  // the weight of a hidden key is 0, and 0 · NaN is NaN
  const added = !hides(p, rows)
    ? add((_, product) => product)
    : `let seen_by = seen[i];
if (seen_by == ${2 ** rows - 1}u) {
${indent(add((_, product) => product))}
} else {
${indent(add((r, product) => `select(vec4f(), ${product}, (seen_by & ${1 << r}u) != 0u)`))}
}`;
  return `${fades}
if (lane < ${along * shares}u) {
  let count = min(end - block, ${LANES}u);
  for (var i = share; i < count; i += ${shares}u) {
${indent(
  lines(turns, (j) => `let y${j} = value4(batch, head, block + i, 4u * ${chunk(j)});`),
  2,
)}
${indent(
  lines(rows, (r) => `let w${r} = weights[${r * LANES}u + i];`),
  2,
)}
${indent(added, 2)}
  }
}`;
}

/** All keys before `end`, 64 at a time: total and sums of each row, of which there may be something already. */
export function overKeys(p: AttentionForward, rows: number): string {
  return `for (var block = ${firstKey(p)}; block < end; block += ${LANES}u) {
  // the queries are there, and nobody reads the weights of the block before
  workgroupBarrier();
${indent(scores(p, rows))}
  workgroupBarrier();
${indent(largest(rows))}
${indent(lines(rows, (r) => `let p${r} = select(0.0, exp_of(z${r} - row_most[${r}]), see${r}); total${r} = total${r} * row_fade[${r}] + p${r}; weights[${r * LANES}u + lane] = p${r};`))}
  workgroupBarrier();
${indent(values(p, rows))}
}`;
}

export function stores(p: AttentionForward, rows: number): string {
  const { along, turns, shares } = valueLanes(p.valueWidth);
  const all = range(rows).flatMap((r) => range(turns).map((j) => `sum${r}_${j}`));
  const lse =
    p.lse === undefined
      ? ''
      : `if (lane < ${rows}u && first + lane < ${p.queries.text}) {
  let total = row_total[lane];
  ${p.lse.store}(batch, head, first + lane, ${logSumExp('row_most[lane]', 'total')});
}`;
  return `workgroupBarrier();
${lines(rows, (r) => `weights[${r * LANES}u + lane] = total${r};`)}
workgroupBarrier();
if (lane < ${rows}u) {
  var total = 0.0;
  for (var i = 0u; i < ${LANES}u; i++) { total += weights[lane * ${LANES}u + i]; }
  row_total[lane] = total;
}
workgroupBarrier();
${lse}
var sums = array<vec4f, ${all.length}>(${all.join(', ')});
for (var i = 0u; i < ${all.length}u; i++) {
  let row = first + i / ${turns}u;
  merged[lane] = sums[i];
  workgroupBarrier();
  if (lane < ${along}u && row < ${p.queries.text}) {
    var sum = merged[lane];
    for (var other = 1u; other < ${shares}u; other++) { sum += merged[lane + other * ${along}u]; }
    let total = row_total[i / ${turns}u];
    sum *= select(0.0, 1.0 / total, total > 0.0);
    for (var c = 0u; c < 4u; c++) {
      let e = 4u * (lane + i % ${turns}u * ${along}u) + c;
      if (e < ${p.valueWidth}u) { ${p.out.store}(batch, head, row, e, sum[c]); }
    }
  }
  workgroupBarrier();
}`;
}

function body(p: AttentionForward, rows: number): string {
  const chunks = chunksOf(p.width);
  const divisor = Math.max(1, chunks); // without chunks the loop has no turn
  const { along, turns } = valueLanes(p.valueWidth);
  const row = (r: string) => `min(first + ${r}, ${p.queries.text} - 1u)`;
  const ends = p.causal
    ? `${lines(rows, (r) => `let end${r} = ${visibleKeys(p, row(`${r}u`))};`)}\nlet end = end${rows - 1};`
    : `let end = ${p.keys.text};`;
  return `let first = tile.x * ${rows}u;
for (var slot = lane; slot < ${rows * chunks}u; slot += ${LANES}u) {
  block_q[slot] = query4(batch, head, ${row(`slot / ${divisor}u`)}, 4u * (slot % ${divisor}u));
}
if (lane < ${rows}u) { row_most[lane] = ${LOWEST}; }
${ends}
let scale = ${scaleText(p.scale)};
let lane_e = lane % ${along}u;
let share = lane / ${along}u;
${lines(
  rows,
  (r) =>
    `var total${r} = 0.0; ${range(turns)
      .map((j) => `var sum${r}_${j} = vec4f();`)
      .join(' ')}`,
)}
${overKeys(p, rows)}
${stores(p, rows)}`;
}

/** What a workgroup shares while it goes through the keys. */
export function workgroupMemory(p: AttentionForward, rows: number): string {
  // heads of width 0 have no chunk, and an array has at least one element
  return `var<workgroup> block_q: array<vec4f, ${Math.max(1, rows * chunksOf(p.width))}>;
var<workgroup> weights: array<f32, ${rows * LANES}>;
${p.causal || p.maskAt !== undefined ? `var<workgroup> seen: array<u32, ${LANES}>;\n` : ''}var<workgroup> parts: array<f32, ${LANES}>;
var<workgroup> merged: array<vec4f, ${LANES}>;
var<workgroup> row_most: array<f32, ${rows}>;
var<workgroup> row_fade: array<f32, ${rows}>;
var<workgroup> row_total: array<f32, ${rows}>;`;
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
      : `  if (${p.queries.text} == 1u) {\n${indent(body(p, 1), 2)}\n    return;\n  }\n${indent(many)}`;
  return gridMain(
    `// ${rows} queries per workgroup, blocks of ${LANES} keys
${chunkFunction('query4', p.q, p.width)}${chunkFunction('key4', p.k, p.width)}${chunkFunction('value4', p.v, p.valueWidth, p.mask)}${scoreFunctions(p)}
${workgroupMemory(p, rows)}
`,
    [LANES, 1, 1],
    [
      { extent: p.queries, per: rows },
      { extent: p.heads, per: 1 },
      { extent: p.batch, per: 1 },
    ],
    `  let head = tile.y;\n  let batch = tile.z;\n${text}`,
  );
}
