/** Decoder-only language models of transformers. */
import {
  type Architecture,
  COMMON,
  type ConfigJson,
  DROPOUT,
  type Fields,
  flag,
  float,
  OTHER_HEAD,
  only,
  optional,
  PYTHON,
  unused,
  value,
} from './fields.ts';

/** Rotary positions: `derived` reads the angle's base out of whichever key has it, `ropeProblems` how they are scaled. */
const ROPE: Fields = {
  rope_theta: float,
  rope_scaling: unused('how positions are scaled: read with rope_parameters'),
  rope_parameters: unused('read as rope_theta, and refused where it scales in another way than the file has'),
};

export const ATTENTION: Fields = {
  ...COMMON,
  ...ROPE,
  hidden_size: value,
  intermediate_size: value,
  num_hidden_layers: value,
  num_attention_heads: value,
  num_key_value_heads: value,
  vocab_size: value,
  max_position_embeddings: value,
  attention_dropout: DROPOUT,
  layer_types: unused('refused where a layer looks at other positions than in the file'),
};

export const DECODER: Fields = {
  ...ATTENTION,
  head_dim: value,
  rms_norm_eps: float,
  tie_word_embeddings: flag,
  hidden_act: only('silu'),
};

export const DECODER_DEFAULTS: ConfigJson = {
  hidden_act: 'silu',
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  tie_word_embeddings: false,
};

/** How rotary positions turn: rope_parameters, or rope_scaling as it was before transformers 5. */
export function ropeOf(config: ConfigJson): { readonly key: string; readonly rope: ConfigJson } {
  const key = config.rope_parameters ? 'rope_parameters' : 'rope_scaling';
  const { type, ...rope } = Object(config[key]) as ConfigJson;
  return { key, rope: { ...(type === undefined ? {} : { rope_type: type }), ...rope } };
}

/** Sizes that config.json may leave to the number of heads. */
export function decoderSizes(config: ConfigJson): ConfigJson {
  const { rope_theta } = ropeOf(config).rope;
  return {
    ...(config.head_dim === undefined || config.head_dim === null
      ? { head_dim: Number(config.hidden_size) / Number(config.num_attention_heads) }
      : {}),
    num_key_value_heads: config.num_key_value_heads ?? config.num_attention_heads!,
    ...(rope_theta === undefined ? {} : { rope_theta }),
  };
}

const LLAMA3_KEYS = ['factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'] as const;

/** Of each way that positions are scaled: the numbers that it needs, and those with what transformers takes where they are not given. */
export const SCALINGS: Readonly<Record<string, Scaling>> = {
  llama3: { needed: LLAMA3_KEYS, also: {} },
  linear: { needed: ['factor'], also: {} },
  yarn: {
    needed: ['factor', 'original_max_position_embeddings'],
    also: { beta_fast: 32, beta_slow: 1 },
    magnitude: ['attention_factor', 'mscale', 'mscale_all_dim'],
  },
};

interface Scaling {
  readonly needed: readonly string[];
  readonly also: ConfigJson;
  /** how queries and keys grow, where the factor alone does not say: numbers of at least 0, or none */
  readonly magnitude?: readonly string[];
}

/** transformers counts mscale and mscale_all_dim where both are there and neither is 0. */
function magnitudeOf({ attention_factor, mscale, mscale_all_dim }: ConfigJson): ConfigJson {
  const said = mscale && mscale_all_dim ? { mscale, mscale_all_dim } : { mscale: 1, mscale_all_dim: 0 };
  return { ...said, attention_factor: attention_factor ?? 1 };
}

function llamaSizes(config: ConfigJson): ConfigJson {
  const { rope } = ropeOf(config);
  const scaling = SCALINGS[String(rope.rope_type)];
  const given = scaling
    ? Object.fromEntries(
        [...scaling.needed, ...Object.keys(scaling.also)].map((key) => [key, rope[key] ?? scaling.also[key] ?? null]),
      )
    : undefined;
  const magnitude = scaling?.magnitude ? magnitudeOf(rope) : {};
  return { ...decoderSizes(config), ...(given ? { rope_scaling: { ...given, ...magnitude } } : {}) };
}

const isScaled = (config: ConfigJson, type: string): boolean => ropeOf(config).rope.rope_type === type;

/** Of the Llama family and Gemma. */
export const PROJECTIONS = 'model.layers[*].self_attn.{q,k,v,o}_proj, model.layers[*].mlp.{gate,up,down}_proj';

