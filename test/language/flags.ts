/** All combinations of TinyGPT-V's six flags, and the sizes at which tests run them. */

export const FLAGS = ['input_norm', 'rms_norm', 'qk_norm', 'lora', 'q_former', 'projection_chain'] as const;
export const combinations = Array.from({ length: 2 ** FLAGS.length }, (_, bits) =>
  Object.fromEntries(FLAGS.map((flag, i) => [flag, (bits >> i) % 2 === 1])),
);

/** nano with fewer layers and narrower ones; two layers where layers differ from each other */
export const SMALL = {
  vit: { image_size: 28, embed_dim: 16, depth: 1, num_heads: 2, mlp_ratio: 2 },
  qformer: { hidden_size: 16, num_layers: 2, num_heads: 2, intermediate_size: 32, num_query_tokens: 2 },
  proj: { mid: 24 },
  phi: { hidden_size: 32, num_layers: 2, num_heads: 2, intermediate_size: 64, vocab_size: 48 },
  lora: { r: 2, alpha: 4 },
};

export const nameOf = (flags: Readonly<Record<string, boolean>>): string => {
  const on = FLAGS.filter((flag) => flags[flag]);
  return on.length === 0 ? '(all off)' : on.join(' ');
};
