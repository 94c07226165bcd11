/**
 * What the attention kernels are made of: rows as vec4 chunks, tiles of dot products between them, sums of weighted
 * rows, and who sees whom.
 *
 * A tile relates `rows` rows of one side (named row0, row1 …) with 4·`vectors` of the other side (named other0 …), one
 * vec4 variable per row and vector: `{name}{row}_{vector}`.
 */
import { addDims, type Dim, mulDims } from '../../../../shared/dim.ts';
import { type FunctionText, joined, type Name, type Piece, type Wgsl, wgsl } from '../text/wgsl.ts';
import type { AttentionOperands } from './attention-params.ts';
import type { Extent, Source, TemplateGroups } from './contract.ts';
import { CAPPED, CAPPED4, KEY4, QUERY4, SLOPE4, TANH_OF } from './names.ts';
import { each, indent, LANES, lines, ONE_GROUP, vec4 } from './text.ts';

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
export function chunkFunction(name: Name, source: Source, width: number, mask?: Piece): FunctionText {
  const vector = source.at4.get(3);
  const element = (lane: number) => {
    if (width % 4 === 0) return wgsl`${source.at}(b, h, row, d + ${lane}u)`;
    // a call must not read past the row: the coordinate is clamped, and its value replaced
    return wgsl`select(0.0, ${source.at}(b, h, row, min(d + ${lane}u, ${width - 1}u)), d + ${lane}u < ${width}u)`;
  };
  const value = vector === undefined ? vec4(element) : wgsl`${vector}(b, h, row, d)`;
  const shown = mask === undefined ? value : wgsl`select(vec4f(), ${value}, ${mask}(b, row))`;
  return { name, text: wgsl`fn ${name}(b: u32, h: u32, row: u32, d: u32) -> vec4f {\n  return ${shown};\n}` };
}

export function scaleText(scale: number | Piece): Piece {
  // a double's shortest decimal text; `f` rounds it to f32
  return typeof scale === 'number' ? wgsl`f32(${scale.toExponential()})` : scale;
}

/** Dot products of rows and others: `{name}{r}_{v}`. `row(r)`, `other(c)` read a chunk at `d`. */
export function dots(
  name: Piece,
  { rows, vectors }: TileSize,
  width: number,
  row: (r: number) => Piece,
  other: (c: number) => Piece,
): Wgsl {
  const sum = (r: number, v: number) =>
    wgsl`${name}${r}_${v} += ${vec4((lane) => wgsl`dot(x${r}, y${4 * v + lane})`)};`;
  return wgsl`${lines(rows, (r) => each(vectors, (v) => wgsl`var ${name}${r}_${v} = vec4f();`))}
for (var d = 0u; d < ${width}u; d += 4u) {
${indent(lines(rows, (r) => wgsl`let x${r} = ${row(r)};`))}
${indent(lines(4 * vectors, (c) => wgsl`let y${c} = ${other(c)};`))}
${indent(lines(rows, (r) => each(vectors, (v) => sum(r, v))))}
}`;
}

/**
 * `sums[r, chunk] = sums[r, chunk] · factor(r) + Σ_c weight[r, c] · other(c)` for every chunk of `width`, over the pairs that
 * see{r}_{v} says are seen; other(c) reads at `d`. The sums are an array in private memory: a tile reads and writes each
 * element once per 4·vectors products. Weights of what is hidden are 0, and 0 · NaN is NaN: a tile in which something is
 * hidden, at an end or on the diagonal, selects.
 */