/** Of Llama, where it is the language model of another. */
export const LLAMA_TEXT = {
  defaults: {
    ...DECODER_DEFAULTS,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    vocab_size: 32000,
    max_position_embeddings: 2048,
  },
  fields: {
    ...DECODER,
    attention_bias: only(false),
    mlp_bias: only(false),
    pretraining_tp: only(1),
    is_llama_config: unused('says what model_type says'),
    rope_interleaved: only(false),
  },
  sizes: decoderSizes,
} as const satisfies { readonly defaults: ConfigJson; readonly fields: Fields; sizes(config: ConfigJson): ConfigJson };

const llama: Architecture = {
  file: 'llama.mdl',
  language: true,
  adapts: PROJECTIONS,
  defaults: DECODER_DEFAULTS,
  scalings: ['llama3', 'linear', 'yarn'],
  fields: LLAMA_TEXT.fields,
  flags: (config) => ({
    qkv_bias: false,
    qk_norm: false,
    llama3_rope: isScaled(config, 'llama3'),
    linear_rope: isScaled(config, 'linear'),
    yarn_rope: isScaled(config, 'yarn'),
    yarn_attention_factor: isScaled(config, 'yarn') && typeof ropeOf(config).rope.attention_factor === 'number',
  }),
  derived: llamaSizes,
};

const hasWindow = ({ sliding_window }: ConfigJson): boolean => sliding_window !== null && sliding_window !== undefined;

const mistral: Architecture = {
  ...llama,
  defaults: { ...DECODER_DEFAULTS, sliding_window: 4096 },
  fields: { ...DECODER, sliding_window: optional },
  layer: (_, config) => (hasWindow(config) ? 'sliding_attention' : 'full_attention'),
  flags: (config) => ({ ...llama.flags(config), windowed: hasWindow(config) }),
};

const SLIDING: Fields = {
  use_sliding_window: only(false),
  sliding_window: unused('use_sliding_window is false'),
  max_window_layers: unused('use_sliding_window is false'),
};

const qwen2: Architecture = {
  ...llama,
  fields: { ...DECODER, ...SLIDING },
  flags: (config) => ({ ...llama.flags(config), qkv_bias: true }),
};

const qwen3: Architecture = {
  ...llama,
  defaults: { ...DECODER_DEFAULTS, head_dim: 128 },
  fields: { ...DECODER, ...SLIDING, attention_bias: only(false) },
  flags: (config) => ({ ...llama.flags(config), qk_norm: true }),
};

/** Each no_rope_layer_interval-th layer has no rotary positions, where no_rope_layers does not say otherwise. */
const smollm3: Architecture = {
  ...llama,
  defaults: { ...DECODER_DEFAULTS, rope_theta: 2000000, tie_word_embeddings: true, no_rope_layer_interval: 4 },
  fields: {
    ...DECODER,
    ...SLIDING,
    no_rope_layer_interval: value,
    no_rope_layers: unused('refused where it is not what no_rope_layer_interval says'),
    attention_bias: only(false),
    mlp_bias: only(false),
    pretraining_tp: unused('of training on several machines'),
  },
  flags: (config) => ({ ...llama.flags(config), some_rope: true }),
  problems: ({ no_rope_layers, no_rope_layer_interval, num_hidden_layers }) => {
    if (no_rope_layers === undefined || no_rope_layers === null) return [];
    const every = Number(no_rope_layer_interval);
    const expected = Array.from({ length: Number(num_hidden_layers) }, (_, layer) =>
      (layer + 1) % every === 0 ? 0 : 1,
    );
    if (JSON.stringify(no_rope_layers) === JSON.stringify(expected)) return [];
    return [
      `no_rope_layers is ${JSON.stringify(no_rope_layers)}, and no_rope_layer_interval ${every} makes it ${JSON.stringify(expected)}`,
    ];
  },
};

/**
 * Llama's layers, whose matrices the file of weights has put together. PEFT's LoRA goes on those matrices, which are no layers here,
 * so `--lora` is not offered.
 */
