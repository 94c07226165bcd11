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
import { binary, type Expression, element, literal, variable } from '../text/expression.ts';
import type { Loop } from '../text/statements.ts';
import { type FunctionText, Name, type Piece, type VariableText, type Wgsl, wgsl } from '../text/wgsl.ts';
import { MAX4_FUNCTION } from './attention-online.ts';
import type { AttentionForward } from './attention-params.ts';
import { chunkFunction, chunksOf, LOWEST, scaleText } from './attention-parts.ts';
import { overKeys as overKeysAlone, WORKGROUP, weighedSums } from './attention-software.ts';
import { LANES, overKeys, stores, valueLanes, workgroupMemory } from './attention-workgroup.ts';
import type { Profile, Template } from './contract.ts';
import { BLOCK_Q, FRESH, FRESH4, KEY4, QUERY4, ROW_MOST, VALUE4 } from './names.ts';
import { indent, lines, ONE_GROUP, vec4 } from './text.ts';

/** Where a new row goes. */
export interface Append {
  /** store(b, h, d, value): of four elements from d on where `vector`, else of one */
  readonly store: Piece;
  readonly vector: boolean;
}

/** `k` and `v` are the cache, `keys` its P positions; `queries` is 1, or 0 when there is nothing to do. */
export interface AttentionDecode extends Omit<AttentionForward, 'q' | 'causal' | 'lse'> {
  /** statements that fill the rows of (batch, head) by `freshColumns` and `freshPlace` */
  readonly rows: Piece;
  readonly appendKey: Append;
  readonly appendValue: Append;
}

const u32 = (number: number): Expression => literal('u32', number);

/** A loop over the columns c of a row. */
export function freshColumns(profile: Profile, width: number): Loop {
  const counter = new Name('c');
  return profile === 'gpu'
    ? { counter, from: variable(new Name('lane'), 'u32'), below: u32(width), step: u32(LANES) }
    : { counter, from: u32(0), below: u32(width), step: u32(1) };
}

/** Where column c of a row goes. Lanes write words, since a write to a part of a vector may touch the rest. */
export function freshPlace(profile: Profile, row: keyof typeof FRESH): Expression {
  const c = variable(new Name('c'), 'u32');
  if (profile === 'gpu') return element(FRESH[row], c, 'f32');
  return element(element(FRESH[row], binary('>>', c, u32(2)), 'vec4<f32>'), binary('&', c, u32(3)), 'f32');
}

export function attentionDecode(p: AttentionDecode): Template {
  return p.profile === 'gpu' ? byWorkgroup(p) : byInvocation(p);
}

/** The templates of several queries take a token's as one query that sees all of the cache. */
const asForward = (p: AttentionDecode): AttentionForward => ({
  ...p,
  q: { at: FRESH.q, at4: new Map() },
  causal: false,
});

/** `fresh4_q(chunk)`: four elements of a row in workgroup memory */
function freshVector(row: keyof typeof FRESH): FunctionText {
  const name = FRESH4[row];
  const elements = vec4((lane) => wgsl`${FRESH[row]}[4u * chunk + ${lane}u]`);
  return { name, text: wgsl`fn ${name}(chunk: u32) -> vec4f {\n  return ${elements};\n}` };
}

const shown = (p: AttentionDecode): Piece => (p.mask === undefined ? 'true' : wgsl`${p.mask}(batch, ${p.keys.text})`);

