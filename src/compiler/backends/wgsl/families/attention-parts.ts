/**
 * What the attention kernels are made of: rows as vec4 chunks, tiles of dot products between them, sums of weighted
 * rows, and who sees whom.
 *
 * A tile relates `rows` rows of one side (named row0, row1 …) with 4·`vectors` of the other side (named other0 …), one
 * vec4 variable per row and vector: `{name}{row}_{vector}`.
 */
import {
  add,
  all,
  and,
  apply,
  at,
  atLeast,
  bits,
  div,
  dot,
  everywhere,
  f32,
  four,
  greater,
  lane,
  less,
  mul,
  type Operand,
  range,
  shiftRight,
  smallest,
  sub,
  u32,
  ZEROS,
} from '../text/arithmetic.ts';
import { type Body, functionOf } from '../text/body.ts';
import { type Expression, select } from '../text/expression.ts';
import { library } from '../text/library.ts';
import type { FunctionText, Name } from '../text/wgsl.ts';
import type { AttentionOperands } from './attention-params.ts';
import type { Extent, Source } from './contract.ts';
import { CAPPED, CAPPED4, KEY4, QUERY4, SLOPE4 } from './names.ts';

/** Smaller than any score, and far enough from the smallest f32 that differences do not overflow. */
export const LOWEST = f32(-8e37);
/** log-sum-exp of no key at all: the smallest f32 */
export const BLIND = f32(-3.4028234663852886e38);

export interface TileSize {
  readonly rows: number;
  readonly vectors: number;
}

/** A block of rows of one (b, h), clamped into range. */
export interface Block {
  readonly batch: Expression;
  readonly head: Expression;
  /** the first of the rows */
  readonly first: Expression;
}

/** A tile of rows and others, as they are named. */
export interface Tile extends Block {
  readonly size: TileSize;
  readonly rows: readonly Expression[];
  readonly others: readonly Expression[];
  readonly scale: Expression;
}

/** By row and vector: of four pairs each. */
export type Pairs = readonly (readonly Expression[])[];

export const pairsOf = ({ rows, vectors }: TileSize, pair: (r: number, v: number) => Expression): Pairs =>
  range(rows).map((r) => range(vectors).map((v) => pair(r, v)));

/** vec4s in a row */
export function chunksOf(width: number): number {
  return Math.ceil(width / 4);
}

/**
 * A WGSL function `name`(b, h, row, d) → vec4f of a source with coordinates (b, h, row, d); zeros past `width`.
 * @param mask function (b, row) → bool: zeros in rows that it hides, where a weight of 0 would meet NaN
 */
export function chunkFunction(name: Name, source: Source, width: number, mask?: Name): FunctionText {
  const vector = source.at4.get(3);
  return functionOf(name, { b: 'u32', h: 'u32', row: 'u32', d: 'u32' }, 'vec4f', (body, { b, h, row, d }) => {
    const element = (c: number): Expression => {
      const own = add(d, c);
      if (width % 4 === 0) return apply(source.at, [b, h, row, own]);
      // a call must not read past the row: the coordinate is clamped, and its value replaced
      return select(f32(0), apply(source.at, [b, h, row, smallest(own, width - 1)]), less(own, width));
    };
    const value = vector === undefined ? four(element) : apply(vector, [b, h, row, d], 'vec4f');
    body.return(mask === undefined ? value : select(ZEROS, value, apply(mask, [b, row], 'bool')));
  });
}

export const scaleOf = (scale: number | Expression): Expression => (typeof scale === 'number' ? f32(scale) : scale);

/** Dot products of rows and others, as variables `{name}{r}_{v}`. @param row(r, d) a chunk at d @param other(c, d) likewise */
export function dots(
  body: Body,
  name: string,
  { rows, vectors }: TileSize,
  width: number,
  row: (r: number, d: Expression) => Expression,
  other: (c: number, d: Expression) => Expression,
): Pairs {
  const sums = pairsOf({ rows, vectors }, (r, v) => body.var(`${name}${r}_${v}`, ZEROS));
  body.for('d', { below: width, step: 4 }, (d) => {
    const x = range(rows).map((r) => body.let(`x${r}`, row(r, d)));
    const y = range(4 * vectors).map((c) => body.let(`y${c}`, other(c, d)));
    for (const [r, own] of sums.entries()) {
      for (const [v, sum] of own.entries())
        body.increase(
          sum,
          four((c) => dot(x[r]!, y[4 * v + c]!)),
        );
    }
  });
  return sums;
}