const { adapts: _, ...llamaUnadapted } = llama;
const phi3: Architecture = {
  ...llamaUnadapted,
  layout: 'phi3',
  defaults: { ...DECODER_DEFAULTS, rms_norm_eps: 1e-5 },
  scalings: [],
  fields: {
    ...DECODER,
    sliding_window: optional,
    partial_rotary_factor: only(1),
    attention_bias: only(false),
    original_max_position_embeddings: unused('of longrope, which is refused'),
    embd_pdrop: DROPOUT,
    resid_pdrop: DROPOUT,
    auto_map: PYTHON,
  },
  layer: mistral.layer!,
  flags: mistral.flags,
};

const GEMMA: Fields = {
  ...DECODER,
  tie_word_embeddings: only(true),
  hidden_act: only('gelu_pytorch_tanh'),
  hidden_activation: only('gelu_pytorch_tanh'),
  attention_bias: only(false),
  use_bidirectional_attention: only(false),
  cache_implementation: PYTHON,
};
const GEMMA_DEFAULTS: ConfigJson = { rms_norm_eps: 1e-6, rope_theta: 10000, tie_word_embeddings: true, head_dim: 256 };

const gemma: Architecture = {
  file: 'gemma.mdl',
  language: true,
  adapts: PROJECTIONS,
  defaults: { ...GEMMA_DEFAULTS, hidden_act: 'gelu_pytorch_tanh' },
  fields: GEMMA,
  flags: () => ({}),
  derived: decoderSizes,
};

const gemma2: Architecture = {
  file: 'gemma-2.mdl',
  language: true,
  adapts: PROJECTIONS,
  defaults: {
    ...GEMMA_DEFAULTS,
    hidden_activation: 'gelu_pytorch_tanh',
    query_pre_attn_scalar: 256,
    sliding_window: 4096,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
  },
  fields: {
    ...GEMMA,
    query_pre_attn_scalar: value,
    sliding_window: value,
    attn_logit_softcapping: float,
    final_logit_softcapping: float,
  },
  layer: (index) => (index % 2 === 0 ? 'sliding_attention' : 'full_attention'),
  flags: () => ({}),
  derived: decoderSizes,
};

const phi: Architecture = {
  file: 'phi.mdl',
  language: true,
  adapts: 'model.layers[*].self_attn.{q_proj, k_proj, v_proj, dense}, model.layers[*].mlp.{fc1, fc2}',
  defaults: {
    hidden_act: 'gelu_new',
    layer_norm_eps: 1e-5,
    rope_theta: 10000,
    partial_rotary_factor: 0.5,
    qk_layernorm: false,
    tie_word_embeddings: false,
  },
  fields: {
    ...ATTENTION,
    layer_norm_eps: float,
    partial_rotary_factor: float,
    qk_layernorm: flag,
    hidden_act: only('gelu_new'),
    tie_word_embeddings: only(false),
    embd_pdrop: DROPOUT,
    resid_pdrop: DROPOUT,
  },
  flags: () => ({}),
  derived: (config) => {
    const { head_dim: _, ...sizes } = decoderSizes(config);
    const { partial_rotary_factor } = ropeOf(config).rope;
    return { ...sizes, ...(partial_rotary_factor === undefined ? {} : { partial_rotary_factor }) };
  },
};

const gpt2: Architecture = {
  file: 'gpt2.mdl',
  language: true,
  defaults: { layer_norm_epsilon: 1e-5, activation_function: 'gelu_new', tie_word_embeddings: true },
  fields: {
    ...COMMON,
    n_embd: value,
    n_layer: value,
    n_head: value,
    n_positions: value,
    vocab_size: value,
    layer_norm_epsilon: float,
    n_inner: only(null),
    n_ctx: unused('n_positions says it'),
    activation_function: only('gelu_new'),
    tie_word_embeddings: only(true),
    scale_attn_weights: only(true),
    scale_attn_by_inverse_layer_idx: only(false),
    reorder_and_upcast_attn: only(false),
    add_cross_attention: only(false),
    attn_pdrop: DROPOUT,
    embd_pdrop: DROPOUT,
    resid_pdrop: DROPOUT,
    summary_activation: OTHER_HEAD,
    summary_first_dropout: OTHER_HEAD,
    summary_proj_to_labels: OTHER_HEAD,
    summary_type: OTHER_HEAD,
    summary_use_proj: OTHER_HEAD,
    task_specific_params: unused('of generation by other programs'),
  },
  flags: () => ({}),
};

export const DECODERS = { llama, mistral, qwen2, qwen3, smollm3, phi3, gemma, gemma2, phi, gpt2 } as const;
