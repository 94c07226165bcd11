/** A small model to train in PyTorch, and its data. */

/** Frozen and trained layers, dropout, a buffer that stays, and a loss that is a mean over labels. */
export const SMALL = `import { Embedding, LayerNorm, Linear, next_token_loss } from "std"

module Block(d) {
  norm = LayerNorm(d)
  up   = Linear(d, 4 * d)
  down = Linear(4 * d, d)
  forward(x: [B, T, d]) -> [B, T, d] { x + dropout(down(gelu(up(norm(x)))), 0.1) }
}

model Small {
  embed  = Embedding(64, 16)
  buffer shift: [16] = zeros()
  lower  = [Block(16) for i in range(2)]
  layers = [Block(16) for i in range(3)]
  head   = Linear(16, 64)
  entry loss(ids: int[B, T], labels: int[B, T]) -> (loss: [], largest: []) {
    let x = embed(ids) + shift
    for block in lower { x = block(x) }
    for layer in layers { x = layer(x) }
    let logits = head(x)
    (next_token_loss(logits, labels), max(logits, axes = [0, 1, 2]))
  }
}

stage fit {
  train layers, head
  optimize adamw(weight_decay = 0.1)
  schedule linear_warmup_cosine(warmup_lr = 1e-4, lr = 3e-2, min_lr = 1e-3, warmup = 2, iters = 6)
  accumulate 4
  clip 1.0
  batch 2
}

/// without dropout, whose masks each program draws its own way
stage exact {
  train layers, head
  optimize adamw(weight_decay = 0.1)
  schedule linear_warmup_cosine(warmup_lr = 1e-3, lr = 1e-2, min_lr = 1e-3, warmup = 2, iters = 6)
  accumulate 4
  dropout false
  clip 1.0
  batch 2
}

/// until nothing is finite
stage rough {
  train layers, head
  optimize sgd(momentum = 0.9)
  schedule constant(lr = 1e30, iters = 6)
  batch 2
}
`;

/** Batches whose numbers of labels differ; every seventh has none. */
export const DATA = `const numbers = (step, count, salt) => Array.from({ length: count }, (_, i) => BigInt((step * 31 + i * 17 + salt * i * i) % 64));
export default ({ batchSize: B }) => ({
  name: 'numbers',
  batch: async (step) => {
    const T = 6 + (step % 3);
    const ids = { dtype: 'i64', shape: [B, T], data: BigInt64Array.from(numbers(step, B * T, 1)) };
    const kept = step % 7 === 3 ? 0 : 2 + (step % 5);
    const data = BigInt64Array.from(ids.data, (id, i) => (i % T < kept ? id : -100n));
    return { feeds: { ids, labels: { dtype: 'i64', shape: [B, T], data } }, tokens: 0, rows: B };
  },
});
`;