/** Weights of pairs, which are 0 where one is not seen. */
export interface Weights {
  /** names what is asked of them */
  readonly name: string;
  readonly of: Pairs;
  readonly seen: Pairs;
}

/**
 * `sums[r, chunk] = sums[r, chunk] · factor(r) + Σ_c weight[r, c] · other(c)` for every chunk of `width`, over the pairs that
 * are seen. The sums are an array in private memory: a tile reads and writes each element once per 4·vectors products.
 * Weights of what is hidden are 0, and 0 · NaN is NaN: a tile in which something is hidden, at an end or on the diagonal,
 * selects.
 * @param other(c, d) a chunk at d
 */
export function addWeighted(
  body: Body,
  sums: Expression,
  { rows, vectors }: TileSize,
  width: number,
  weights: Weights,
  other: (c: number, d: Expression) => Expression,
  factor?: (r: number) => Expression,
): void {
  const chunks = chunksOf(width);
  const everySeen = body.let(`all_${weights.name}`, and(...weights.seen.flat().map(all)));
  body.for('chunk', { below: chunks }, (chunk) => {
    const d = body.let('d', mul(4, chunk));
    const y = range(4 * vectors).map((c) => body.let(`y${c}`, other(c, d)));
    const addAll = (pair: (product: Expression, seen: Expression) => Expression): void => {
      for (const r of range(rows)) {
        const sum = at(sums, add(r * chunks, chunk));
        const products = y.map((own, c) => {
          const of = (pairs: Pairs): Expression => lane(pairs[r]![c >> 2]!, c & 3);
          return pair(mul(of(weights.of), own), of(weights.seen));
        });
        body.set(
          sum,
          products.reduce((total, product) => add(total, product), factor ? mul(sum, factor(r)) : sum),
        );
      }
    };
    body.if(
      everySeen,
      () => addAll((product) => product),
      () => addAll((product, seen) => select(ZEROS, product, seen)),
    );
  });
}

/** Stores every element of the sums of the rows in range: `store` writes `value` at (row, d). */
export function storeRows(
  body: Body,
  sums: Expression,
  rows: number,
  width: number,
  { first }: Block,
  extent: Extent,
  store: (r: Expression, row: Expression, d: Expression, value: Expression) => void,
): void {
  body.for('r', { below: rows }, (r) => {
    const row = body.let('row', add(first, r));
    body.breakIf(atLeast(row, extent.size));
    body.for('d', { below: width }, (d) => {
      store(r, row, d, at(at(sums, add(mul(r, chunksOf(width)), shiftRight(d, 2))), bits(d, 3)));
    });
  });
}

/** How many keys a query sees if no mask hides them. */
export function visibleKeys({ causal, queries, keys }: AttentionOperands, query: Expression): Expression {
  if (!causal) return keys.size;
  const seen = add(keys.size, query, 1);
  return select(u32(0), sub(seen, queries.size), greater(seen, queries.size));
}

/** vec4u: `base` + 4v … + 3 */
export function fourFrom(base: Expression, v: number): Expression {
  return add(
    base,
    four((c) => u32(4 * v + c)),
  );
}

/** How far queries see: each, and the last of them, who sees furthest. */
export interface Ends {
  readonly each: readonly Expression[];
  readonly last: Expression;
}

/** `end` for the block, and with causality end0 … per row. */
export function endsOf(body: Body, p: AttentionOperands, rows: readonly Expression[]): Ends {
  if (!p.causal) {
    const last = body.let('end', p.keys.size);
    return { each: rows.map(() => last), last };
  }
  const each = rows.map((row, r) => body.let(`end${r}`, visibleKeys(p, row)));
  return { each, last: body.let('end', each.at(-1)!) };
}

/** The first key that a query of the block sees, or one before it: the first end belongs to the first of them. */
export function firstKey({ window }: AttentionOperands, { each: [end] }: Ends): Operand {
  return window === undefined ? 0 : select(u32(0), sub(end!, window), greater(end!, window));
}

