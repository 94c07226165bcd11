/**
 * Attention for adapters without fast barriers: an invocation computes a few queries against all keys, four or eight keys
 * at a time, straight from global memory. Its sums lie in private memory, so the text does not grow with the width.
 */

import { joined, type Wgsl, wgsl } from '../text/wgsl.ts';
import { logSumExp, MAX4_FUNCTION, onlineSoftmax, onlineVariables, storePerQuery } from './attention-online.ts';
import type { AttentionForward } from './attention-params.ts';
import {
  addWeighted,
  blockGroups,
  blockMain,
  chunkFunction,
  chunksOf,
  ends,
  firstKey,
  otherNames,
  rowNames,
  scaleText,
  scoreDots,
  scoreFunctions,
  seenKeys,
  storeRows,
  type TileSize,
} from './attention-parts.ts';
import type { Template } from './contract.ts';
import { KEY4, QUERY4, VALUE4 } from './names.ts';
import { indent, range, sizeOr } from './text.ts';

export const WORKGROUP = 8;

/** All keys before `end`: totals and sums of each row, of which there may be something already. */
export function overKeys(p: AttentionForward, size: TileSize): Wgsl {
  const { vectors } = size;
  const values = addWeighted(
    'sums',
    size,
    p.valueWidth,
    'p',
    (c) => wgsl`${VALUE4}(batch, head, other${c}, d)`,
    (r) => wgsl`fade${r}`,
  );
  return wgsl`for (var key = ${firstKey(p)}; key < end; key += ${4 * vectors}u) {
${indent(otherNames('key', p.keys, size))}
${indent(seenKeys(p, size))}
${indent(scoreDots(p, size))}
${indent(onlineSoftmax(p, size))}
${indent(values)}
}`;
}

/** Stores the sums, each divided by its total. */
export function weighedSums(p: AttentionForward, size: TileSize): Wgsl {
  const { rows } = size;
  const inverses = range(rows).map((r) => wgsl`select(0.0, 1.0 / total${r}, total${r} > 0.0)`);
  return wgsl`let inverse = array<f32, ${rows}>(${joined(inverses, ', ')});
${storeRows('sums', size, p.valueWidth, p.queries, (r, row, d, value) => wgsl`${p.out.store}(batch, head, ${row}, ${d}, ${value} * inverse[${r}]);`)}`;
}

/** Everything from the first key to the stores; expects batch, head and first. */
function forwardBody(p: AttentionForward, size: TileSize): Wgsl {
  const { rows } = size;
  const lse = p.lse && storePerQuery(rows, p.queries.text, p.lse, (r) => logSumExp(wgsl`most${r}`, wgsl`total${r}`));
  return wgsl`${rowNames(p.queries, rows)}
${ends(p, rows)}
let scale = ${scaleText(p.scale)};
${onlineVariables(rows)}
var sums = array<vec4f, ${rows * chunksOf(p.valueWidth)}>();
${overKeys(p, size)}
${lse ?? ''}
${weighedSums(p, size)}`;
}

/** More keys at a time read less per product, and take twice as long to compile: for what is known to be large. */
function tileSize({ queries, keys }: AttentionForward): TileSize {
  if (typeof queries.dim === 'number' && queries.dim < 4) return { rows: 1, vectors: 2 };
  const large = sizeOr(queries, 16) * sizeOr(keys, 16) >= 4096;
  return { rows: 4, vectors: large ? 2 : 1 };
}

export function attentionSoftware(p: AttentionForward): Template {
  const size = tileSize(p);
  const { rows } = size;
  const many = forwardBody(p, size);
  // one query at run time (a decode step) does not compute three more for nothing
  const body =
    typeof p.queries.dim === 'number'
      ? many
      : wgsl`if (${p.queries.text} == 1u) {\n${indent(forwardBody(p, { rows: 1, vectors: 2 }))}\n} else {\n${indent(many)}\n}`;
  return {
    about: `${rows} queries per invocation, from global memory`,
    variables: [],
    functions: [
      chunkFunction(QUERY4, p.q, p.width),
      chunkFunction(KEY4, p.k, p.width),
      chunkFunction(VALUE4, p.v, p.valueWidth, p.mask),
      MAX4_FUNCTION,
      ...scoreFunctions(p),
    ],
    body: blockMain(p, p.queries, rows, WORKGROUP, body),
    workgroup: [WORKGROUP, 1, 1],
    groups: blockGroups(p, p.queries, rows, WORKGROUP),
  };
}
