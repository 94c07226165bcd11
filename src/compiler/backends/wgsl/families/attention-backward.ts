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
import {
  add,
  and,
  apply,
  atLeast,
  div,
  dot,
  everywhere,
  f32,
  four,
  greater,
  less,
  mul,
  range,
  sub,
  u32,
  ZEROS,
} from '../text/arithmetic.ts';
import { array, type Body } from '../text/body.ts';
import { type Expression, select } from '../text/expression.ts';
import { library } from '../text/library.ts';
import type { FunctionText, Name } from '../text/wgsl.ts';
import { blockTemplate } from './attention-blocks.ts';
import { logSumExp, MAX4_FUNCTION, onlineSoftmax, onlineVariables, storePerQuery } from './attention-online.ts';
import type { AttentionOperands } from './attention-params.ts';
import {
  addWeighted,
  type Block,
  chunkFunction,
  chunksOf,
  dots,
  endsOf,
  firstKey,
  fourFrom,
  otherNames,
  type Pairs,
  pairsOf,
  rowNames,
  scaleOf,
  scoreDots,
  scoreFunctions,
  scores4,
  seenKeys,
  storeRows,
  type Tile,
  type TileSize,
  throughCap,
} from './attention-parts.ts';
import type { Extent, Profile, Sink, Source, Template } from './contract.ts';
import { DY4, KEY4, QUERY4, VALUE4 } from './names.ts';

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

/** An invocation per block of rows, of queries or keys. */
function template(
  p: Pick<AttentionGradient, 'batch' | 'heads' | 'profile'>,
  extent: Extent,
  about: string,
  functions: readonly FunctionText[],
  write: (body: Body, block: Block) => void,
): Template {
  const { size, lanes } = sizesOf(p.profile);
  return blockTemplate({ about, batch: p.batch, heads: p.heads, extent, rows: size.rows, lanes }, (body, block) => {
    body.declare(...functions);
    write(body, block);
  });
}

const chunk = (name: Name, { batch, head }: Block, row: Expression, d: Expression): Expression =>
  apply(name, [batch, head, row, d], 'vec4f');

/** dP of the rows, queries, and the others, keys: g{r}_{v} */
function upstreamDots(body: Body, p: AttentionGradient, tile: Tile): Pairs {
  return dots(
    body,
    'g',
    tile.size,
    p.valueWidth,
    (r, d) => chunk(DY4, tile, tile.rows[r]!, d),
    (c, d) => chunk(VALUE4, tile, tile.others[c]!, d),
  );
}

/** dS = P · (dP − delta), as a gradient of the dot products before their scale. */
function weightOf(
  p: AttentionGradient,
  tile: Tile,
  probability: Expression,
  product: Expression,
  upstream: Expression,
  delta: Expression,
): Expression {
  return throughCap(p, tile, product, mul(probability, sub(upstream, delta)));
}

export function attentionBackwardQuery(p: AttentionBackwardQuery): Template {
  const { size } = sizesOf(p.profile);
  const about = `dq of ${size.rows} queries per invocation`;
  return template(p, p.queries, about, loads(p), (body, block) => {
    const { batch, head } = block;
    const rows = rowNames(body, block, p.queries, size.rows);
    const ends = endsOf(body, p, rows);
    const scale = body.let('scale', scaleOf(p.scale));
    const lse = rows.map((row, r) => body.let(`lse${r}`, apply(p.lse.at, [batch, head, row])));
    const delta = rows.map((row, r) => body.let(`delta${r}`, apply(p.delta.at, [batch, head, row])));
    const sums = body.var('sums', array('vec4f', size.rows * chunksOf(p.width)));
    const turns = { from: firstKey(p, ends), below: ends.last, step: 4 * size.vectors };
    body.for('key', turns, (key) => {
      const tile: Tile = { ...block, size, rows, scale, others: otherNames(body, key, p.keys, size) };
      const seen = seenKeys(body, p, tile, key, ends);
      const products = scoreDots(body, p, tile);
      const upstream = upstreamDots(body, p, tile);
      // a blind query's log-sum-exp is the smallest f32: its exponentials overflow, and are not selected
      const weights = pairsOf(size, (r, v) => {
        const exponent = sub(scores4(p, tile, products, r, v), lse[r]!);
        const probability = body.let(`p${r}_${v}`, library('exp4_of', [exponent]));
        const own = weightOf(p, tile, probability, products[r]![v]!, upstream[r]![v]!, delta[r]!);
        return body.let(`w${r}_${v}`, select(ZEROS, own, seen[r]![v]!));
      });
      const keys = (c: number, d: Expression): Expression => chunk(KEY4, tile, tile.others[c]!, d);
      addWeighted(body, sums, size, p.width, { name: 'w', of: weights, seen }, keys);
    });
    storeRows(body, sums, size.rows, p.width, block, p.queries, (_, row, d, value) =>
      body.call(p.dq.store, batch, head, row, d, mul(scale, value)),
    );
  });
}

