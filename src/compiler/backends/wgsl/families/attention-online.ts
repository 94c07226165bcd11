/**
 * The online softmax of a tile: scores s{r}_{v} and visibility see{r}_{v} become weights p{r}_{v} under the largest
 * score so far (most{r}); fade{r} is what sums under the previous largest must be multiplied by; total{r} is Σ weights.
 */
import type { AttentionOperands } from './attention-params.ts';
import { BLIND, LOWEST, scores4, type TileSize } from './attention-parts.ts';
import type { Sink } from './contract.ts';
import { lines, range } from './text.ts';

/** helper of the text below */
export const MAX4 = `fn max4(x: vec4f) -> f32 {
  return max(max(x.x, x.y), max(x.z, x.w));
}
`;

export function onlineVariables(rows: number): string {
  return lines(rows, (r) => `var most${r} = ${LOWEST}; var total${r} = 0.0;`);
}

export function onlineSoftmax(p: AttentionOperands, { rows, vectors }: TileSize): string {
  const each = (text: (v: number) => string) => range(vectors).map(text);
  return lines(rows, (r) => {
    const most = each((v) => `z${r}_${v}`).reduce((text, name) => `max(${text}, ${name})`);
    const sum = each((v) => `p${r}_${v}`).join(' + ');
    return `${each((v) => `let z${r}_${v} = select(vec4f(${LOWEST}), ${scores4(p, r, v)}, see${r}_${v});`).join('\n')}
let next${r} = max(most${r}, max4(${most}));
let fade${r} = exp_of(most${r} - next${r});
most${r} = next${r};
${each((v) => `let p${r}_${v} = select(vec4f(), exp4_of(z${r}_${v} - next${r}), see${r}_${v});`).join('\n')}
total${r} = total${r} * fade${r} + dot(${sum}, vec4f(1.0));`;
  });
}

/** log Σ exp of the scores that query `most`, `total` belong to has seen: NaN where one of them is */
export function logSumExp(most: string, total: string): string {
  return `select(${BLIND}, ${most} + log_of(${total}), truth_of(${total}))`;
}

/** Stores a value per query of the block that is in range. */
export function storePerQuery(rows: number, queries: string, sink: Sink, value: (r: number) => string): string {
  return lines(
    rows,
    (r) => `if (first + ${r}u < ${queries}) { ${sink.store}(batch, head, first + ${r}u, ${value(r)}); }`,
  );
}
