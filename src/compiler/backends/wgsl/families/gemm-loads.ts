/** Loads of a register tile from global memory: coordinates clamped into range, and one step along k. */
import { type Piece, wgsl } from '../text/wgsl.ts';
import type { GemmParams } from './gemm-params.ts';
import { stepOf, type Tile } from './gemm-tile.ts';
import { isMultiple, lines, vec4 } from './text.ts';

export interface GlobalTile {
  /** `let` constants for the rows and columns that are read; expects first_row, first_column */
  readonly coordinates: Piece;
  /** expects batch, k and the coordinates */
  readonly step: Piece;
}

/** `alignRows`, `alignColumns`: first_row and first_column with what lies behind them are in range when these divide m and n. */
export function globalTile(p: GemmParams, tile: Tile, alignRows: number, alignColumns: number): GlobalTile {
  const { a, b } = p;
  const [wholeRows, wholeColumns] = [isMultiple(p.m, alignRows), isMultiple(p.n, alignColumns)];
  const row = (i: number, span: number) =>
    wholeRows ? wgsl`first_row + ${i}u` : wgsl`min(first_row + ${i}u, ${p.m.text} - ${span}u)`;
  const column = (c: number, span: number) =>
    wholeColumns ? wgsl`first_column + ${c}u` : wgsl`min(first_column + ${c}u, ${p.n.text} - ${span}u)`;
  // vectors start at multiples of 4 in extents that are multiples of 4: clamping keeps them whole
  const rows =
    tile.a === 'other'
      ? lines(tile.rows / 4, (g) => wgsl`let rows${g} = ${row(4 * g, 4)};`)
      : lines(tile.rows, (i) => wgsl`let row${i} = ${row(i, 1)};`);
  const columns =
    tile.b === 'other'
      ? lines(tile.vectors, (j) => wgsl`let columns${j} = ${column(4 * j, 4)};`)
      : lines(4 * tile.vectors, (c) => wgsl`let column${c} = ${column(c, 1)};`);
  const step = stepOf(tile, {
    aAlongK: (i) => wgsl`${a.at4.get(2)!}(batch, row${i}, k)`,
    aAlongM: (g, kk) => wgsl`${a.at4.get(1)!}(batch, rows${g}, k + ${kk}u)`,
    aScalar: (i, kk) => wgsl`${a.at}(batch, row${i}, k + ${kk}u)`,
    bAlongK: (c) => wgsl`${b.at4.get(1)!}(batch, k, column${c})`,
    bAlongN: (j, kk) =>
      tile.b === 'other'
        ? wgsl`${b.at4.get(2)!}(batch, k + ${kk}u, columns${j})`
        : vec4((lane) => wgsl`${b.at}(batch, k + ${kk}u, column${4 * j + lane})`),
  });
  return { coordinates: wgsl`${rows}\n${columns}`, step };
}
