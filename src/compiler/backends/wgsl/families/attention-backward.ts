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

import { logSumExp, MAX4, onlineSoftmax, onlineVariables, storePerQuery } from './attention-online.ts';
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
import { indent, lines, range, vec4 } from './text.ts';

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
function loads(p: AttentionGradient): string {
  return [
    chunkFunction('query4', p.q, p.width),
    chunkFunction('key4', p.k, p.width, p.mask),
    chunkFunction('value4', p.v, p.valueWidth, p.mask),
    chunkFunction('dy4', p.dy, p.valueWidth),
    scoreFunctions(p),
  ].join('');
}

function perTile({ rows, vectors }: TileSize, text: (r: number, v: number) => string): string {
  return lines(rows, (r) =>
    range(vectors)
      .map((v) => text(r, v))
      .join(' '),
  );
}

function template(p: AttentionGradient, extent: Extent, about: string, functions: string, body: string): Template {
  const { size, lanes } = sizesOf(p.profile);
  return {
    text: `// ${about}\n${functions}\n${blockMain(p, extent, size.rows, lanes, body)}`,
    workgroup: [lanes, 1, 1],
    groups: blockGroups(p, extent, size.rows, lanes),
  };
}

/** dP of queries row0 … and keys other0 …: g{r}_{v} */
function upstreamDots(p: AttentionGradient, size: TileSize): string {
  return dots(
    'g',
    size,
    p.valueWidth,
    (r) => `dy4(batch, head, row${r}, d)`,
    (c) => `value4(batch, head, other${c}, d)`,
  );
}

export function attentionBackwardQuery(p: AttentionBackwardQuery): Template {
  const { size } = sizesOf(p.profile);
  const { rows, vectors } = size;
  // a blind query's log-sum-exp is the smallest f32: its exponentials overflow, and are not selected
  const weight = (r: number, v: number) =>
    `let p${r}_${v} = exp4_of(${scores4(p, r, v)} - lse${r}); let w${r}_${v} = select(vec4f(), p${r}_${v} * (g${r}_${v} - delta${r})${slopes4(p, r, v)}, see${r}_${v});`;
  const body = `${rowNames(p.queries, rows)}
${ends(p, rows)}
let scale = ${scaleText(p.scale)};
${lines(rows, (r) => `let lse${r} = ${p.lse.at}(batch, head, row${r}); let delta${r} = ${p.delta.at}(batch, head, row${r});`)}
var sums = array<vec4f, ${rows * chunksOf(p.width)}>();
for (var key = ${firstKey(p)}; key < end; key += ${4 * vectors}u) {
${indent(otherNames('key', p.keys, size))}
${indent(seenKeys(p, size))}
${indent(scoreDots(p, size))}
${indent(upstreamDots(p, size))}
${indent(perTile(size, weight))}
${indent(addWeighted('sums', size, p.width, 'w', (c) => `key4(batch, head, other${c}, d)`))}
}
${storeRows('sums', size, p.width, p.queries, (_, row, d, value) => `${p.dq.store}(batch, head, ${row}, ${d}, scale * ${value});`)}`;
  return template(p, p.queries, `dq of ${rows} queries per invocation`, loads(p), body);
}