/** Which of the queries `query` and on, the tile's others, see each key of the rows: query t sees key s where t + S ≥ s + T. */
function seenBy(
  p: AttentionGradient,
  tile: Tile,
  shown: readonly Expression[] | undefined,
  query: Expression,
): (r: number, v: number) => Expression {
  const [T, S] = [p.queries.size, p.keys.size];
  const { maskAt, window } = p;
  return (r, v) => {
    const [queries, key] = [fourFrom(query, v), tile.rows[r]!];
    const behind = add(queries, everywhere(S));
    const conditions = [less(queries, everywhere(T))];
    if (p.causal) conditions.push(atLeast(behind, everywhere(add(key, T))));
    // s > S − T + t − window
    if (window !== undefined) conditions.push(greater(everywhere(add(key, T, window)), behind));
    if (shown) conditions.push(everywhere(shown[r]!));
    if (maskAt) {
      conditions.push(four((c) => apply(maskAt, [tile.batch, tile.head, tile.others[4 * v + c]!, key], 'bool')));
    }
    return and(...conditions);
  };
}

/** Sums of one head's queries over the keys of a block: dv to `sumsV`, dk before its scale to `sumsK`. */
function overQueries(
  body: Body,
  p: AttentionBackwardKeyValue,
  keys: Omit<Tile, 'others'>,
  shown: readonly Expression[] | undefined,
  sumsK: Expression,
  sumsV: Expression,
): void {
  const { size, batch, head, first } = keys;
  const [T, S] = [p.queries.size, p.keys.size];
  const from = p.causal ? select(u32(0), sub(add(first, T), S), greater(add(first, T), S)) : 0;
  body.for('query', { from, below: T, step: 4 * size.vectors }, (query) => {
    const tile: Tile = { ...keys, others: otherNames(body, query, p.queries, size) };
    const perQuery = ({ at }: Source, v: number): Expression =>
      four((c) => apply(at, [batch, head, tile.others[4 * v + c]!]));
    const lse = range(size.vectors).map((v) => body.let(`lse_${v}`, perQuery(p.lse, v)));
    const delta = range(size.vectors).map((v) => body.let(`delta_${v}`, perQuery(p.delta, v)));
    const row = (name: Name) => (r: number, d: Expression) => chunk(name, tile, tile.rows[r]!, d);
    const other = (name: Name) => (c: number, d: Expression) => chunk(name, tile, tile.others[c]!, d);
    const products = dots(body, 's', size, p.width, row(KEY4), other(QUERY4));
    const upstream = dots(body, 'g', size, p.valueWidth, row(VALUE4), other(DY4));
    const see = seenBy(p, tile, shown, query);
    const seen = pairsOf(size, (r, v) => body.let(`see${r}_${v}`, see(r, v)));
    const probabilities = pairsOf(size, (r, v) => {
      const exponent = sub(scores4(p, tile, products, r, v, 'others'), lse[v]!);
      return body.let(`p${r}_${v}`, select(ZEROS, library('exp4_of', [exponent]), seen[r]![v]!));
    });
    const weights = pairsOf(size, (r, v) => {
      const own = weightOf(p, tile, probabilities[r]![v]!, products[r]![v]!, upstream[r]![v]!, delta[v]!);
      return body.let(`w${r}_${v}`, select(ZEROS, own, seen[r]![v]!));
    });
    addWeighted(body, sumsV, size, p.valueWidth, { name: 'p', of: probabilities, seen }, other(DY4));
    addWeighted(body, sumsK, size, p.width, { name: 'w', of: weights, seen }, other(QUERY4));
  });
}

