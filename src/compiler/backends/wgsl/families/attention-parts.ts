/**
 * What the attention kernels are made of: rows as vec4 chunks, tiles of dot products between them, sums of weighted
 * rows, and who sees whom.
 *
 * A tile relates `rows` rows of one side (named row0, row1 …) with 4·`vectors` of the other side (named other0 …), one
 * vec4 variable per row and vector: `{name}{row}_{vector}`.
 */
import { addDims, type Dim, mulDims } from '../../../../shared/dim.ts';
import type { AttentionOperands } from './attention-params.ts';
import type { Extent, Source, TemplateGroups } from './contract.ts';
import { indent, LANES, lines, ONE_GROUP, range, vec4 } from './text.ts';

/** Smaller than any score, and far enough from the smallest f32 that differences do not overflow. */
export const LOWEST = '-8.0e37';
/** log-sum-exp of no key at all: the smallest f32 */
export const BLIND = '-0x1.fffffep+127f';

export interface TileSize {
  readonly rows: number;
  readonly vectors: number;
}

/** vec4s in a row */
export function chunksOf(width: number): number {
  return Math.ceil(width / 4);
}

/**
 * A WGSL function `name`(b, h, row, d) → vec4f of a source with coordinates (b, h, row, d); zeros past `width`.
 * @param mask function (b, row) → bool: zeros in rows that it hides, where a weight of 0 would meet NaN
 */
export function chunkFunction(name: string, source: Source, width: number, mask?: string): string {
  const vector = source.at4.get(3);
  const element = (lane: number) => {
    if (width % 4 === 0) return `${source.at}(b, h, row, d + ${lane}u)`;
    // a call must not read past the row: the coordinate is clamped, and its value replaced
    return `select(0.0, ${source.at}(b, h, row, min(d + ${lane}u, ${width - 1}u)), d + ${lane}u < ${width}u)`;
  };
  const value = vector === undefined ? vec4(element) : `${vector}(b, h, row, d)`;
  const shown = mask === undefined ? value : `select(vec4f(), ${value}, ${mask}(b, row))`;
  return `fn ${name}(b: u32, h: u32, row: u32, d: u32) -> vec4f {\n  return ${shown};\n}\n`;
}

export function scaleText(scale: number | string): string {
  // a double's shortest decimal text; `f` rounds it to f32
  return typeof scale === 'number' ? `f32(${scale.toExponential()})` : scale;
}

/** Dot products of rows and others: `{name}{r}_{v}`. `row(r)`, `other(c)` read a chunk at `d`. */
export function dots(
  name: string,
  { rows, vectors }: TileSize,
  width: number,
  row: (r: number) => string,
  other: (c: number) => string,
): string {
  const sum = (r: number, v: number) => `${name}${r}_${v} += ${vec4((lane) => `dot(x${r}, y${4 * v + lane})`)};`;
  return `${lines(rows, (r) =>
    range(vectors)
      .map((v) => `var ${name}${r}_${v} = vec4f();`)
      .join(' '),
  )}
for (var d = 0u; d < ${width}u; d += 4u) {
${indent(lines(rows, (r) => `let x${r} = ${row(r)};`))}
${indent(lines(4 * vectors, (c) => `let y${c} = ${other(c)};`))}
${indent(
  lines(rows, (r) =>
    range(vectors)
      .map((v) => sum(r, v))
      .join(' '),
  ),
)}
}`;
}

/**
 * `sums[r, chunk] = sums[r, chunk] · factor(r) + Σ_c weight[r, c] · other(c)` for every chunk of `width`, over the pairs that
 * see{r}_{v} says are seen; other(c) reads at `d`. The sums are an array in private memory: a tile reads and writes each
 * element once per 4·vectors products. Weights of what is hidden are 0, and 0 · NaN is NaN: a tile in which something is
 * hidden, at an end or on the diagonal, selects.
 */
