/** Decoder-only language models whose layers are not those of the Llama family, each with a file of its own. */
import { ATTENTION, DECODER, DECODER_DEFAULTS, decoderSizes, PROJECTIONS, ropeOf } from './decoders.ts';
import { type Architecture, DROPOUT, flag, float, only } from './fields.ts';

const { head_dim: _, ...WHOLE } = DECODER;

const olmo2: Architecture = {
  file: 'olmo-2.mdl',
  language: true,
  adapts: PROJECTIONS,
  defaults: { ...DECODER_DEFAULTS, rms_norm_eps: 1e-5, attention_bias: false },
  fields: { ...WHOLE, attention_bias: flag },
  flags: () => ({}),
  derived: withoutHeadDim,
};

const stablelm: Architecture = {
  file: 'stablelm.mdl',
  language: true,
  adapts: PROJECTIONS,
  defaults: {
    hidden_act: 'silu',
    layer_norm_eps: 1e-5,
    rope_theta: 10000,
    partial_rotary_factor: 0.25,
    tie_word_embeddings: false,
    use_qkv_bias: false,
    qk_layernorm: false,
    use_parallel_residual: false,
  },
  fields: {
    ...ATTENTION,
    layer_norm_eps: float,
    partial_rotary_factor: float,
    tie_word_embeddings: flag,
    use_qkv_bias: flag,
    qk_layernorm: flag,
    use_parallel_residual: flag,
    hidden_act: only('silu'),
    hidden_dropout: DROPOUT,
  },
  flags: () => ({}),
  derived: (config) => {
    const { partial_rotary_factor } = ropeOf(config).rope;
    return {
      ...withoutHeadDim(config),
      ...(partial_rotary_factor === undefined ? {} : { partial_rotary_factor }),
    };
  },
};

const granite: Architecture = {
  file: 'granite.mdl',
  language: true,
  adapts: PROJECTIONS,
  defaults: {
    ...DECODER_DEFAULTS,
    embedding_multiplier: 1,
    attention_multiplier: 1,
    residual_multiplier: 1,
    logits_scaling: 1,
  },
  fields: {
    ...WHOLE,
    attention_bias: only(false),
    mlp_bias: only(false),
    embedding_multiplier: float,
    attention_multiplier: float,
    residual_multiplier: float,
    logits_scaling: float,
  },
  flags: () => ({}),
  derived: withoutHeadDim,
};

/** Heads share hidden_size. */
function withoutHeadDim(config: Parameters<typeof decoderSizes>[0]) {
  const { head_dim: _, ...sizes } = decoderSizes(config);
  return sizes;
}

export const DECODERS_APART = { olmo2, stablelm, granite } as const;
