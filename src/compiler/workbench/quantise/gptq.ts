/**
 * GPTQ: codes of a matrix by what it is multiplied with. Frantar, Ashkboos, Hoefler and Alistarh 2022, arXiv:2210.17323.
 *
 *     minimise over Ŵ  ‖X Wᵀ − X Ŵᵀ‖²,   H = XᵀX + λ · mean(diag XᵀX) · I,   λ = 0.01
 *
 * Columns are rounded from the first to the last, and what rounding one loses is made up by the columns behind it:
 *
 *     H⁻¹ = UᵀU, U upper triangular;   e = (w_i − ŵ_i) / U_ii;   w_j ← w_j − e · U_ij  for j > i
 *
 * The grid of a group is that of its columns when it begins (`gridOf`), with what the groups before left in them.
 */

import { halfToNumber } from '../../../runtime/weights/halves.ts';
import { codeOf, gridOf, type Packed, packCodes, type Source } from '../../../runtime/weights/quantise.ts';
import type { Quantisation } from '../../../shared/quantisation.ts';

const DAMPING = 0.01;
/** Rows that go through the columns together: a row of U is read once for all of them. */
const TILE = 32;

/**
 * @param weights [rows, columns], f32
 * @param gram XᵀX [columns, columns] of finite inputs
 * @throws RuntimeError R1224 for a weight that is not finite, R1225 for a scale past f16
 */
export function gptq(weights: Float32Array, gram: Float64Array, quantisation: Quantisation, key: string): Packed {
  const columns = Math.round(Math.sqrt(gram.length));
  const rows = weights.length / columns;
  const groups = columns / quantisation.group;
  const factor = inverseFactor(gram, columns);
  const codes = new Int8Array(weights.length);
  const scales = new Uint16Array(rows * groups);
  const zeros = new Float32Array(rows * groups);
  for (let row = 0; row < rows; row += TILE) {
    const many = Math.min(TILE, rows - row);
    const tile = Float64Array.from(weights.subarray(row * columns, (row + many) * columns));
    const part: Tile = {
      rows: tile,
      codes: codes.subarray(row * columns, (row + many) * columns),
      scales: scales.subarray(row * groups, (row + many) * groups),
      zeros: zeros.subarray(row * groups, (row + many) * groups),
    };
    roundTile(part, factor, columns, quantisation, { key, first: row * columns });
  }
  return { codes: packCodes(codes, quantisation.bits), scales, zeros };
}

interface Tile {
  /** [many, columns]: the weights, which change as columns before them are rounded */
  readonly rows: Float64Array;
  readonly codes: Int8Array;
  readonly scales: Uint16Array;
  readonly zeros: Float32Array;
}

function roundTile(
  { rows, codes, scales, zeros }: Tile,
  factor: Float64Array,
  columns: number,
  quantisation: Quantisation,
  source: Source,
): void {
  const { bits, group } = quantisation;
  const groups = columns / group;
  const many = rows.length / columns;
  for (let column = 0; column < columns; column++) {
    const own = factor.subarray(column * columns, (column + 1) * columns);
    const inGroup = Math.floor(column / group);
    for (let row = 0; row < many; row++) {
      const at = row * columns + column;
      const grid = row * groups + inGroup;
      if (column % group === 0) {
        const now = Float32Array.from(rows.subarray(at, at + group));
        const { scale, zero } = gridOf(now, quantisation, { ...source, first: source.first + at });
        scales[grid] = scale;
        zeros[grid] = zero;
      }
      const scale = halfToNumber(scales[grid]!);
      const code = codeOf(rows[at]!, scale, zeros[grid]!, bits);
      codes[at] = code;
      const error = (rows[at]! - scale * (code - zeros[grid]!)) / own[column]!;
      for (let other = column + 1; other < columns; other++) rows[row * columns + other]! -= error * own[other]!;
    }
  }
}

/**
 * U with H⁻¹ = UᵀU, [n, n], below the diagonal zeros. H = R Rᵀ with R upper triangular, so U is R⁻¹.
 */
function inverseFactor(gram: Float64Array, n: number): Float64Array {
  let trace = 0;
  for (let i = 0; i < n; i++) trace += gram[i * n + i]!;
  // without an input of its own a matrix is rounded to nearest
  const damping = trace > 0 ? (DAMPING * trace) / n : 1;
  const r = Float64Array.from(gram);
  for (let i = 0; i < n; i++) r[i * n + i]! += damping;
  for (let j = n - 1; j >= 0; j--) {
    const last = r.subarray(j * n, (j + 1) * n);
    last[j] = Math.sqrt(last[j]! - dot(last, last, j + 1, n));
    for (let i = 0; i < j; i++) {
      const row = r.subarray(i * n, (i + 1) * n);
      row[j] = (row[j]! - dot(row, last, j + 1, n)) / last[j]!;
    }
  }
  const u = new Float64Array(n * n);
  for (let i = n - 1; i >= 0; i--) {
    const row = u.subarray(i * n, (i + 1) * n);
    for (let k = i + 1; k < n; k++) {
      const factor = r[i * n + k]!;
      for (let j = k; j < n; j++) row[j]! -= factor * u[k * n + j]!;
    }
    const diagonal = r[i * n + i]!;
    for (let j = i + 1; j < n; j++) row[j]! /= diagonal;
    row[i] = 1 / diagonal;
  }
  return u;
}

/** Σ a[k] b[k] for k from `from` to `to`. */
function dot(a: Float64Array, b: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let k = from; k < to; k++) sum += a[k]! * b[k]!;
  return sum;
}
