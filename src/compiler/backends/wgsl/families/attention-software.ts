/**
 * Attention for adapters without fast barriers: an invocation computes a few queries against all keys, four keys at a
 * time, straight from global memory. Its sums lie in private memory, so the text does not grow with the width.
 */
import type { AttentionForward } from './attention.ts';
import {
  addWeighted,
  BLIND,
  blockGroups,
  blockMain,
  chunkFunction,
  chunksOf,
  dots,
  LOWEST,
  maskOf,
  rowNames,
  scaleText,
  storeRows,
  type TileSize,
  visibleKeys,
} from './attention-parts.ts';
import type { Template } from './contract.ts';
import { indent, lines, range } from './text.ts';

const WORKGROUP = 8;

/** The largest of a row's scores, and their sum, over all lanes of all vectors. */
function fold(names: readonly string[], fn: 'max' | '+'): string {
  const joined = names.reduce((text, name) => (fn === 'max' ? `max(${text}, ${name})` : `${text} + ${name}`));
  if (fn === '+') return `dot(${joined}, vec4f(1.0))`;
  return `max4(${joined})`;
}

/** Everything from the first key to the stores; expects batch, head and first. */
export function forwardBody(p: AttentionForward, size: TileSize): string {
  const { rows, vectors } = size;
  const chunks = chunksOf(p.valueWidth);
  const own = (r: number) => (p.causal ? `end${r}` : 'end');
  const seen = (r: number, v: number) => {
    const inRange = `(key + vec4u(${range(4).map((lane) => `${4 * v + lane}u`)}) < vec4u(${own(r)}))`;
    return p.mask === undefined ? inRange : `(${inRange} & shown${v})`;
  };
  const perRow = (text: (r: number) => string) => lines(rows, text);
  const perVector = (text: (v: number) => string) => range(vectors).map(text);
  const softmax = perRow(
    (r) => `${perVector((v) => `let see${r}_${v} = ${seen(r, v)};`).join('\n')}
${perVector((v) => `let z${r}_${v} = select(vec4f(${LOWEST}), scale * s${r}_${v}, see${r}_${v});`).join('\n')}
let most${r}_next = max(most${r}, ${fold(
      perVector((v) => `z${r}_${v}`),
      'max',
    )});
let fade${r} = exp(most${r} - most${r}_next);
most${r} = most${r}_next;
${perVector((v) => `let p${r}_${v} = select(vec4f(), exp(z${r}_${v} - most${r}), see${r}_${v});`).join('\n')}
total${r} = total${r} * fade${r} + ${fold(
      perVector((v) => `p${r}_${v}`),
      '+',
    )};`,
  );
  const masks =
    p.mask === undefined
      ? ''
      : lines(vectors, (v) => `let shown${v} = ${maskOf(p.mask!, (lane) => `other${4 * v + lane}`)};`);
  const inverses = range(rows).map((r) => `select(0.0, 1.0 / total${r}, total${r} > 0.0)`);
  const lse =
    p.lse === undefined
      ? ''
      : perRow(
          (r) =>
            `if (first + ${r}u < ${p.queries.text}) { ${p.lse!.store}(batch, head, first + ${r}u, select(${BLIND}, most${r} + log(max(total${r}, 1e-37)), total${r} > 0.0)); }`,
        );
  return `${rowNames(p.queries, rows)}
${p.causal ? perRow((r) => `let end${r} = ${visibleKeys(p, `row${r}`)};`) : ''}
let end = ${p.causal ? `end${rows - 1}` : p.keys.text};
let scale = ${scaleText(p.scale)};
${perRow((r) => `var most${r} = ${LOWEST};\nvar total${r} = 0.0;`)}
var sums = array<vec4f, ${rows * chunks}>();
for (var key = 0u; key < end; key += ${4 * vectors}u) {
${indent(lines(4 * vectors, (c) => `let other${c} = min(key + ${c}u, ${p.keys.text} - 1u);`))}
${indent(masks)}
${indent(
  dots(
    's',
    size,
    p.width,
    (r) => `query4(batch, head, row${r}, d)`,
    (c) => `key4(batch, head, other${c}, d)`,
  ),
)}
${indent(softmax)}
${indent(
  addWeighted(
    'sums',
    size,
    p.valueWidth,
    'p',
    (c) => `value4(batch, head, other${c}, d)`,
    (r) => `fade${r}`,
  ),
)}
}
${lse}
let inverse = array<f32, ${rows}>(${inverses.join(', ')});
${storeRows('sums', size, p.valueWidth, p.queries, (r, row, d, value) => `${p.out.store}(batch, head, ${row}, ${d}, ${value} * inverse[${r}]);`)}`;
}

export const MAX4 = `fn max4(x: vec4f) -> f32 {
  return max(max(x.x, x.y), max(x.z, x.w));
}
`;

export function attentionSoftware(p: AttentionForward): Template {
  const few = typeof p.queries.dim === 'number' && p.queries.dim < 4;
  const rows = few ? 1 : 4;
  const body = forwardBody(p, { rows, vectors: 1 });
  // one query at run time (a decode step) does not compute three more for nothing
  const branched =
    typeof p.queries.dim === 'number'
      ? body
      : `if (${p.queries.text} == 1u) {\n${indent(forwardBody(p, { rows: 1, vectors: 2 }))}\n} else {\n${indent(body)}\n}`;
  const text = `// ${rows} queries per invocation, from global memory
${chunkFunction('query4', p.q, p.width)}${chunkFunction('key4', p.k, p.width)}${chunkFunction('value4', p.v, p.valueWidth)}${MAX4}
${blockMain(p, p.queries, rows, WORKGROUP, branched)}`;
  return {
    text,
    workgroup: [WORKGROUP, 1, 1],
    groups: blockGroups(p, p.queries, rows, WORKGROUP),
    linear: true,
  };
}
