/**
 * Which file of models/ each `model_type` of transformers is, and what becomes of each key of its config.json: a value of the model's config, a
 * flag, or a value that the file is written for. Keys that no numbers depend on are listed with the reason; any other key is refused.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type ConfigJson = { readonly [key: string]: Json };

export type Field =
  /** a value of the model's config of the same name */
  | { readonly kind: 'value'; readonly float: boolean }
  | { readonly kind: 'flag' }
  /** the values that the file is written for; null where the key may be left empty */
  | { readonly kind: 'only'; readonly values: readonly Json[] }
  | { readonly kind: 'unused'; readonly reason: string };

export interface Architecture {
  /** in models/ */
  readonly file: string;
  /** goes on from a prompt: recipe text, a stage to train it further */
  readonly language: boolean;
  /** what transformers takes where config.json does not say */
  readonly defaults: ConfigJson;
  readonly fields: Readonly<Record<string, Field>>;
  /** flags that the model type itself decides */
  flags(config: ConfigJson): Readonly<Record<string, boolean>>;
  /** values that follow from other keys */
  derived?(config: ConfigJson): ConfigJson;
}

const value: Field = { kind: 'value', float: false };
const float: Field = { kind: 'value', float: true };
const flag: Field = { kind: 'flag' };
const only = (...values: readonly Json[]): Field => ({ kind: 'only', values });
const unused = (reason: string): Field => ({ kind: 'unused', reason });

const DROPOUT = unused('dropout, in training alone');
const PYTHON = unused('what the Python library returns or keeps in memory');
const OTHER_HEAD = unused('a head for another task');

/** Of every model type. */
const COMMON: Readonly<Record<string, Field>> = {
  model_type: unused('chooses the model'),
  architectures: unused('chooses the model'),
  _name_or_path: unused('where it came from'),
  transformers_version: unused('who wrote the file'),
  torch_dtype: unused('the weights say how they are stored'),
  dtype: unused('the weights say how they are stored'),
  initializer_range: unused('weights of a new model'),
  bos_token_id: unused('of the tokenizer'),
  eos_token_id: unused('goes to the recipe'),
  pad_token_id: unused('goes to the recipe'),
  use_cache: PYTHON,
  output_attentions: PYTHON,
  output_hidden_states: PYTHON,
  return_dict: PYTHON,
  gradient_checkpointing: PYTHON,
  chunk_size_feed_forward: PYTHON,
  id2label: unused('names of classes'),
  label2id: unused('names of classes'),
  problem_type: OTHER_HEAD,
  'transformers.js_config': unused('how pages load it'),
};

/** Rotary positions: `derived` reads the angle's base out of whichever key has it. */
const ROPE: Readonly<Record<string, Field>> = {
  rope_theta: float,
  rope_scaling: only(null),
  rope_parameters: unused('read as rope_theta, and refused where it scales'),
};

const DECODER: Readonly<Record<string, Field>> = {
  ...COMMON,
  ...ROPE,
  hidden_size: value,
  intermediate_size: value,
  num_hidden_layers: value,
  num_attention_heads: value,
  num_key_value_heads: value,
  head_dim: value,
  vocab_size: value,
  max_position_embeddings: value,
  rms_norm_eps: float,
  tie_word_embeddings: flag,
  hidden_act: only('silu'),
  attention_dropout: DROPOUT,
  layer_types: unused('refused where a layer is not full_attention'),
};

const DECODER_DEFAULTS: ConfigJson = {
  hidden_act: 'silu',
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  tie_word_embeddings: false,
};

/** Sizes that config.json may leave to the number of heads. */
function decoderSizes(config: ConfigJson): ConfigJson {
  const [width, heads] = [Number(config.hidden_size), Number(config.num_attention_heads)];
  const rope = Object(config.rope_parameters) as ConfigJson;
  return {
    head_dim: config.head_dim ?? width / heads,
    num_key_value_heads: config.num_key_value_heads ?? heads,
    ...(rope.rope_theta === undefined ? {} : { rope_theta: rope.rope_theta }),
  };
}

const llama: Architecture = {
  file: 'llama.mdl',
  language: true,
  defaults: DECODER_DEFAULTS,
  fields: {
    ...DECODER,
    attention_bias: only(false),
    mlp_bias: only(false),
    pretraining_tp: only(1),
    is_llama_config: unused('says what model_type says'),
    rope_interleaved: only(false),
  },
  flags: () => ({ qkv_bias: false, qk_norm: false }),
  derived: decoderSizes,
};

const mistral: Architecture = {
  ...llama,
  defaults: { ...DECODER_DEFAULTS, sliding_window: 4096 },
  fields: { ...DECODER, sliding_window: only(null) },
};

const SLIDING: Readonly<Record<string, Field>> = {
  use_sliding_window: only(false),
  sliding_window: unused('use_sliding_window is false'),
  max_window_layers: unused('use_sliding_window is false'),
};

const qwen2: Architecture = {
  ...llama,
  fields: { ...DECODER, ...SLIDING },
  flags: () => ({ qkv_bias: true, qk_norm: false }),
};

const qwen3: Architecture = {
  ...llama,
  defaults: { ...DECODER_DEFAULTS, head_dim: 128 },
  fields: { ...DECODER, ...SLIDING, attention_bias: only(false) },
  flags: () => ({ qkv_bias: false, qk_norm: true }),
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

const ENCODER: Readonly<Record<string, Field>> = {
  ...COMMON,
  hidden_size: value,
  num_hidden_layers: value,
  num_attention_heads: value,
  intermediate_size: value,
  layer_norm_eps: float,
  hidden_act: only('gelu'),
  hidden_dropout_prob: DROPOUT,
  attention_probs_dropout_prob: DROPOUT,
};

const bert: Architecture = {
  file: 'bert.mdl',
  language: false,
  defaults: { layer_norm_eps: 1e-12, type_vocab_size: 2, hidden_act: 'gelu' },
  fields: {
    ...ENCODER,
    vocab_size: value,
    type_vocab_size: value,
    max_position_embeddings: value,
    position_embedding_type: only('absolute'),
    is_decoder: only(false),
    add_cross_attention: only(false),
    tie_word_embeddings: OTHER_HEAD,
    classifier_dropout: OTHER_HEAD,
  },
  // the others leave the pooler out
  flags: ({ architectures }) => ({ with_pooler: !Array.isArray(architectures) || architectures.includes('BertModel') }),
};

const vit: Architecture = {
  file: 'vit.mdl',
  language: false,
  defaults: { layer_norm_eps: 1e-12, hidden_act: 'gelu', patch_size: 16, image_size: 224 },
  fields: {
    ...ENCODER,
    image_size: value,
    patch_size: value,
    num_channels: only(3),
    qkv_bias: only(true),
    encoder_stride: OTHER_HEAD,
    pooler_act: OTHER_HEAD,
    pooler_output_size: OTHER_HEAD,
  },
  flags: () => ({}),
  derived: ({ id2label }) => ({ num_labels: Object.keys(Object(id2label)).length || 2 }),
};

/** By `model_type`. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = { llama, mistral, qwen2, qwen3, gpt2, bert, vit };
