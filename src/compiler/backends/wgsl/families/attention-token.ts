/**
 * Attention of one new position over a cache, which prepares the query, the key and the value of that position itself:
 * a decoding step's norms, rotary embedding, append and attention in one dispatch.
 *
 *   rows of (b, h) ──▶ fresh_q, fresh_k, fresh_v ──▶ the end of the cache
 *                             └─ one score more ─▶ softmax over the P keys before, and this one
 *
 * Whoever owns a (b, h), a workgroup on GPUs and an invocation on software adapters, has its new key and value at hand, so
 * nothing is read back that this dispatch wrote. It writes them as whole vectors where the cache is read in vectors.
 */
import { mulDims } from '../../../../shared/dim.ts';
import { MAX4 } from './attention-online.ts';
import type { AttentionForward } from './attention-params.ts';
import { chunkFunction, chunksOf, LOWEST, scaleText } from './attention-parts.ts';
import { overKeys as overKeysAlone, WORKGROUP, weighedSums } from './attention-software.ts';
import { LANES, overKeys, stores, valueLanes, workgroupMemory } from './attention-workgroup.ts';
import type { Profile, Template } from './contract.ts';
import { indent, lines, ONE_GROUP, range } from './text.ts';

/** A row of the new position, in memory that the template declares. */
export const FRESH = { q: 'fresh_q', k: 'fresh_k', v: 'fresh_v' } as const;

/** Where a new row goes. */
export interface Append {
  /** store(b, h, d, value): of four elements from d on where `vector`, else of one */
  readonly store: string;
  readonly vector: boolean;
}

/** `k` and `v` are the cache, `keys` its P positions; `queries` is 1, or 0 when there is nothing to do. */
export interface AttentionToken extends Omit<AttentionForward, 'q' | 'causal' | 'lse'> {
  /** statements that fill the rows of (batch, head) by `freshColumns` and `putFresh` */
  readonly rows: string;
  readonly appendKey: Append;
  readonly appendValue: Append;
}

/** Header of a loop over the columns c of a row. */
export function freshColumns(profile: Profile, width: number): string {
  return profile === 'gpu'
    ? `for (var c = lane; c < ${width}u; c += ${LANES}u) {`
    : `for (var c = 0u; c < ${width}u; c++) {`;
}

/** Statement that puts column c of a row. Lanes write words, since a write to a part of a vector may touch the rest. */
export function putFresh(profile: Profile, row: keyof typeof FRESH, value: string): string {
  return profile === 'gpu' ? `${FRESH[row]}[c] = ${value};` : `${FRESH[row]}[c >> 2u][c & 3u] = ${value};`;
}

export function attentionToken(p: AttentionToken): Template {
  return p.profile === 'gpu' ? byWorkgroup(p) : byInvocation(p);
}

/** The templates of several queries take a token's as one query that sees all of the cache. */
const asForward = (p: AttentionToken): AttentionForward => ({
  ...p,
  q: { at: FRESH.q, at4: new Map() },
  causal: false,
});

/** `fresh4_q(chunk)`: four elements of a row in workgroup memory */
function freshVector(name: string): string {
  const row = `fresh_${name}`;
  const elements = range(4).map((lane) => `${row}[4u * chunk + ${lane}u]`);
  return `fn fresh4_${name}(chunk: u32) -> vec4f {\n  return vec4f(${elements.join(', ')});\n}\n`;
}

const shown = (p: AttentionToken): string => (p.mask === undefined ? 'true' : `${p.mask}(batch, ${p.keys.text})`);