/** Lanes share the columns of the rows and the append; each scores the new key for itself, which costs no barrier. */
function byWorkgroup(p: AttentionDecode): Template {
  const [of, chunks, valueChunks] = [asForward(p), chunksOf(p.width), chunksOf(p.valueWidth)];
  const { along, turns } = valueLanes(p.valueWidth);
  const append = ({ store, vector }: Append, name: 'k' | 'v', width: number) =>
    vector
      ? wgsl`for (var chunk = lane; chunk < ${width / 4}u; chunk += ${LANES}u) { ${store}(batch, head, 4u * chunk, ${FRESH4[name]}(chunk)); }`
      : wgsl`for (var d = lane; d < ${width}u; d += ${LANES}u) { ${store}(batch, head, d, ${FRESH[name]}[d]); }`;
  const own = (j: number) => (turns === 1 ? 'lane_e' : wgsl`min(lane_e + ${j * along}u, ${valueChunks - 1}u)`);
  const body = wgsl`${p.rows}
workgroupBarrier();
for (var chunk = lane; chunk < ${chunks}u; chunk += ${LANES}u) { ${BLOCK_Q}[chunk] = ${FRESH4.q}(chunk); }
${append(p.appendKey, 'k', p.width)}
${append(p.appendValue, 'v', p.valueWidth)}
workgroupBarrier();
let first = 0u;
let end = ${p.keys.text};
let scale = ${scaleText(p.scale)};
let lane_e = lane % ${along}u;
let share = lane / ${along}u;
var score = 0.0;
for (var chunk = 0u; chunk < ${chunks}u; chunk++) { score += dot(${BLOCK_Q}[chunk], ${FRESH4.k}(chunk)); }
let shown = ${shown(p)};
if (lane == 0u) { ${ROW_MOST}[0] = select(${LOWEST}, scale * score, shown); }
var total0 = select(0.0, 1.0, shown && lane == 0u);
${lines(turns, (j) => wgsl`var sum0_${j} = vec4f(); if (shown && share == 0u) { sum0_${j} = ${FRESH4.v}(${own(j)}); }`)}
${overKeys(of, 1)}
${stores(of, 1)}`;
  const row = (name: Name, elements: number): VariableText => {
    return { name, space: 'workgroup', type: `array<f32, ${elements}>` };
  };
  return {
    about: `a new position per workgroup, blocks of ${LANES} keys`,
    variables: [
      row(FRESH.q, 4 * chunks),
      row(FRESH.k, 4 * chunks),
      row(FRESH.v, 4 * valueChunks),
      ...workgroupMemory(of, 1),
    ],
    functions: [
      chunkFunction(KEY4, p.k, p.width),
      chunkFunction(VALUE4, p.v, p.valueWidth, p.mask),
      freshVector('q'),
      freshVector('k'),
      freshVector('v'),
    ],
    body: inRange(p, 'group.y * groups.x + group.x', body),
    workgroup: [LANES, 1, 1],
    groups: [{ of: countOf(p), per: 1 }, ONE_GROUP, ONE_GROUP],
  };
}

/** One query, eight keys at a time. */
const SIZE = { rows: 1, vectors: 2 } as const;

function byInvocation(p: AttentionDecode): Template {
  const [of, chunks, valueChunks] = [asForward(p), chunksOf(p.width), chunksOf(p.valueWidth)];
  const append = ({ store, vector }: Append, name: 'k' | 'v', width: number) =>
    vector
      ? wgsl`for (var d = 0u; d < ${width}u; d += 4u) { ${store}(batch, head, d, ${FRESH[name]}[d >> 2u]); }`
      : wgsl`for (var d = 0u; d < ${width}u; d++) { ${store}(batch, head, d, ${FRESH[name]}[d >> 2u][d & 3u]); }`;
  const body = wgsl`${p.rows}
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
  const row = (name: Name, elements: number): VariableText => {
    return { name, space: 'private', type: `array<vec4f, ${elements}>` };
  };
  return {
    about: 'a new position per invocation, from global memory',
    variables: [row(FRESH.q, chunks), row(FRESH.k, chunks), row(FRESH.v, valueChunks)],
    functions: [
      chunkFunction(KEY4, p.k, p.width),
      chunkFunction(VALUE4, p.v, p.valueWidth, p.mask),
      MAX4_FUNCTION,
      {
        name: QUERY4,
        text: wgsl`fn ${QUERY4}(b: u32, h: u32, row: u32, d: u32) -> vec4f {\n  return ${FRESH.q}[d >> 2u];\n}`,
      },
    ],
    body: inRange(p, `(group.y * groups.x + group.x) * ${WORKGROUP}u + lane`, body),
    workgroup: [WORKGROUP, 1, 1],
    groups: [{ of: countOf(p), per: WORKGROUP }, ONE_GROUP, ONE_GROUP],
  };
}

const countOf = ({ batch, heads, queries }: AttentionDecode) => mulDims(mulDims(batch.dim, heads.dim), queries.dim);

function inRange({ batch, heads, queries }: AttentionDecode, index: string, body: Piece): Wgsl {
  return wgsl`  let index = ${index};
  if (index >= ${batch.text} * ${heads.text} * ${queries.text}) { return; }
  let head = index % ${heads.text};
  let batch = index / ${heads.text};
${indent(body)}`;
}