export function addWeighted(
  sums: string,
  { rows, vectors }: TileSize,
  width: number,
  weight: string,
  other: (c: number) => string,
  factor?: (r: number) => string,
): string {
  const chunks = chunksOf(width);
  const pairs = (r: number, pair: (product: string, seen: string) => string) =>
    range(4 * vectors)
      .map((c) => [`${r}_${c >> 2}.${LANES[c & 3]}`, c] as const)
      .map(([at, c]) => pair(`${weight}${at} * y${c}`, `see${at}`))
      .join(' + ');
  const add = (pair: (product: string, seen: string) => string) =>
    lines(rows, (r) => `${sums}[${r * chunks}u + chunk] = ${before(r)} + ${pairs(r, pair)};`);
  const before = (r: number) => `${sums}[${r * chunks}u + chunk]${factor ? ` * ${factor(r)}` : ''}`;
  const allSeen = range(rows)
    .flatMap((r) => range(vectors).map((v) => `all(see${r}_${v})`))
    .join(' && ');
  return `let all_${weight} = ${allSeen};
for (var chunk = 0u; chunk < ${chunks}u; chunk++) {
  let d = 4u * chunk;
${indent(lines(4 * vectors, (c) => `let y${c} = ${other(c)};`))}
  if (all_${weight}) {
${indent(
  add((product) => product),
  2,
)}
  } else {
${indent(
  add((product, seen) => `select(vec4f(), ${product}, ${seen})`),
  2,
)}
  }
}`;
}

/** Stores every element of the sums of the rows in range: `store` writes `value` at (row, d). */
export function storeRows(
  sums: string,
  { rows }: TileSize,
  width: number,
  extent: Extent,
  store: (r: string, row: string, d: string, value: string) => string,
): string {
  return `for (var r = 0u; r < ${rows}u; r++) {
  let row = first + r;
  if (row >= ${extent.text}) { break; }
  for (var d = 0u; d < ${width}u; d++) {
    ${store('r', 'row', 'd', `${sums}[r * ${chunksOf(width)}u + (d >> 2u)][d & 3u]`)}
  }
}`;
}

/** How many keys a query sees if no mask hides them. */
export function visibleKeys({ causal, queries, keys }: AttentionOperands, query: string): string {
  if (!causal) return keys.text;
  const seen = `${keys.text} + ${query} + 1u`;
  return `select(0u, ${seen} - ${queries.text}, ${seen} > ${queries.text})`;
}

/** vec4 of four u32: `base` + 4v … + 3 */
export function fourFrom(base: string, v: number): string {
  return `(${base} + vec4u(${range(4)
    .map((lane) => `${4 * v + lane}u`)
    .join(', ')}))`;
}

/** How far queries row0 … see: `end` for the block, and with causality end0 … per row. */
export function ends(p: AttentionOperands, rows: number): string {
  if (!p.causal) return `let end = ${p.keys.text};`;
  return `${lines(rows, (r) => `let end${r} = ${visibleKeys(p, `row${r}`)};`)}\nlet end = end${rows - 1};`;
}

/** The first key that a query of the block sees, or one before it: end0 belongs to the first of them. */
export function firstKey({ window }: AttentionOperands): string {
  return window === undefined ? '0u' : `select(0u, end0 - ${window}u, end0 > ${window}u)`;
}

/** WGSL functions of scores: `capped`, `capped4` and `slope4`, the derivative of `capped4`. */
export function scoreFunctions({ softCap }: AttentionOperands): string {
  if (softCap === undefined) return '';
  const cap = scaleText(softCap);
  const bent = `vec4f(${LANES.map((lane) => `tanh_of(x.${lane} / ${cap})`).join(', ')})`;
  return `fn capped(x: f32) -> f32 {
  return ${cap} * tanh_of(x / ${cap});
}
fn capped4(x: vec4f) -> vec4f {
  return ${cap} * ${bent};
}
fn slope4(x: vec4f) -> vec4f {
  let bent = ${bent};
  return vec4f(1.0) - bent * bent;
}
`;
}

/** The scores of s{r}_{v}, dot products of a row and four others: scaled, capped, with their bias. @param queries who the queries are */
export function scores4(p: AttentionOperands, r: number, v: number, queries: 'rows' | 'others' = 'rows'): string {
  const scaled = `scale * s${r}_${v}`;
  const capped = p.softCap === undefined ? scaled : `capped4(${scaled})`;
  if (p.bias === undefined) return capped;
  const places = (lane: number) =>
    queries === 'rows' ? `row${r}, other${4 * v + lane}` : `other${4 * v + lane}, row${r}`;
  return `${capped} + ${vec4((lane) => `${p.bias}(batch, head, ${places(lane)})`)}`;
}

