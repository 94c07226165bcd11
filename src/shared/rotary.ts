/** The angles of rotary position embeddings: the same for what compiles a table and for what computes it from a plan. */

/** Radians per position of pair `i`: theta^(−2i/dims), or what is given in its place. */
export function frequencyOf(i: number, dims: number, theta: number, frequencies?: readonly number[]): number {
  return frequencies?.[i] ?? theta ** ((-2 * i) / dims);
}