export function attentionBackwardKeyValue(p: AttentionBackwardKeyValue): Template {
  const { size } = sizesOf(p.profile);
  const { rows, vectors } = size;
  const [T, S] = [p.queries.text, p.keys.text];
  // query t sees key s where t + S ≥ s + T
  const start = p.causal ? `select(0u, first + ${T} - ${S}, first + ${T} > ${S})` : '0u';
  const see = (r: number, v: number) => {
    const inRange = `(${fourFrom('query', v)} < vec4u(${T}))`;
    const past = p.causal ? ` & (${fourFrom('query', v)} + vec4u(${S}) >= vec4u(row${r} + ${T}))` : '';
    // s > S − T + t − window, where s is the row
    const near =
      p.window === undefined ? '' : ` & (vec4u(row${r} + ${T} + ${p.window}u) > ${fourFrom('query', v)} + vec4u(${S}))`;
    const shown = p.mask === undefined ? '' : ` & vec4<bool>(shown${r})`;
    const own = (lane: number) => `${p.maskAt}(batch, head, other${4 * v + lane}, row${r})`;
    return `${inRange}${past}${near}${shown}${p.maskAt === undefined ? '' : ` & vec4<bool>(${range(4).map(own).join(', ')})`}`;
  };
  const weight = (r: number, v: number) =>
    `let see${r}_${v} = ${see(r, v)};
let p${r}_${v} = select(vec4f(), exp4_of(${scores4(p, r, v, 'others')} - lse_${v}), see${r}_${v});
let w${r}_${v} = select(vec4f(), p${r}_${v} * (g${r}_${v} - delta_${v})${slopes4(p, r, v)}, see${r}_${v});`;
  const perQuery = (source: Source, v: number) => vec4((lane) => `${source.at}(batch, head, other${4 * v + lane})`);
  const scores = dots(
    's',
    size,
    p.width,
    (r) => `key4(batch, head, row${r}, d)`,
    (c) => `query4(batch, head, other${c}, d)`,
  );
  const upstream = dots(
    'g',
    size,
    p.valueWidth,
    (r) => `value4(batch, head, row${r}, d)`,
    (c) => `dy4(batch, head, other${c}, d)`,
  );
  const queries = `for (var query = ${start}; query < ${T}; query += ${4 * vectors}u) {
${indent(otherNames('query', p.queries, size))}
${indent(lines(vectors, (v) => `let lse_${v} = ${perQuery(p.lse, v)};\nlet delta_${v} = ${perQuery(p.delta, v)};`))}
${indent(scores)}
${indent(upstream)}
${indent(perTile(size, weight))}
${indent(addWeighted('sums_v', size, p.valueWidth, 'p', (c) => `dy4(batch, head, other${c}, d)`))}
${indent(addWeighted('sums_k', size, p.width, 'w', (c) => `query4(batch, head, other${c}, d)`))}
}`;
  // the heads that share these keys and values add up
  const heads =
    p.shared === undefined
      ? queries
      : `for (var sharer = 0u; sharer < ${p.shared.heads}u; sharer++) {
  let head = shared_head * ${p.shared.heads}u + sharer;
${indent(queries)}
}`;
  const body = `${rowNames(p.keys, rows)}
${p.mask === undefined ? '' : lines(rows, (r) => `let shown${r} = ${p.mask}(batch, row${r});`)}
let scale = ${scaleText(p.scale)};
${p.shared === undefined ? '' : 'let shared_head = head;'}
var sums_k = array<vec4f, ${rows * chunksOf(p.width)}>();
var sums_v = array<vec4f, ${rows * chunksOf(p.valueWidth)}>();
${heads}
${storeRows('sums_v', size, p.valueWidth, p.keys, (_, row, d, value) => `${p.dv.store}(batch, head, ${row}, ${d}, ${value});`)}
${storeRows('sums_k', size, p.width, p.keys, (_, row, d, value) => `${p.dk.store}(batch, head, ${row}, ${d}, scale * ${value});`)}`;
  const perGroup = { ...p, heads: p.shared?.groups ?? p.heads };
  return template(perGroup, p.keys, `dk and dv of ${rows} keys per invocation`, loads(p), body);
}

/** lse and delta of every query from the operands, where forward did not save them: delta = Σ_s P · dP. */
export function attentionStatistics(p: AttentionStatistics): Template {
  const { size } = sizesOf(p.profile);
  const { rows, vectors } = size;
  const add = (r: number) => {
    const products = range(vectors).map((v) => `dot(p${r}_${v}, select(vec4f(), g${r}_${v}, see${r}_${v}))`);
    return `delta${r} = delta${r} * fade${r} + ${products.join(' + ')};`;
  };
  const body = `${rowNames(p.queries, rows)}
${ends(p, rows)}
let scale = ${scaleText(p.scale)};
${onlineVariables(rows)}
${lines(rows, (r) => `var delta${r} = 0.0;`)}
for (var key = ${firstKey(p)}; key < end; key += ${4 * vectors}u) {
${indent(otherNames('key', p.keys, size))}
${indent(seenKeys(p, size))}
${indent(scoreDots(p, size))}
${indent(upstreamDots(p, size))}
${indent(onlineSoftmax(p, size))}
${indent(lines(rows, add))}
}
${storePerQuery(rows, p.queries.text, p.lse, (r) => logSumExp(`most${r}`, `total${r}`))}
${storePerQuery(rows, p.queries.text, p.delta, (r) => `select(0.0, delta${r} / total${r}, truth_of(total${r}))`)}`;
  return template(p, p.queries, `log-sum-exp and delta of ${rows} queries per invocation`, `${loads(p)}${MAX4}`, body);
}
