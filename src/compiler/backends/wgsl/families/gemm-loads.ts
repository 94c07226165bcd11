/** Loads of a register tile from global memory: coordinates clamped into range, and one step along k. */
import { add, apply, four, range, smallest, sub } from '../text/arithmetic.ts';
import type { Body } from '../text/body.ts';
import type { Expression } from '../text/expression.ts';
import type { GemmParams } from './gemm-params.ts';
import type { Loads, Tile } from './gemm-tile.ts';
import { isMultiple } from './sizes.ts';

/** The first row and column of a tile. */
export interface Corner {
  readonly batch: Expression;
  readonly row: Expression;
  readonly column: Expression;
}

/**
 * Names the rows and columns that are read, and gives the loads of a step that begins at k.
 * @param alignRows the corner's row and what lies behind it are in range when this divides m
 * @param alignColumns the same of its column and n
 */
export function globalLoads(
  body: Body,
  { a, b, m, n }: GemmParams,
  tile: Tile,
  { batch, row: firstRow, column: firstColumn }: Corner,
  alignRows: number,
  alignColumns: number,
): (k: Expression) => Loads {
  const [wholeRows, wholeColumns] = [isMultiple(m, alignRows), isMultiple(n, alignColumns)];
  // vectors start at multiples of 4 in extents that are multiples of 4: clamping keeps them whole
  const row = (i: number, span: number): Expression => {
    return wholeRows ? add(firstRow, i) : smallest(add(firstRow, i), sub(m.size, span));
  };
  const column = (c: number, span: number): Expression => {
    return wholeColumns ? add(firstColumn, c) : smallest(add(firstColumn, c), sub(n.size, span));
  };
  const rows =
    tile.a === 'other'
      ? range(tile.rows / 4).map((g) => body.let(`rows${g}`, row(4 * g, 4)))
      : range(tile.rows).map((i) => body.let(`row${i}`, row(i, 1)));
  const columns =
    tile.b === 'other'
      ? range(tile.vectors).map((j) => body.let(`columns${j}`, column(4 * j, 4)))
      : range(4 * tile.vectors).map((c) => body.let(`column${c}`, column(c, 1)));
  return (k) => ({
    aAlongK: (i) => apply(a.at4.get(2)!, [batch, rows[i]!, k], 'vec4f'),
    aAlongM: (g, kk) => apply(a.at4.get(1)!, [batch, rows[g]!, add(k, kk)], 'vec4f'),
    aScalar: (i, kk) => apply(a.at, [batch, rows[i]!, add(k, kk)]),
    bAlongK: (c) => apply(b.at4.get(1)!, [batch, k, columns[c]!], 'vec4f'),
    bAlongN: (j, kk) =>
      tile.b === 'other'
        ? apply(b.at4.get(2)!, [batch, add(k, kk), columns[j]!], 'vec4f')
        : four((lane) => apply(b.at, [batch, add(k, kk), columns[4 * j + lane]!])),
  });
}
