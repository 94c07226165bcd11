/**
 * The register tile of a matrix product: what one invocation keeps of a, b and the sums, under any memory layout.
 *
 * A tile has `rows` (along m) × 4·`vectors` (along n) sums in named vec4 variables `sum{i}_{j}`; a step along k takes
 * `depth` values of k. Values of a and b arrive as vectors along whichever axis memory is contiguous in; since all
 * names and components are static, reading them along the other axis costs nothing.
 */
import { joined, type Piece, type Wgsl, wgsl } from '../text/wgsl.ts';
import type { Source } from './contract.ts';
import { each, LANES, lines, range, vec4 } from './text.ts';

/** Which axis an operand's vector loads run along; none: scalar loads. */
export type Along = 'k' | 'other' | 'none';

export interface Tile {
  readonly rows: number;
  readonly vectors: number;
  readonly a: Along;
  readonly b: Along;
  /** values of k per step: 4 where one of the operands is read in vectors along k, else 1 */
  readonly depth: 1 | 4;
}

export function alongOfA(a: Source, rows: number): Along {
  if (a.at4.has(2)) return 'k';
  return a.at4.has(1) && rows % 4 === 0 ? 'other' : 'none';
}

export function alongOfB(b: Source): Along {
  if (b.at4.has(1)) return 'k';
  return b.at4.has(2) ? 'other' : 'none';
}

export function tileOf(a: Source, b: Source, rows: number, vectors: number): Tile {
  const [alongA, alongB] = [alongOfA(a, rows), alongOfB(b)];
  return { rows, vectors, a: alongA, b: alongB, depth: alongA === 'k' || alongB === 'k' ? 4 : 1 };
}

/** `var sum0_0 = vec4f(); …` */
export function declareSums({ rows, vectors }: Tile): Wgsl {
  return lines(rows, (i) => each(vectors, (j) => wgsl`var sum${i}_${j} = vec4f();`));
}

/** a at (row i, k + kk), f32 */
function valueOfA(tile: Tile, i: number, kk: number): Wgsl {
  if (tile.a === 'k') return wgsl`a${i}.${LANES[kk]!}`;
  return tile.a === 'other' ? wgsl`a${kk}_${i >> 2}.${LANES[i & 3]!}` : wgsl`a${kk}_${i}`;
}

/** b at (k + kk, columns 4j … 4j + 3), vec4 */
function vectorOfB(tile: Tile, kk: number, j: number): Wgsl {
  return tile.b === 'k' ? vec4((lane) => wgsl`b${4 * j + lane}.${LANES[kk]!}`) : wgsl`b${kk}_${j}`;
}

/** What an operand's loads look like; coordinates within the tile and the step, as numbers. */
export interface Loads {
  /** along k: row i, all four k → vec4 */
  readonly aAlongK: (i: number) => Piece;
  /** along m: rows 4g … 4g + 3 at kk → vec4 */
  readonly aAlongM: (g: number, kk: number) => Piece;
  readonly aScalar: (i: number, kk: number) => Piece;
  /** along k: column c, all four k → vec4 */
  readonly bAlongK: (c: number) => Piece;
  /** along n, or gathered: columns 4j … 4j + 3 at kk → vec4 */
  readonly bAlongN: (j: number, kk: number) => Piece;
}

/** One step along k: loads, then sum += a · b. */
export function stepOf(tile: Tile, loads: Loads): Wgsl {
  const { rows, vectors, depth } = tile;
  const text: Piece[] = [];
  if (tile.a === 'k') text.push(lines(rows, (i) => wgsl`let a${i} = ${loads.aAlongK(i)};`));
  if (tile.b === 'k') text.push(lines(4 * vectors, (c) => wgsl`let b${c} = ${loads.bAlongK(c)};`));
  for (const kk of range(depth)) {
    if (tile.a === 'other') text.push(lines(rows / 4, (g) => wgsl`let a${kk}_${g} = ${loads.aAlongM(g, kk)};`));
    if (tile.a === 'none') text.push(lines(rows, (i) => wgsl`let a${kk}_${i} = ${loads.aScalar(i, kk)};`));
    const columns = (j: number) => {
      if (tile.b !== 'k') return wgsl`let b${kk}_${j} = ${loads.bAlongN(j, kk)};`;
      return wgsl`let c${kk}_${j} = ${vectorOfB(tile, kk, j)};`;
    };
    text.push(lines(vectors, columns));
    const b = (j: number) => (tile.b === 'k' ? wgsl`c${kk}_${j}` : vectorOfB(tile, kk, j));
    for (const i of range(rows)) {
      text.push(each(vectors, (j) => wgsl`sum${i}_${j} += ${valueOfA(tile, i, kk)} * ${b(j)};`));
    }
  }
  return joined(text, '\n');
}

/**
 * Stores the sums. They are copied to an array first, so that the text of `store` with its epilogue stands in a loop
 * once and is not inlined 4 · rows · vectors times. `row` and `column` give the coordinates of WGSL expressions i
 * (0 … rows − 1) and c (0 … 4·vectors − 1).
 */
export function storeSums(
  { rows, vectors }: Tile,
  store: (row: Piece, column: Piece, value: Piece) => Piece,
  at: { readonly row: Piece; readonly column: Piece; readonly rowGuard: Piece; readonly columnGuard: Piece },
): Wgsl {
  const all = range(rows).flatMap((i) => range(vectors).map((j) => wgsl`sum${i}_${j}`));
  const index = vectors === 1 ? 'i' : wgsl`i * ${vectors}u + (c >> 2u)`;
  return wgsl`var sums = array<vec4f, ${all.length}>(${joined(all, ', ')});
for (var i = 0u; i < ${rows}u; i++) {
  let row = ${at.row};
  ${at.rowGuard}
  for (var c = 0u; c < ${4 * vectors}u; c++) {
    let column = ${at.column};
    ${at.columnGuard}
    ${store('row', 'column', wgsl`sums[${index}][c & 3u]`)}
  }
}`;
}
