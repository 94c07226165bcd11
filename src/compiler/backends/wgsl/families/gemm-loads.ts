/** Loads of a register tile from global memory: coordinates clamped into range, and one step along k. */
import type { GemmParams } from './gemm-params.ts';
import { stepOf, type Tile } from './gemm-tile.ts';
import { isMultiple, lines, vec4 } from './text.ts';

export interface GlobalTile {
  /** `let` constants for the rows and columns that are read; expects first_row, first_column */
  readonly coordinates: string;
  /** expects batch, k and the coordinates */
  readonly step: string;
}

/** `alignRows`, `alignColumns`: first_row and first_column with what lies behind them are in range when these divide m and n. */
export function globalTile(p: GemmParams, tile: Tile, alignRows: number, alignColumns: number): GlobalTile {
  const { a, b } = p;
  const [wholeRows, wholeColumns] = [isMultiple(p.m, alignRows), isMultiple(p.n, alignColumns)];
  const row = (i: number, span: number) =>
    wholeRows ? `first_row + ${i}u` : `min(first_row + ${i}u, ${p.m.text} - ${span}u)`;
  const column = (c: number, span: number) =>
    wholeColumns ? `first_column + ${c}u` : `min(first_column + ${c}u, ${p.n.text} - ${span}u)`;
  // vectors start at multiples of 4 in extents that are multiples of 4: clamping keeps them whole
  const rows =
    tile.a === 'other'
      ? lines(tile.rows / 4, (g) => `let rows${g} = ${row(4 * g, 4)};`)
      : lines(tile.rows, (i) => `let row${i} = ${row(i, 1)};`);
  const columns =
    tile.b === 'other'
      ? lines(tile.vectors, (j) => `let columns${j} = ${column(4 * j, 4)};`)
      : lines(4 * tile.vectors, (c) => `let column${c} = ${column(c, 1)};`);
  const step = stepOf(tile, {
    aAlongK: (i) => `${a.at4.get(2)}(batch, row${i}, k)`,
    aAlongM: (g, kk) => `${a.at4.get(1)}(batch, rows${g}, k + ${kk}u)`,
    aScalar: (i, kk) => `${a.at}(batch, row${i}, k + ${kk}u)`,
    bAlongK: (c) => `${b.at4.get(1)}(batch, k, column${c})`,
    bAlongN: (j, kk) =>
      tile.b === 'other'
        ? `${b.at4.get(2)}(batch, k + ${kk}u, columns${j})`
        : vec4((lane) => `${b.at}(batch, k + ${kk}u, column${4 * j + lane})`),
  });
  return { coordinates: `${rows}\n${columns}`, step };
}
