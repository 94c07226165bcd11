/** Encoders of transformers: texts, pictures, and both beside each other. */
import {
  type Architecture,
  COMMON,
  type ConfigJson,
  DROPOUT,
  type Field,
  type Fields,
  float,
  OTHER_HEAD,
  only,
  top,
  unused,
  value,
} from './fields.ts';

const ENCODER: Fields = {
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
  encoder: {
    side: ({ image_size = 224 }) => Number(image_size),
    processor: 'ViTImageProcessor',
    classes: classNames,
  },
};

/** Names by number; undefined where the file has none that a person gave. */
function classNames({ id2label }: ConfigJson): readonly string[] | undefined {
  const labels = Object(id2label) as ConfigJson;
  const names = Object.keys(labels).map((_, index) => labels[index]);
  const given = names.every((name) => typeof name === 'string' && name !== '') && new Set(names).size === names.length;
  return given && names.some((name, index) => name !== `LABEL_${index}`) ? (names as readonly string[]) : undefined;
}

/** The side of the pictures of a tower of its own. */
const towerSide =
  (usual: number) =>
  ({ vision_config }: ConfigJson): number =>
    Number((Object(vision_config) as ConfigJson).image_size ?? usual);

/** What files of before transformers 4.30 have in each of their records. */
const OF_GENERATION = unused('of generation, and the model gives no text');
const NO_TEXT: Fields = Object.fromEntries(
  [
    'bad_words_ids',
    'begin_suppress_tokens',
    'cross_attention_hidden_size',
    'decoder_start_token_id',
    'diversity_penalty',
    'do_sample',
    'early_stopping',
    'encoder_no_repeat_ngram_size',
    'exponential_decay_length_penalty',
    'finetuning_task',
    'forced_bos_token_id',
    'forced_eos_token_id',
    'length_penalty',
    'max_length',
    'min_length',
    'no_repeat_ngram_size',
    'num_beam_groups',
    'num_beams',
    'num_return_sequences',
    'output_scores',
    'prefix',
    'remove_invalid_values',
    'repetition_penalty',
    'return_dict_in_generate',
    'sep_token_id',
    'suppress_tokens',
    'task_specific_params',
    'temperature',
    'tokenizer_class',
    'top_k',
    'top_p',
    'typical_p',
  ].map((name) => [name, OF_GENERATION]),
);

const TOWER: Fields = {
  ...COMMON,
  ...NO_TEXT,
  hidden_size: value,
  num_hidden_layers: value,
  num_attention_heads: value,
  intermediate_size: value,
  layer_norm_eps: top(float),
  attention_dropout: DROPOUT,
  dropout: DROPOUT,
  initializer_factor: unused('weights of a new model'),
  is_decoder: only(false),
  is_encoder_decoder: only(false),
  add_cross_attention: only(false),
  pruned_heads: unused('the weights have their shapes'),
  tie_encoder_decoder: only(false),
  tie_word_embeddings: unused('no output layer'),
  tf_legacy_loss: only(false),
  torchscript: unused('what the Python library returns or keeps in memory'),
  use_bfloat16: only(false),
};

const TEXT: Fields = { ...TOWER, vocab_size: top(value), max_position_embeddings: top(value) };
const VISION: Fields = { ...TOWER, image_size: value, patch_size: value, num_channels: only(3) };

const textRecord = (defaults: ConfigJson, fields: Fields): Field => ({
  kind: 'record',
  name: 'text',
  defaults,
  fields,
});
const visionRecord = (defaults: ConfigJson, fields: Fields): Field => ({
  kind: 'record',
  name: 'vision',
  defaults,
  fields,
});

const PAIR: Fields = {
  ...COMMON,
  initializer_factor: unused('weights of a new model'),
  logit_scale_init_value: unused('weights of a new model'),
  text_config_dict: only(null),
  vision_config_dict: only(null),
};

/** The value for the text's tower and for the picture's is one in the file. */
const oneEps = ({ text_config, vision_config }: ConfigJson, eps: number): readonly string[] => {
  const of = (record: unknown): unknown => (Object(record) as ConfigJson).layer_norm_eps ?? eps;
  const [text, vision] = [of(text_config), of(vision_config)];
  return text === vision
    ? []
    : [`layer_norm_eps is ${text} in text_config and ${vision} in vision_config, and the file has one`];
};

const CLIP_TOWER: ConfigJson = { layer_norm_eps: 1e-5, hidden_act: 'quick_gelu', num_hidden_layers: 12 };
const projection = unused('projection_dim of the model counts');

const clip: Architecture = {
  file: 'clip.mdl',
  language: false,
  defaults: { projection_dim: 512, text_config: {}, vision_config: {} },
  fields: {
    ...PAIR,
    projection_dim: value,
    text_config: textRecord(
      {
        ...CLIP_TOWER,
        hidden_size: 512,
        intermediate_size: 2048,
        num_attention_heads: 8,
        vocab_size: 49408,
        max_position_embeddings: 77,
        eos_token_id: 49407,
      },
      { ...TEXT, hidden_act: only('quick_gelu'), eos_token_id: top(value), projection_dim: projection },
    ),
    vision_config: visionRecord(
      {
        ...CLIP_TOWER,
        hidden_size: 768,
        intermediate_size: 3072,
        num_attention_heads: 12,
        image_size: 224,
        patch_size: 32,
      },
      { ...VISION, hidden_act: only('quick_gelu'), projection_dim: projection },
    ),
  },
  flags: () => ({}),
  encoder: { side: towerSide(224), processor: 'CLIPImageProcessor' },
  derived: ({ text_config }) => {
    const { eos_token_id, vocab_size = 49408 } = Object(text_config) as ConfigJson;
    // 2 is what files had before the end token did: transformers takes the largest id of the text, which is that token
    return eos_token_id === 2 ? { eos_token_id: Number(vocab_size) - 1 } : {};
  },
  problems: (config) => oneEps(config, 1e-5),
};

const SIGLIP_TOWER: ConfigJson = {
  layer_norm_eps: 1e-6,
  hidden_act: 'gelu_pytorch_tanh',
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
};

const siglip: Architecture = {
  file: 'siglip.mdl',
  language: false,
  defaults: { text_config: {}, vision_config: {} },
  fields: {
    ...PAIR,
    text_config: textRecord(
      { ...SIGLIP_TOWER, vocab_size: 32000, max_position_embeddings: 64 },
      {
        ...TEXT,
        hidden_act: only('gelu_pytorch_tanh'),
        projection_size: unused('refused where it is not hidden_size'),
      },
    ),
    vision_config: visionRecord(
      { ...SIGLIP_TOWER, image_size: 224, patch_size: 16 },
      { ...VISION, hidden_act: only('gelu_pytorch_tanh'), vision_use_head: only(true) },
    ),
  },
  flags: () => ({}),
  encoder: { side: towerSide(224), processor: 'SiglipImageProcessor' },
  problems: (config) => {
    const { projection_size, hidden_size = SIGLIP_TOWER.hidden_size } = Object(config.text_config) as ConfigJson;
    const other = projection_size !== undefined && projection_size !== null && projection_size !== hidden_size;
    const size = other
      ? [`projection_size of text_config is ${projection_size}, and the file projects to hidden_size`]
      : [];
    return [...oneEps(config, 1e-6), ...size];
  },
};

export const ENCODERS = { bert, vit, clip, siglip } as const;
