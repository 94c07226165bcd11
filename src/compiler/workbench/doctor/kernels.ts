/** A small program with an entry for each family of kernels: what `mdl doctor` runs on every backend there is, and `runSelfTest()` on an adapter. */

export const KERNELS_FILE = 'kernels.mdl';

/** Sizes that fill no tile exactly, and rows of which one is short. */
export const KERNELS = `model Kernels {
  /// moving elements
  entry moving(x: [2, 12, 5]) -> (y: [2, 3, 5, 4], z: [2, 5, 12], f: [2, 12, 7]) {
    (rearrange(x, "b (h d) t -> b h t d", h = 3), flip(transpose(x, 1, 2), [1]), pad(x, [0, 0, 1], [0, 0, 1]))
  }

  /// scalar functions
  entry functions(x: [7, 33]) -> (a: [7, 33], b: [7, 33], c: [7, 33], d: [7, 33], e: [7, 33]) {
    (gelu(x), gelu_tanh(x) + silu(x), exp(x) - tanh(x), erf(x) * sigmoid(x), sin(9.0 * x) + log(abs(x) + 1.0))
  }

  /// products: one row, and tiles
  entry matmul(a: [3, 17, 33], b: [3, 33, 19], w: [65, 33]) -> (y: [3, 17, 19], z: [3, 17, 65], row: [1, 65]) {
    (a @ b, linear(a, w), linear(reshape(a[:1, :1], [1, 33]), w))
  }

  /// norms over the last axis
  entry norms(x: [5, 33], scale: [33], shift: [33]) -> (layer: [5, 33], rms: [5, 33]) {
    (layer_norm(x, scale, shift), rms_norm(x, scale))
  }

  /// sums, means and extremes over axes
  entry reductions(x: [5, 7, 33]) -> (total: [], rows: [5, 7], middle: [5, 33], at: int[5, 7], running: [5, 7, 33]) {
    (sum(x), mean(x, -1), max(x, 1), argmax(x), cumsum(x))
  }

  entry softmax(x: [5, 33]) -> (p: [5, 33], logs: [5, 33]) { (softmax(x), log_softmax(x)) }

  /// attention that sees all, that is causal, with heads that share keys, and with a mask
  entry attention(
    q: [2, 4, 9, 16], k: [2, 2, 9, 16], v: [2, 2, 9, 16], seen: bool[2, 9]
  ) -> (all: [2, 4, 9, 16], causal: [2, 4, 9, 16], masked: [2, 4, 9, 16]) {
    (attention(q, k, v), attention(q, k, v, causal = true), attention(q, k, v, seen, window = 4, causal = true))
  }

  entry rotary(x: [2, 3, 9, 16], at: int[2, 9]) -> (y: [2, 3, 9, 16]) { rotary(x, at, 8, max_positions = 16) }

  /// tables: reading rows, and adding to them
  entry tables(table: [11, 33], ids: int[2, 5], rows: [2, 5, 33]) -> (read: [2, 5, 33], added: [11, 33]) {
    (gather(table, ids), scatter_add(table, reshape(ids, [10]), reshape(rows, [10, 33])))
  }

  entry convolution(x: [2, 3, 13, 11], w: [5, 3, 3, 3], t: [3, 4, 2, 2]) -> (y: [2, 5, 7, 6], z: [2, 4, 26, 22]) {
    (conv2d(x, w, stride = 2, padding = 1), conv_transpose2d(x, t, stride = 2))
  }

  entry resizing(x: [1, 3, 9, 7]) -> (large: [1, 3, 14, 14], pooled: [1, 3, 4, 3]) {
    (interpolate(x, [14, 14], "bicubic"), max_pool2d(x, 2))
  }

  entry loss(logits: [6, 33], labels: int[6]) -> (loss: []) { cross_entropy(logits, labels) }
}
`;
