/**
 * The one loop of all contractions: rows of A times rows of B, both contiguous along k.
 *
 * Plain float64 dot products, left to right. Four rows of B at a time, because four independent sums hide
 * the latency of the additions (257×1408 · 1408×1408 in about half a second).
 */

/** A matrix with contiguous rows inside a larger array: element (i, j) is data[offset + i·columns + j]. */
export interface Rows {
  readonly data: Float64Array;
  readonly offset: number;
}

/** out[i, j] = Σₖ a[i, k] · b[j, k], with a of m×k, b of n×k, out of m×n. */
export function gemmTransposed(a: Rows, b: Rows, out: Rows, m: number, n: number, k: number): void {
  const [x, y] = [a.data, b.data];
  for (let i = 0; i < m; i++) {
    const row = a.offset + i * k;
    const to = out.offset + i * n;
    let j = 0;
    for (; j + 4 <= n; j += 4) {
      const b0 = b.offset + j * k;
      const [b1, b2, b3] = [b0 + k, b0 + 2 * k, b0 + 3 * k];
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      for (let p = 0; p < k; p++) {
        const value = x[row + p]!;
        s0 += value * y[b0 + p]!;
        s1 += value * y[b1 + p]!;
        s2 += value * y[b2 + p]!;
        s3 += value * y[b3 + p]!;
      }
      out.data[to + j] = s0;
      out.data[to + j + 1] = s1;
      out.data[to + j + 2] = s2;
      out.data[to + j + 3] = s3;
    }
    for (; j < n; j++) {
      const from = b.offset + j * k;
      let sum = 0;
      for (let p = 0; p < k; p++) sum += x[row + p]! * y[from + p]!;
      out.data[to + j] = sum;
    }
  }
}

/** The transpose of a rows×columns matrix inside `data`, as an array of its own. */
export function transposed({ data, offset }: Rows, rows: number, columns: number): Rows {
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = data[offset + i * columns + j]!;
  }
  return { data: out, offset: 0 };
}
