/**
 * Gradients of flash attention. The probabilities P = exp(scale · q kᵀ − lse) are made again from the log-sum-exp of
 * each query, tile by tile, so that nothing of size [T, S] is in memory. With dP = dy vᵀ, delta = Σ_e dy · y and
 * dS = P · (dP − delta):
 *
 *     dq = scale · dS k        an invocation per block of queries, over its keys
 *     dk = scale · dSᵀ q       an invocation per block of keys, over the queries that see them
 *     dv = Pᵀ dy
 *
 * Each result is summed by one invocation in one order: deterministic, without atomics. Both profiles run the same
 * text (no barriers) with other sizes.
 */

import { type FunctionText, joined, type Piece, type Wgsl, wgsl } from '../text/wgsl.ts';
import { logSumExp, MAX4_FUNCTION, onlineSoftmax, onlineVariables, storePerQuery } from './attention-online.ts';
import type { AttentionOperands } from './attention-params.ts';
import {
  addWeighted,
  blockGroups,
  blockMain,
  chunkFunction,
  chunksOf,
  dots,
  ends,
  firstKey,
  fourFrom,
  otherNames,
  rowNames,
  scaleText,
  scoreDots,
  scoreFunctions,
  scores4,
  seenKeys,
  slopes4,
  storeRows,
  type TileSize,
} from './attention-parts.ts';
import type { Extent, Profile, Sink, Source, Template } from './contract.ts';
import { DY4, EXP4_OF, KEY4, QUERY4, TRUTH_OF, VALUE4 } from './names.ts';
import { each, indent, lines, range, vec4 } from './text.ts';

/** Gradients: `scale` and the operands as forward's. */
export interface AttentionGradient extends AttentionOperands {
  /** coordinates (b, h, t, e) */
  readonly dy: Source;
}

interface Saved extends AttentionGradient {
  /** coordinates (b, h, t): log-sum-exp of the scaled scores, as forward stores it */
  readonly lse: Source;
  /** coordinates (b, h, t): Σ_e dy · y */
  readonly delta: Source;
}

export interface AttentionBackwardQuery extends Saved {
  /** store(b, h, t, d, value) */
  readonly dq: Sink;
}

export interface AttentionBackwardKeyValue extends Saved {
  /** store(b, h, s, d, value) */
  readonly dk: Sink;
  /** store(b, h, s, e, value) */
  readonly dv: Sink;
}

export interface AttentionStatistics extends AttentionGradient {
  /** store(b, h, t, value) */
  readonly lse: Sink;
  /** store(b, h, t, value) */
  readonly delta: Sink;
}

/** More invocations of fewer rows on GPUs, which need thousands of them. */
function sizesOf(profile: Profile): { readonly size: TileSize; readonly lanes: number } {
  return profile === 'software'
    ? { size: { rows: 4, vectors: 1 }, lanes: 8 }
    : { size: { rows: 2, vectors: 1 }, lanes: 32 };
}

/** Rows that the mask hides are zeros: a weight of 0 meets their keys in dq, and their values in delta. */
function loads(p: AttentionGradient): readonly FunctionText[] {
  return [
    chunkFunction(QUERY4, p.q, p.width),
    chunkFunction(KEY4, p.k, p.width, p.mask),
    chunkFunction(VALUE4, p.v, p.valueWidth, p.mask),
    chunkFunction(DY4, p.dy, p.valueWidth),
    ...scoreFunctions(p),
  ];
}

function perTile({ rows, vectors }: TileSize, text: (r: number, v: number) => Piece): Wgsl {
  return lines(rows, (r) => each(vectors, (v) => text(r, v)));
}

function template(
  p: AttentionGradient,
  extent: Extent,
  about: string,
  functions: readonly FunctionText[],
  body: Piece,
): Template {
  const { size, lanes } = sizesOf(p.profile);
  return {
    about,
    variables: [],
    functions,
    body: blockMain(p, extent, size.rows, lanes, body),
    workgroup: [lanes, 1, 1],
    groups: blockGroups(p, extent, size.rows, lanes),
  };
}