export function addWeighted(
  sums: Piece,
  { rows, vectors }: TileSize,
  width: number,
  weight: Piece,
  other: (c: number) => Piece,
  factor?: (r: number) => Piece,
): Wgsl {
  const chunks = chunksOf(width);
  const pairs = (r: number, pair: (product: Piece, seen: Piece) => Piece) =>
    each(
      4 * vectors,
      (c) => {
        const at = `${r}_${c >> 2}.${LANES[c & 3]}`;
        return pair(wgsl`${weight}${at} * y${c}`, `see${at}`);
      },
      ' + ',
    );
  const add = (pair: (product: Piece, seen: Piece) => Piece) =>
    lines(rows, (r) => wgsl`${sums}[${r * chunks}u + chunk] = ${before(r)} + ${pairs(r, pair)};`);
  const before = (r: number) => wgsl`${sums}[${r * chunks}u + chunk]${factor ? wgsl` * ${factor(r)}` : ''}`;
  const allSeen = each(rows, (r) => each(vectors, (v) => `all(see${r}_${v})`, ' && '), ' && ');
  return wgsl`let all_${weight} = ${allSeen};
for (var chunk = 0u; chunk < ${chunks}u; chunk++) {
  let d = 4u * chunk;
${indent(lines(4 * vectors, (c) => wgsl`let y${c} = ${other(c)};`))}
  if (all_${weight}) {
${indent(
  add((product) => product),
  2,
)}
  } else {
${indent(
  add((product, seen) => wgsl`select(vec4f(), ${product}, ${seen})`),
  2,
)}
  }
}`;
}

/** Stores every element of the sums of the rows in range: `store` writes `value` at (row, d). */
export function storeRows(
  sums: Piece,
  { rows }: TileSize,
  width: number,
  extent: Extent,
  store: (r: Piece, row: Piece, d: Piece, value: Piece) => Piece,
): Wgsl {
  return wgsl`for (var r = 0u; r < ${rows}u; r++) {
  let row = first + r;
  if (row >= ${extent.text}) { break; }
  for (var d = 0u; d < ${width}u; d++) {
    ${store('r', 'row', 'd', wgsl`${sums}[r * ${chunksOf(width)}u + (d >> 2u)][d & 3u]`)}
  }
}`;
}

/** How many keys a query sees if no mask hides them. */
export function visibleKeys({ causal, queries, keys }: AttentionOperands, query: Piece): Piece {
  if (!causal) return keys.text;
  const seen = wgsl`${keys.text} + ${query} + 1u`;
  return wgsl`select(0u, ${seen} - ${queries.text}, ${seen} > ${queries.text})`;
}

/** vec4 of four u32: `base` + 4v … + 3 */
export function fourFrom(base: Piece, v: number): Wgsl {
  return wgsl`(${base} + vec4u(${each(4, (lane) => `${4 * v + lane}u`, ', ')}))`;
}

/** How far queries row0 … see: `end` for the block, and with causality end0 … per row. */
export function ends(p: AttentionOperands, rows: number): Wgsl {
  if (!p.causal) return wgsl`let end = ${p.keys.text};`;
  return wgsl`${lines(rows, (r) => wgsl`let end${r} = ${visibleKeys(p, wgsl`row${r}`)};`)}\nlet end = end${rows - 1};`;
}

/** The first key that a query of the block sees, or one before it: end0 belongs to the first of them. */
export function firstKey({ window }: AttentionOperands): Piece {
  return window === undefined ? '0u' : wgsl`select(0u, end0 - ${window}u, end0 > ${window}u)`;
}

/** WGSL functions of scores: `capped`, `capped4` and `slope4`, the derivative of `capped4`. */
export function scoreFunctions({ softCap }: AttentionOperands): readonly FunctionText[] {
  if (softCap === undefined) return [];
  const cap = scaleText(softCap);
  const bent = vec4((lane) => wgsl`${TANH_OF}(x.${LANES[lane]!} / ${cap})`);
  return [
    { name: CAPPED, text: wgsl`fn ${CAPPED}(x: f32) -> f32 {\n  return ${cap} * ${TANH_OF}(x / ${cap});\n}` },
    { name: CAPPED4, text: wgsl`fn ${CAPPED4}(x: vec4f) -> vec4f {\n  return ${cap} * ${bent};\n}` },
    {
      name: SLOPE4,
      text: wgsl`fn ${SLOPE4}(x: vec4f) -> vec4f {\n  let bent = ${bent};\n  return vec4f(1.0) - bent * bent;\n}`,
    },
  ];
}