/** WGSL functions of scores: `capped`, `capped4` and `slope4`, the derivative of `capped4`. */
export function scoreFunctions({ softCap }: AttentionOperands): readonly FunctionText[] {
  if (softCap === undefined) return [];
  const cap = f32(softCap);
  const bent = (x: Expression): Expression => library('tanh_of', [div(x, cap)]);
  const bent4 = (x: Expression): Expression => four((c) => bent(lane(x, c)));
  return [
    functionOf(CAPPED, { x: 'f32' }, 'f32', (body, { x }) => body.return(mul(cap, bent(x)))),
    functionOf(CAPPED4, { x: 'vec4f' }, 'vec4f', (body, { x }) => body.return(mul(cap, bent4(x)))),
    functionOf(SLOPE4, { x: 'vec4f' }, 'vec4f', (body, { x }) => {
      const own = body.let('bent', bent4(x));
      body.return(sub(everywhere(1), mul(own, own)));
    }),
  ];
}

/** The score of one pair from its dot product: scaled, capped, with its bias. */
export function scoreOf(
  { softCap, bias }: AttentionOperands,
  scale: Expression,
  product: Expression,
  pair: readonly [batch: Expression, head: Expression, query: Expression, key: Expression],
): Expression {
  const scaled = mul(scale, product);
  const capped = softCap === undefined ? scaled : apply(CAPPED, [scaled]);
  return bias === undefined ? capped : add(capped, apply(bias, pair));
}

/** The scores of a row and four others, from their dot products. @param queries who the queries are */
export function scores4(
  { softCap, bias }: AttentionOperands,
  tile: Tile,
  products: Pairs,
  r: number,
  v: number,
  queries: 'rows' | 'others' = 'rows',
): Expression {
  const scaled = mul(tile.scale, products[r]![v]!);
  const capped = softCap === undefined ? scaled : apply(CAPPED4, [scaled], 'vec4f');
  if (bias === undefined) return capped;
  const places = four((c) => {
    const [row, other] = [tile.rows[r]!, tile.others[4 * v + c]!];
    return apply(bias, [tile.batch, tile.head, ...(queries === 'rows' ? [row, other] : [other, row])]);
  });
  return add(capped, places);
}

/** A gradient of the scores as that of the scaled dot products: times the slope of the cap, where there is one. */
export function throughCap(
  { softCap }: AttentionOperands,
  tile: Tile,
  product: Expression,
  of: Expression,
): Expression {
  return softCap === undefined ? of : mul(of, apply(SLOPE4, [mul(tile.scale, product)], 'vec4f'));
}

/** Which of the keys `key` and on, the tile's others, each query of the rows sees: vec4<bool> see{r}_{v}. */
export function seenKeys(body: Body, p: AttentionOperands, tile: Tile, key: Expression, ends: Ends): Pairs {
  const { mask, maskAt, window } = p;
  const { batch, head, rows, others, size } = tile;
  const fourOf = (visible: (other: Expression) => Expression, v: number): Expression =>
    four((c) => visible(others[4 * v + c]!));
  const shown =
    mask &&
    range(size.vectors).map((v) =>
      body.let(
        `shown${v}`,
        fourOf((other) => apply(mask, [batch, other], 'bool'), v),
      ),
    );
  return pairsOf(size, (r, v) => {
    const [keys, end] = [fourFrom(key, v), everywhere(ends.each[r]!)];
    const conditions = [less(keys, end)];
    if (window) conditions.push(atLeast(add(keys, everywhere(u32(window))), end));
    if (shown) conditions.push(shown[v]!);
    if (maskAt) conditions.push(fourOf((other) => apply(maskAt, [batch, head, rows[r]!, other], 'bool'), v));
    return body.let(`see${r}_${v}`, and(...conditions));
  });
}

/** other0 …: the indices from `from` on, clamped into the extent. */
export function otherNames(body: Body, from: Expression, extent: Extent, { vectors }: TileSize): readonly Expression[] {
  return range(4 * vectors).map((c) => body.let(`other${c}`, smallest(add(from, c), sub(extent.size, 1))));
}

export function rowNames(body: Body, { first }: Block, extent: Extent, rows: number): readonly Expression[] {
  return range(rows).map((r) => body.let(`row${r}`, smallest(add(first, r), sub(extent.size, 1))));
}

/** q · k of the rows, queries, and the others, keys: s{r}_{v} */
export function scoreDots(body: Body, p: AttentionOperands, { batch, head, rows, others, size }: Tile): Pairs {
  return dots(
    body,
    's',
    size,
    p.width,
    (r, d) => apply(QUERY4, [batch, head, rows[r]!, d], 'vec4f'),
    (c, d) => apply(KEY4, [batch, head, others[c]!, d], 'vec4f'),
  );
}