/** dP of queries row0 … and keys other0 …: g{r}_{v} */
function upstreamDots(p: AttentionGradient, size: TileSize): Wgsl {
  return dots(
    'g',
    size,
    p.valueWidth,
    (r) => wgsl`${DY4}(batch, head, row${r}, d)`,
    (c) => wgsl`${VALUE4}(batch, head, other${c}, d)`,
  );
}

export function attentionBackwardQuery(p: AttentionBackwardQuery): Template {
  const { size } = sizesOf(p.profile);
  const { rows, vectors } = size;
  // a blind query's log-sum-exp is the smallest f32: its exponentials overflow, and are not selected
  const weight = (r: number, v: number) =>
    wgsl`let p${r}_${v} = ${EXP4_OF}(${scores4(p, r, v)} - lse${r}); let w${r}_${v} = select(vec4f(), p${r}_${v} * (g${r}_${v} - delta${r})${slopes4(p, r, v)}, see${r}_${v});`;
  const body = wgsl`${rowNames(p.queries, rows)}
${ends(p, rows)}
let scale = ${scaleText(p.scale)};
${lines(rows, (r) => wgsl`let lse${r} = ${p.lse.at}(batch, head, row${r}); let delta${r} = ${p.delta.at}(batch, head, row${r});`)}
var sums = array<vec4f, ${rows * chunksOf(p.width)}>();
for (var key = ${firstKey(p)}; key < end; key += ${4 * vectors}u) {
${indent(otherNames('key', p.keys, size))}
${indent(seenKeys(p, size))}
${indent(scoreDots(p, size))}
${indent(upstreamDots(p, size))}
${indent(perTile(size, weight))}
${indent(addWeighted('sums', size, p.width, 'w', (c) => wgsl`${KEY4}(batch, head, other${c}, d)`))}
}
${storeRows('sums', size, p.width, p.queries, (_, row, d, value) => wgsl`${p.dq.store}(batch, head, ${row}, ${d}, scale * ${value});`)}`;
  return template(p, p.queries, `dq of ${rows} queries per invocation`, loads(p), body);
}