/** Lanes share the columns of the rows and the append; each scores the new key for itself, which costs no barrier. */
function byWorkgroup(p: AttentionToken): Template {
  const [of, chunks, valueChunks] = [asForward(p), chunksOf(p.width), chunksOf(p.valueWidth)];
  const { along, turns } = valueLanes(p.valueWidth);
  const append = ({ store, vector }: Append, name: 'k' | 'v', width: number) =>
    vector
      ? `for (var chunk = lane; chunk < ${width / 4}u; chunk += ${LANES}u) { ${store}(batch, head, 4u * chunk, fresh4_${name}(chunk)); }`
      : `for (var d = lane; d < ${width}u; d += ${LANES}u) { ${store}(batch, head, d, ${FRESH[name]}[d]); }`;
  const own = (j: number) => (turns === 1 ? 'lane_e' : `min(lane_e + ${j * along}u, ${valueChunks - 1}u)`);
  const body = `${p.rows}
workgroupBarrier();
for (var chunk = lane; chunk < ${chunks}u; chunk += ${LANES}u) { block_q[chunk] = fresh4_q(chunk); }
${append(p.appendKey, 'k', p.width)}
${append(p.appendValue, 'v', p.valueWidth)}
workgroupBarrier();
let first = 0u;
let end = ${p.keys.text};
let scale = ${scaleText(p.scale)};
let lane_e = lane % ${along}u;
let share = lane / ${along}u;
var score = 0.0;
for (var chunk = 0u; chunk < ${chunks}u; chunk++) { score += dot(block_q[chunk], fresh4_k(chunk)); }
let shown = ${shown(p)};
if (lane == 0u) { row_most[0] = select(${LOWEST}, scale * score, shown); }
var total0 = select(0.0, 1.0, shown && lane == 0u);
${lines(turns, (j) => `var sum0_${j} = vec4f(); if (shown && share == 0u) { sum0_${j} = fresh4_v(${own(j)}); }`)}
${overKeys(of, 1)}
${stores(of, 1)}`;
  const rows = `var<workgroup> ${FRESH.q}: array<f32, ${4 * chunks}>;
var<workgroup> ${FRESH.k}: array<f32, ${4 * chunks}>;
var<workgroup> ${FRESH.v}: array<f32, ${4 * valueChunks}>;`;
  return {
    text: `// a new position per workgroup, blocks of ${LANES} keys
${chunkFunction('key4', p.k, p.width)}${chunkFunction('value4', p.v, p.valueWidth, p.mask)}
${rows}
${workgroupMemory(of, 1)}
${freshVector('q')}${freshVector('k')}${freshVector('v')}
${main(p, LANES, 'group.y * groups.x + group.x', body)}`,
    workgroup: [LANES, 1, 1],
    groups: [{ of: countOf(p), per: 1 }, ONE_GROUP, ONE_GROUP],
  };
}

/** One query, eight keys at a time. */
const SIZE = { rows: 1, vectors: 2 } as const;

function byInvocation(p: AttentionToken): Template {
  const [of, chunks, valueChunks] = [asForward(p), chunksOf(p.width), chunksOf(p.valueWidth)];
  const append = ({ store, vector }: Append, name: 'k' | 'v', width: number) =>
    vector
      ? `for (var d = 0u; d < ${width}u; d += 4u) { ${store}(batch, head, d, ${FRESH[name]}[d >> 2u]); }`
      : `for (var d = 0u; d < ${width}u; d++) { ${store}(batch, head, d, ${FRESH[name]}[d >> 2u][d & 3u]); }`;
  const body = `${p.rows}
${append(p.appendKey, 'k', p.width)}
${append(p.appendValue, 'v', p.valueWidth)}
let first = 0u;
let row0 = 0u;
let end = ${p.keys.text};
let scale = ${scaleText(p.scale)};
var score = 0.0;
for (var chunk = 0u; chunk < ${chunks}u; chunk++) { score += dot(${FRESH.q}[chunk], ${FRESH.k}[chunk]); }
let shown = ${shown(p)};
var most0 = select(${LOWEST}, scale * score, shown);
var total0 = select(0.0, 1.0, shown);
var sums = array<vec4f, ${valueChunks}>();
if (shown) { sums = ${FRESH.v}; }
${overKeysAlone(of, SIZE)}
${weighedSums(of, SIZE)}`;
  return {
    text: `// a new position per invocation, from global memory
${chunkFunction('key4', p.k, p.width)}${chunkFunction('value4', p.v, p.valueWidth, p.mask)}${MAX4}
var<private> ${FRESH.q}: array<vec4f, ${chunks}>;
var<private> ${FRESH.k}: array<vec4f, ${chunks}>;
var<private> ${FRESH.v}: array<vec4f, ${valueChunks}>;

fn query4(b: u32, h: u32, row: u32, d: u32) -> vec4f {
  return ${FRESH.q}[d >> 2u];
}

${main(p, WORKGROUP, `(group.y * groups.x + group.x) * ${WORKGROUP}u + lane`, body)}`,
    workgroup: [WORKGROUP, 1, 1],
    groups: [{ of: countOf(p), per: WORKGROUP }, ONE_GROUP, ONE_GROUP],
  };
}

const countOf = ({ batch, heads, queries }: AttentionToken) => mulDims(mulDims(batch.dim, heads.dim), queries.dim);

function main({ batch, heads, queries }: AttentionToken, lanes: number, index: string, body: string): string {
  return `@compute @workgroup_size(${lanes}, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = ${index};
  if (index >= ${batch.text} * ${heads.text} * ${queries.text}) { return; }
  let head = index % ${heads.text};
  let batch = index / ${heads.text};
${indent(body)}
}
`;
}
