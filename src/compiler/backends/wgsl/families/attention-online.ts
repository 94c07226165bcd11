/**
 * The online softmax of a tile: scores and who is seen become weights p{r}_{v} under the largest score so far (most{r}); fade{r}
 * is what sums under the previous largest must be multiplied by; total{r} is Σ weights.
 */
import { add, dot, everywhere, f32, lane, largest, less, mul, range, sub, ZEROS } from '../text/arithmetic.ts';
import { type Body, functionOf } from '../text/body.ts';
import { call, type Expression, select } from '../text/expression.ts';
import { library } from '../text/library.ts';
import type { FunctionText } from '../text/wgsl.ts';
import type { AttentionOperands } from './attention-params.ts';
import { BLIND, type Block, LOWEST, type Pairs, pairsOf, scores4, type Tile } from './attention-parts.ts';
import type { Extent, Sink } from './contract.ts';
import { MAX4 } from './names.ts';

/** The largest of four. */
export const MAX4_FUNCTION: FunctionText = functionOf(MAX4, { x: 'vec4f' }, 'f32', (body, { x }) =>
  body.return(largest(largest(lane(x, 0), lane(x, 1)), largest(lane(x, 2), lane(x, 3)))),
);

/** What is known of each row while keys are seen. */
export interface Running {
  readonly most: readonly Expression[];
  readonly total: readonly Expression[];
}

export function onlineVariables(body: Body, rows: number): Running {
  return {
    most: range(rows).map((r) => body.var(`most${r}`, LOWEST)),
    total: range(rows).map((r) => body.var(`total${r}`, f32(0))),
  };
}

/** @param products the dot products of the tile */
export function onlineSoftmax(
  body: Body,
  p: AttentionOperands,
  tile: Tile,
  products: Pairs,
  seen: Pairs,
  { most, total }: Running,
): { readonly weights: Pairs; readonly fades: readonly Expression[] } {
  const { size } = tile;
  const scores = pairsOf(size, (r, v) =>
    body.let(`z${r}_${v}`, select(everywhere(LOWEST), scores4(p, tile, products, r, v), seen[r]![v]!)),
  );
  const fades: Expression[] = [];
  const weights = scores.map((own, r) => {
    const here = call(MAX4, [own.reduce(largest)], 'f32');
    const next = body.let(`next${r}`, largest(most[r]!, here));
    fades.push(body.let(`fade${r}`, library('exp_of', [sub(most[r]!, next)])));
    body.set(most[r]!, next);
    const of = own.map((score, v) => {
      return body.let(`p${r}_${v}`, select(ZEROS, library('exp4_of', [sub(score, next)]), seen[r]![v]!));
    });
    const sum = of.reduce((one, other) => add(one, other));
    body.set(total[r]!, add(mul(total[r]!, fades[r]!), dot(sum, everywhere(1))));
    return of;
  });
  return { weights, fades };
}

/** log Σ exp of the scores that query `most`, `total` belong to has seen: NaN where one of them is */
export function logSumExp(most: Expression, total: Expression): Expression {
  return select(BLIND, add(most, library('log_of', [total])), library('truth_of', [total]));
}

/** Stores a value per query of the block that is in range. */
export function storePerQuery(
  body: Body,
  { batch, head, first }: Block,
  queries: Extent,
  sink: Sink,
  values: readonly Expression[],
): void {
  for (const [r, value] of values.entries()) {
    const query = add(first, r);
    body.if(less(query, queries.size), () => body.call(sink.store, batch, head, query, value));
  }
}