/** The scores of s{r}_{v}, dot products of a row and four others: scaled, capped, with their bias. @param queries who the queries are */
export function scores4(p: AttentionOperands, r: number, v: number, queries: 'rows' | 'others' = 'rows'): Wgsl {
  const scaled = wgsl`scale * s${r}_${v}`;
  const capped = p.softCap === undefined ? scaled : wgsl`${CAPPED4}(${scaled})`;
  if (p.bias === undefined) return capped;
  const places = (lane: number) =>
    queries === 'rows' ? wgsl`row${r}, other${4 * v + lane}` : wgsl`other${4 * v + lane}, row${r}`;
  return wgsl`${capped} + ${vec4((lane) => wgsl`${p.bias!}(batch, head, ${places(lane)})`)}`;
}

/** What the gradient of the scores of s{r}_{v} is multiplied by to be that of the scaled dot products: ` * slope4(…)` or nothing. */
export function slopes4(p: AttentionOperands, r: number, v: number): Piece {
  return p.softCap === undefined ? '' : wgsl` * ${SLOPE4}(scale * s${r}_${v})`;
}

/** Which of the keys other0 … (`key` and on) the queries row0 … see: vec4<bool> see{r}_{v}. */
export function seenKeys(p: AttentionOperands, { rows, vectors }: TileSize): Wgsl {
  const fourOf = (visible: (lane: number) => Piece): Wgsl => wgsl`vec4<bool>(${each(4, visible, ', ')})`;
  const see = (r: number, v: number): Wgsl => {
    const end = p.causal ? `end${r}` : 'end';
    const conditions = [wgsl`${fourFrom('key', v)} < vec4u(${end})`];
    if (p.window) conditions.push(wgsl`((${fourFrom('key', v)} + vec4u(${p.window}u)) >= vec4u(${end}))`);
    if (p.mask !== undefined) conditions.push(wgsl`shown${v}`);
    const { maskAt } = p;
    if (maskAt !== undefined)
      conditions.push(fourOf((lane) => wgsl`${maskAt}(batch, head, row${r}, other${4 * v + lane})`));
    const [inRange, ...others] = conditions as [Wgsl, ...Wgsl[]];
    const all = others.length === 0 ? inRange : joined([wgsl`(${inRange})`, ...others], ' & ');
    return wgsl`let see${r}_${v} = ${all};`;
  };
  const seen = lines(rows, (r) => each(vectors, (v) => see(r, v)));
  const { mask } = p;
  if (mask === undefined) return seen;
  const shown = (v: number): Wgsl =>
    wgsl`let shown${v} = ${fourOf((lane) => wgsl`${mask}(batch, other${4 * v + lane})`)};`;
  return wgsl`${lines(vectors, shown)}\n${seen}`;
}

/** other0 …: the indices from `from` on, clamped into the extent. */
export function otherNames(from: Piece, extent: Extent, { vectors }: TileSize): Wgsl {
  return lines(4 * vectors, (c) => wgsl`let other${c} = min(${from} + ${c}u, ${extent.text} - 1u);`);
}

/** `scale · q · k` of queries row0 … and keys other0 …: s{r}_{v} before the scale */
export function scoreDots(p: AttentionOperands, size: TileSize): Wgsl {
  return dots(
    's',
    size,
    p.width,
    (r) => wgsl`${QUERY4}(batch, head, row${r}, d)`,
    (c) => wgsl`${KEY4}(batch, head, other${c}, d)`,
  );
}

/** What a launch per block of rows needs to know. */
type Blocked = Pick<AttentionOperands, 'batch' | 'heads'>;

/**
 * Entry of a kernel with an invocation per block of `rows` rows of every (b, h): declares batch, head, first and
 * row0 … of the rows, which are clamped into range. Neighbours have neighbouring blocks, and with few rows neighbouring
 * heads.
 */
export function blockMain(p: Blocked, extent: Extent, rows: number, lanes: number, body: Piece): Wgsl {
  return wgsl`  let index = (group.y * groups.x + group.x) * ${lanes}u + lane;
  let blocks = (${extent.text} + ${rows - 1}u) / ${rows}u;
  if (index >= blocks * ${p.heads.text} * ${p.batch.text}) { return; }
  let first = index % blocks * ${rows}u;
  let head = index / blocks % ${p.heads.text};
  let batch = index / (blocks * ${p.heads.text});
${indent(body)}`;
}

export function rowNames(extent: Extent, rows: number): Wgsl {
  return lines(rows, (r) => wgsl`let row${r} = min(first + ${r}u, ${extent.text} - 1u);`);
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
