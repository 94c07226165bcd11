/**
 * The online softmax of a tile: scores s{r}_{v} and visibility see{r}_{v} become weights p{r}_{v} under the largest
 * score so far (most{r}); fade{r} is what sums under the previous largest must be multiplied by; total{r} is Σ weights.
 */
import { type FunctionText, type Piece, type Wgsl, wgsl } from '../text/wgsl.ts';
import type { AttentionOperands } from './attention-params.ts';
import { BLIND, LOWEST, scores4, type TileSize } from './attention-parts.ts';
import type { Sink } from './contract.ts';
import { EXP_OF, EXP4_OF, LOG_OF, MAX4, TRUTH_OF } from './names.ts';
import { each, lines, range } from './text.ts';

/** helper of the text below */
export const MAX4_FUNCTION: FunctionText = {
  name: MAX4,
  text: wgsl`fn ${MAX4}(x: vec4f) -> f32 {\n  return max(max(x.x, x.y), max(x.z, x.w));\n}`,
};

export function onlineVariables(rows: number): Wgsl {
  return lines(rows, (r) => wgsl`var most${r} = ${LOWEST}; var total${r} = 0.0;`);
}

export function onlineSoftmax(p: AttentionOperands, { rows, vectors }: TileSize): Wgsl {
  return lines(rows, (r) => {
    const most = range(vectors)
      .map((v) => wgsl`z${r}_${v}`)
      .reduce((text, name) => wgsl`max(${text}, ${name})`);
    const sum = each(vectors, (v) => `p${r}_${v}`, ' + ');
    return wgsl`${lines(vectors, (v) => wgsl`let z${r}_${v} = select(vec4f(${LOWEST}), ${scores4(p, r, v)}, see${r}_${v});`)}
let next${r} = max(most${r}, ${MAX4}(${most}));
let fade${r} = ${EXP_OF}(most${r} - next${r});
most${r} = next${r};
${lines(vectors, (v) => wgsl`let p${r}_${v} = select(vec4f(), ${EXP4_OF}(z${r}_${v} - next${r}), see${r}_${v});`)}
total${r} = total${r} * fade${r} + dot(${sum}, vec4f(1.0));`;
  });
}

/** log Σ exp of the scores that query `most`, `total` belong to has seen: NaN where one of them is */
export function logSumExp(most: Piece, total: Piece): Wgsl {
  return wgsl`select(${BLIND}, ${most} + ${LOG_OF}(${total}), ${TRUTH_OF}(${total}))`;
}

/** Stores a value per query of the block that is in range. */
export function storePerQuery(rows: number, queries: Piece, sink: Sink, value: (r: number) => Piece): Wgsl {
  return lines(
    rows,
    (r) => wgsl`if (first + ${r}u < ${queries}) { ${sink.store}(batch, head, first + ${r}u, ${value(r)}); }`,
  );
}
