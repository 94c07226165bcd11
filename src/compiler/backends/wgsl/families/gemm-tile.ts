/**
 * The register tile of a matrix product: what one invocation keeps of a, b and the sums, under any memory layout.
 *
 * A tile has `rows` (along m) × 4·`vectors` (along n) sums in named vec4 variables `sum{i}_{j}`; a step along k takes
 * `depth` values of k. Values of a and b arrive as vectors along whichever axis memory is contiguous in; since all
 * names and components are static, reading them along the other axis costs nothing.
 */
import { add, at, atLeast, bits, four, lane, mul, range, shiftRight, ZEROS } from '../text/arithmetic.ts';
import { array, type Body } from '../text/body.ts';
import type { Expression } from '../text/expression.ts';
import type { Source } from './contract.ts';

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

/** By row i and vector j: y at (row i, columns 4j … 4j + 3), vec4f. */
export type Sums = readonly (readonly Expression[])[];

export function declareSums(body: Body, { rows, vectors }: Tile): Sums {
  return range(rows).map((i) => range(vectors).map((j) => body.var(`sum${i}_${j}`, ZEROS)));
}

/** What an operand's loads look like; coordinates within the tile and the step, as numbers. */
export interface Loads {
  /** along k: row i, all four k → vec4f */
  readonly aAlongK: (i: number) => Expression;
  /** along m: rows 4g … 4g + 3 at kk → vec4f */
  readonly aAlongM: (g: number, kk: number) => Expression;
  readonly aScalar: (i: number, kk: number) => Expression;
  /** along k: column c, all four k → vec4f */
  readonly bAlongK: (c: number) => Expression;
  /** along n, or gathered: columns 4j … 4j + 3 at kk → vec4f */
  readonly bAlongN: (j: number, kk: number) => Expression;
}

/** One step along k: loads, then sum += a · b. */
export function addStep(body: Body, tile: Tile, sums: Sums, loads: Loads): void {
  const a = valuesOfA(body, tile, loads);
  const b = vectorsOfB(body, tile, loads);
  for (const kk of range(tile.depth)) {
    const [column, row] = [a(kk), b(kk)];
    for (const [i, own] of sums.entries()) {
      for (const [j, sum] of own.entries()) body.increase(sum, mul(column(i), row(j)));
    }
  }
}

/** kk → row i → a at (row i, k + kk), f32 */
function valuesOfA(body: Body, { a, rows }: Tile, loads: Loads): (kk: number) => (i: number) => Expression {
  if (a === 'k') {
    const along = range(rows).map((i) => body.let(`a${i}`, loads.aAlongK(i)));
    return (kk) => (i) => lane(along[i]!, kk);
  }
  if (a === 'none') {
    return (kk) => {
      const values = range(rows).map((i) => body.let(`a${kk}_${i}`, loads.aScalar(i, kk)));
      return (i) => values[i]!;
    };
  }
  return (kk) => {
    const groups = range(rows / 4).map((g) => body.let(`a${kk}_${g}`, loads.aAlongM(g, kk)));
    return (i) => lane(groups[i >> 2]!, i & 3);
  };
}

/** kk → vector j → b at (k + kk, columns 4j … 4j + 3), vec4f */
function vectorsOfB(body: Body, { b, vectors }: Tile, loads: Loads): (kk: number) => (j: number) => Expression {
  const named = (hint: string, vectorOf: (j: number) => Expression) => {
    const own = range(vectors).map((j) => body.let(`${hint}_${j}`, vectorOf(j)));
    return (j: number) => own[j]!;
  };
  if (b !== 'k') return (kk) => named(`b${kk}`, (j) => loads.bAlongN(j, kk));
  const along = range(4 * vectors).map((c) => body.let(`b${c}`, loads.bAlongK(c)));
  return (kk) => named(`c${kk}`, (j) => four((c) => lane(along[4 * j + c]!, kk)));
}

/** Where the sums of a tile go: coordinates of its row i and column c, and what they stay below where a tile may be cut off. */
export interface TilePlace {
  row(i: Expression): Expression;
  column(c: Expression): Expression;
  readonly rows: Expression | undefined;
  readonly columns: Expression | undefined;
}

/**
 * Stores the sums. They are copied to an array first, so that the text of `store` with its epilogue stands in a loop
 * once and is not inlined 4 · rows · vectors times.
 */
export function storeSums(
  body: Body,
  { rows, vectors }: Tile,
  sums: Sums,
  place: TilePlace,
  store: (row: Expression, column: Expression, value: Expression) => void,
): void {
  const all = body.var('sums', array('vec4f', sums.flat()));
  body.for('i', { below: rows }, (i) => {
    const row = body.let('row', place.row(i));
    if (place.rows) body.breakIf(atLeast(row, place.rows));
    body.for('c', { below: 4 * vectors }, (c) => {
      const column = body.let('column', place.column(c));
      if (place.columns) body.breakIf(atLeast(column, place.columns));
      const vector = vectors === 1 ? i : add(mul(i, vectors), shiftRight(c, 2));
      store(row, column, at(at(all, vector), bits(c, 3)));
    });
  });
}