export function attentionBackwardKeyValue(p: AttentionBackwardKeyValue): Template {
  const { size } = sizesOf(p.profile);
  const { rows, vectors } = size;
  const [T, S] = [p.queries.text, p.keys.text];
  // query t sees key s where t + S ≥ s + T
  const start = p.causal ? wgsl`select(0u, first + ${T} - ${S}, first + ${T} > ${S})` : '0u';
  const see = (r: number, v: number) => {
    const inRange = wgsl`(${fourFrom('query', v)} < vec4u(${T}))`;
    const past = p.causal ? wgsl` & (${fourFrom('query', v)} + vec4u(${S}) >= vec4u(row${r} + ${T}))` : '';
    // s > S − T + t − window, where s is the row
    const near =
      p.window === undefined
        ? ''
        : wgsl` & (vec4u(row${r} + ${T} + ${p.window}u) > ${fourFrom('query', v)} + vec4u(${S}))`;
    const shown = p.mask === undefined ? '' : wgsl` & vec4<bool>(shown${r})`;
    const own = (lane: number) => wgsl`${p.maskAt!}(batch, head, other${4 * v + lane}, row${r})`;
    return wgsl`${inRange}${past}${near}${shown}${p.maskAt === undefined ? '' : wgsl` & vec4<bool>(${each(4, own, ', ')})`}`;
  };
  const weight = (r: number, v: number) =>
    wgsl`let see${r}_${v} = ${see(r, v)};
let p${r}_${v} = select(vec4f(), ${EXP4_OF}(${scores4(p, r, v, 'others')} - lse_${v}), see${r}_${v});
let w${r}_${v} = select(vec4f(), p${r}_${v} * (g${r}_${v} - delta_${v})${slopes4(p, r, v)}, see${r}_${v});`;
  const perQuery = (source: Source, v: number) => vec4((lane) => wgsl`${source.at}(batch, head, other${4 * v + lane})`);
  const scores = dots(
    's',
    size,
    p.width,
    (r) => wgsl`${KEY4}(batch, head, row${r}, d)`,
    (c) => wgsl`${QUERY4}(batch, head, other${c}, d)`,
  );
  const upstream = dots(
    'g',
    size,
    p.valueWidth,
    (r) => wgsl`${VALUE4}(batch, head, row${r}, d)`,
    (c) => wgsl`${DY4}(batch, head, other${c}, d)`,
  );
  const queries = wgsl`for (var query = ${start}; query < ${T}; query += ${4 * vectors}u) {
${indent(otherNames('query', p.queries, size))}
${indent(lines(vectors, (v) => wgsl`let lse_${v} = ${perQuery(p.lse, v)};\nlet delta_${v} = ${perQuery(p.delta, v)};`))}
${indent(scores)}
${indent(upstream)}
${indent(perTile(size, weight))}
${indent(addWeighted('sums_v', size, p.valueWidth, 'p', (c) => wgsl`${DY4}(batch, head, other${c}, d)`))}
${indent(addWeighted('sums_k', size, p.width, 'w', (c) => wgsl`${QUERY4}(batch, head, other${c}, d)`))}
}`;
  // the heads that share these keys and values add up
  const heads =
    p.shared === undefined
      ? queries
      : wgsl`for (var sharer = 0u; sharer < ${p.shared.heads}u; sharer++) {
  let head = shared_head * ${p.shared.heads}u + sharer;
${indent(queries)}
}`;
  const body = wgsl`${rowNames(p.keys, rows)}
${p.mask === undefined ? '' : lines(rows, (r) => wgsl`let shown${r} = ${p.mask!}(batch, row${r});`)}
let scale = ${scaleText(p.scale)};
${p.shared === undefined ? '' : 'let shared_head = head;'}
var sums_k = array<vec4f, ${rows * chunksOf(p.width)}>();
var sums_v = array<vec4f, ${rows * chunksOf(p.valueWidth)}>();
${heads}
${storeRows('sums_v', size, p.valueWidth, p.keys, (_, row, d, value) => wgsl`${p.dv.store}(batch, head, ${row}, ${d}, ${value});`)}
${storeRows('sums_k', size, p.width, p.keys, (_, row, d, value) => wgsl`${p.dk.store}(batch, head, ${row}, ${d}, scale * ${value});`)}`;
  const perGroup = { ...p, heads: p.shared?.groups ?? p.heads };
  return template(perGroup, p.keys, `dk and dv of ${rows} keys per invocation`, loads(p), body);
}

/** lse and delta of every query from the operands, where forward did not save them: delta = Σ_s P · dP. */
export function attentionStatistics(p: AttentionStatistics): Template {
  const { size } = sizesOf(p.profile);
  const { rows, vectors } = size;
  const add = (r: number) => {
    const products = range(vectors).map((v) => wgsl`dot(p${r}_${v}, select(vec4f(), g${r}_${v}, see${r}_${v}))`);
    return wgsl`delta${r} = delta${r} * fade${r} + ${joined(products, ' + ')};`;
  };
  const body = wgsl`${rowNames(p.queries, rows)}
${ends(p, rows)}
let scale = ${scaleText(p.scale)};
${onlineVariables(rows)}
${lines(rows, (r) => wgsl`var delta${r} = 0.0;`)}
for (var key = ${firstKey(p)}; key < end; key += ${4 * vectors}u) {
${indent(otherNames('key', p.keys, size))}
${indent(seenKeys(p, size))}
${indent(scoreDots(p, size))}
${indent(upstreamDots(p, size))}
${indent(onlineSoftmax(p, size))}
${indent(lines(rows, add))}
}
${storePerQuery(rows, p.queries.text, p.lse, (r) => logSumExp(wgsl`most${r}`, wgsl`total${r}`))}
${storePerQuery(rows, p.queries.text, p.delta, (r) => wgsl`select(0.0, delta${r} / total${r}, ${TRUTH_OF}(total${r}))`)}`;
  return template(
    p,
    p.queries,
    `log-sum-exp and delta of ${rows} queries per invocation`,
    [...loads(p), MAX4_FUNCTION],
    body,
  );
}