export function attentionBackwardKeyValue(p: AttentionBackwardKeyValue): Template {
  const { size } = sizesOf(p.profile);
  const { mask, shared } = p;
  const perGroup = { ...p, heads: shared?.groups ?? p.heads };
  const about = `dk and dv of ${size.rows} keys per invocation`;
  return template(perGroup, p.keys, about, loads(p), (body, block) => {
    const { batch, head } = block;
    const rows = rowNames(body, block, p.keys, size.rows);
    const shown = mask && rows.map((row, r) => body.let(`shown${r}`, apply(mask, [batch, row], 'bool')));
    const scale = body.let('scale', scaleOf(p.scale));
    const sumsK = body.var('sums_k', array('vec4f', size.rows * chunksOf(p.width)));
    const sumsV = body.var('sums_v', array('vec4f', size.rows * chunksOf(p.valueWidth)));
    const keys = { ...block, size, rows, scale };
    if (shared === undefined) overQueries(body, p, keys, shown, sumsK, sumsV);
    else {
      // the heads that share these keys and values add up
      body.for('sharer', { below: shared.heads }, (sharer) => {
        const own = body.let('query_head', add(mul(head, shared.heads), sharer));
        overQueries(body, p, { ...keys, head: own }, shown, sumsK, sumsV);
      });
    }
    storeRows(body, sumsV, size.rows, p.valueWidth, block, p.keys, (_, row, d, value) =>
      body.call(p.dv.store, batch, head, row, d, value),
    );
    storeRows(body, sumsK, size.rows, p.width, block, p.keys, (_, row, d, value) =>
      body.call(p.dk.store, batch, head, row, d, mul(scale, value)),
    );
  });
}

/** lse and delta of every query from the operands, where forward did not save them: delta = Σ_s P · dP. */
export function attentionStatistics(p: AttentionStatistics): Template {
  const { size } = sizesOf(p.profile);
  const about = `log-sum-exp and delta of ${size.rows} queries per invocation`;
  return template(p, p.queries, about, [...loads(p), MAX4_FUNCTION], (body, block) => {
    const rows = rowNames(body, block, p.queries, size.rows);
    const ends = endsOf(body, p, rows);
    const scale = body.let('scale', scaleOf(p.scale));
    const running = onlineVariables(body, size.rows);
    const delta = rows.map((_, r) => body.var(`delta${r}`, f32(0)));
    const turns = { from: firstKey(p, ends), below: ends.last, step: 4 * size.vectors };
    body.for('key', turns, (key) => {
      const tile: Tile = { ...block, size, rows, scale, others: otherNames(body, key, p.keys, size) };
      const seen = seenKeys(body, p, tile, key, ends);
      const products = scoreDots(body, p, tile);
      const upstream = upstreamDots(body, p, tile);
      const { weights, fades } = onlineSoftmax(body, p, tile, products, seen, running);
      for (const [r, own] of delta.entries()) {
        const parts = weights[r]!.map((weight, v) => dot(weight, select(ZEROS, upstream[r]![v]!, seen[r]![v]!)));
        body.set(
          own,
          add(
            mul(own, fades[r]!),
            parts.reduce((one, other) => add(one, other)),
          ),
        );
      }
    });
    const { most, total } = running;
    storePerQuery(
      body,
      block,
      p.queries,
      p.lse,
      most.map((own, r) => logSumExp(own, total[r]!)),
    );
    const weighed = delta.map((own, r) => select(f32(0), div(own, total[r]!), library('truth_of', [total[r]!])));
    storePerQuery(body, block, p.queries, p.delta, weighed);
  });
}