/** What the gradient of the scores of s{r}_{v} is multiplied by to be that of the scaled dot products: ` * slope4(…)` or nothing. */
export function slopes4(p: AttentionOperands, r: number, v: number): string {
  return p.softCap === undefined ? '' : ` * slope4(scale * s${r}_${v})`;
}

/** Which of the keys other0 … (`key` and on) the queries row0 … see: vec4<bool> see{r}_{v}. */
export function seenKeys(p: AttentionOperands, { rows, vectors }: TileSize): string {
  const mask = (v: number) =>
    `let shown${v} = vec4<bool>(${range(4)
      .map((lane) => `${p.mask}(batch, other${4 * v + lane})`)
      .join(', ')});`;
  const see = (r: number, v: number) => {
    const inRange = `${fourFrom('key', v)} < vec4u(${p.causal ? `end${r}` : 'end'})`;
    const near = p.window && `(${fourFrom('key', v)} + vec4u(${p.window}u)) >= vec4u(end${r})`;
    const own = range(4).map((lane) => `${p.maskAt}(batch, head, row${r}, other${4 * v + lane})`);
    const conditions = [near, p.mask && `shown${v}`, p.maskAt && `vec4<bool>(${own.join(', ')})`].filter(Boolean);
    const all = conditions.length === 0 ? inRange : [`(${inRange})`, ...conditions.map(bracketed)].join(' & ');
    return `let see${r}_${v} = ${all};`;
  };
  const seen = lines(rows, (r) =>
    range(vectors)
      .map((v) => see(r, v))
      .join(' '),
  );
  return p.mask === undefined ? seen : `${lines(vectors, mask)}\n${seen}`;
}

const bracketed = (condition: string | number | undefined): string =>
  /[ ]>= /.test(String(condition)) ? `(${condition})` : String(condition);

/** other0 …: the indices from `from` on, clamped into the extent. */
export function otherNames(from: string, extent: Extent, { vectors }: TileSize): string {
  return lines(4 * vectors, (c) => `let other${c} = min(${from} + ${c}u, ${extent.text} - 1u);`);
}

/** `scale · q · k` of queries row0 … and keys other0 …: s{r}_{v} before the scale */
export function scoreDots(p: AttentionOperands, size: TileSize): string {
  return dots(
    's',
    size,
    p.width,
    (r) => `query4(batch, head, row${r}, d)`,
    (c) => `key4(batch, head, other${c}, d)`,
  );
}

/** What a launch per block of rows needs to know. */
type Blocked = Pick<AttentionOperands, 'batch' | 'heads'>;

/**
 * Entry of a kernel with an invocation per block of `rows` rows of every (b, h): declares batch, head, first and
 * row0 … of the rows, which are clamped into range. Neighbours have neighbouring blocks, and with few rows neighbouring
 * heads.
 */
export function blockMain(p: Blocked, extent: Extent, rows: number, lanes: number, body: string): string {
  return `@compute @workgroup_size(${lanes}, 1, 1)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.y * groups.x + group.x) * ${lanes}u + lane;
  let blocks = (${extent.text} + ${rows - 1}u) / ${rows}u;
  if (index >= blocks * ${p.heads.text} * ${p.batch.text}) { return; }
  let first = index % blocks * ${rows}u;
  let head = index / blocks % ${p.heads.text};
  let batch = index / (blocks * ${p.heads.text});
${indent(body)}
}
`;
}

export function rowNames(extent: Extent, rows: number): string {
  return lines(rows, (r) => `let row${r} = min(first + ${r}u, ${extent.text} - 1u);`);
}

/** Enough workgroups for `blockMain`: ⌈extent / rows⌉ ≤ (extent + rows − 1) / rows blocks per (b, h). */
export function blockGroups(
  p: Blocked,
  extent: Extent,
  rows: number,
  lanes: number,
): readonly [TemplateGroups, TemplateGroups, TemplateGroups] {
  const padded: Dim = addDims(extent.dim, rows - 1);
  const of = mulDims(mulDims(p.batch.dim, p.heads.dim), padded);
  return [{ of, per: rows * lanes }, ONE_GROUP, ONE_GROUP];
}
