/** Models of transformers that read pictures and texts: an encoder of pictures, a projection, Llama. */
import { LLAMA_TEXT } from './decoders.ts';
import {
  type Architecture,
  COMMON,
  type ConfigJson,
  DROPOUT,
  type Field,
  type Fields,
  flag,
  float,
  only,
  PYTHON,
  unused,
  value,
} from './fields.ts';

const NEW = unused('weights of a new model');
const TOP = unused('that of the whole model counts');

const TOWER: Fields = {
  ...COMMON,
  hidden_size: value,
  num_hidden_layers: value,
  num_attention_heads: value,
  intermediate_size: value,
  image_size: value,
  patch_size: value,
  layer_norm_eps: float,
  num_channels: only(3),
  attention_dropout: DROPOUT,
  initializer_factor: NEW,
  tie_word_embeddings: TOP,
};

const WHOLE: Fields = {
  ...COMMON,
  vocab_size: unused('text_config says it'),
  tie_word_embeddings: flag,
};

/** @param defaults what transformers takes where the record does not say */
const textRecord = (defaults: ConfigJson, more: Fields = {}): Field => ({
  kind: 'record',
  name: 'text',
  defaults: { ...LLAMA_TEXT.defaults, ...defaults },
  fields: { ...LLAMA_TEXT.fields, model_type: only('llama'), tie_word_embeddings: TOP, ...more },
});

const visionRecord = (defaults: ConfigJson, fields: Fields): Field => ({
  kind: 'record',
  name: 'vision',
  defaults,
  fields: { ...TOWER, ...fields },
});

const recordOf = (config: ConfigJson, name: string): ConfigJson => Object(config[name]) as ConfigJson;

/** The text's record with the sizes that it leaves to others. */
const textSizes = (config: ConfigJson, defaults: ConfigJson): ConfigJson => {
  const text = { ...LLAMA_TEXT.defaults, ...defaults, ...recordOf(config, 'text_config') };
  return { text_config: { ...text, ...LLAMA_TEXT.sizes(text) } };
};

/** Llama of SmolVLM. */
const SMOL: ConfigJson = { rms_norm_eps: 1e-5 };

/** SigLIP, whose patches have positions by the part of the picture that they are at, rounded in f32. */
function smolvlm(visionTypes: readonly string[]): Architecture {
  const eyes = {
    ...{ hidden_size: 1152, intermediate_size: 3072, num_hidden_layers: 12, num_attention_heads: 16 },
    ...{ image_size: 224, patch_size: 32, hidden_act: 'gelu_pytorch_tanh', layer_norm_eps: 1e-6 },
  };
  return {
    file: 'smolvlm.mdl',
    language: true,
    words: 'text_config',
    pictures: {
      side: (config) => Number(recordOf(config, 'vision_config').image_size ?? eyes.image_size),
      token: (config) => Number(config.image_token_id ?? 128257),
      placeholder: '<image>',
      settings: {
        image_words: '<fake_token_around_image><global-img>{image}<fake_token_around_image>',
        part_words: '<fake_token_around_image><row_{row}_col_{column}>{image}',
        row_end: '\n',
        parts_end: '\n',
      },
    },
    defaults: {
      image_token_id: 128257,
      scale_factor: 2,
      tie_word_embeddings: false,
      text_config: {},
      vision_config: {},
    },
    fields: {
      ...WHOLE,
      _pad_token_id: unused('what finished rows of a batch are fed'),
      image_token_id: value,
      scale_factor: value,
      text_config: textRecord(SMOL, {
        _attn_implementation_autoset: PYTHON,
        _flash_attn_2_enabled: PYTHON,
        neftune_noise_alpha: unused('noise, in training alone'),
        perceiver_config: unused('use_resampler is false'),
        pixel_shuffle_factor: unused('scale_factor says it'),
        qk_layer_norms: only(false),
        use_resampler: only(false),
      }),
      vision_config: visionRecord(eyes, {
        model_type: only(...visionTypes),
        hidden_act: only('gelu_pytorch_tanh'),
        max_image_size: unused('the image processor says it'),
        size: unused('the image processor says it'),
        use_base_siglip: unused('the weights have their shapes'),
      }),
    },
    flags: () => ({ qkv_bias: false, qk_norm: false }),
    derived: (config) => textSizes(config, SMOL),
    problems: (config) => {
      const { image_size, patch_size } = { ...eyes, ...recordOf(config, 'vision_config') };
      const side = Math.floor(Number(image_size) / Number(patch_size));
      const factor = Number(config.scale_factor);
      return [
        ...(side % factor === 0
          ? []
          : [`scale_factor is ${factor}, and a divisor of the ${side} patches of a side is expected`]),
        ...(hasOwnPositions(side)
          ? []
          : [
              `vision_config has ${side} patches a side, of which transformers gives some the position of their neighbour, as it rounds their places to float32`,
            ]),
      ];
    },
  };
}

/**
 * Whether patch i of a side has position i, whatever machine transformers ran on: torch.bucketize of i · (1/n) among (k + 1)/n, in f32. torch.arange makes the
 * latter in groups of as many as a vector of the machine has: 1, 4, 8 or 16.
 */
export function hasOwnPositions(side: number): boolean {
  const step = Math.fround(1 / side);
  const isBelow = (k: number, lanes: number): boolean => {
    const first = k - (k % lanes);
    const boundary = Math.fround(Math.fround(1 / side + first / side) + (k - first) / side);
    return boundary <= Math.fround((k + 1) * step);
  };
  return Array.from({ length: side - 1 }, (_, k) => [1, 4, 8, 16].every((lanes) => isBelow(k, lanes))).every(Boolean);
}

const LLAVA_EYES: ConfigJson = {
  ...{ hidden_size: 1024, intermediate_size: 4096, num_hidden_layers: 24, num_attention_heads: 16 },
  ...{ image_size: 336, patch_size: 14, hidden_act: 'quick_gelu', layer_norm_eps: 1e-5 },
};

const llava: Architecture = {
  file: 'llava.mdl',
  language: true,
  words: 'text_config',
  pictures: {
    side: (config) => Number(recordOf(config, 'vision_config').image_size ?? LLAVA_EYES.image_size),
    token: (config) => Number(config.image_token_index ?? config.image_token_id ?? 32000),
    placeholder: '<image>',
    settings: {},
  },
  defaults: {
    ...{ image_token_index: 32000, projector_hidden_act: 'gelu', vision_feature_select_strategy: 'default' },
    ...{ vision_feature_layer: -2, multimodal_projector_bias: true, tie_word_embeddings: false },
    ...{ text_config: {}, vision_config: {} },
  },
  fields: {
    ...WHOLE,
    image_token_index: value,
    image_seq_length: unused('follows from the sizes'),
    ignore_index: only(-100),
    projector_hidden_act: only('gelu'),
    vision_feature_select_strategy: only('default', 'full'),
    vision_feature_layer: value,
    multimodal_projector_bias: flag,
    text_config: textRecord({}),
    vision_config: visionRecord(LLAVA_EYES, {
      model_type: only('clip_vision_model'),
      hidden_act: only('quick_gelu'),
      projection_dim: unused('of CLIP beside texts'),
      vocab_size: unused('of CLIP beside texts'),
    }),
  },
  flags: ({ vision_feature_select_strategy }) => ({
    qkv_bias: false,
    qk_norm: false,
    without_class_token: vision_feature_select_strategy === 'default',
  }),
  derived: (config) => ({
    ...textSizes(config, {}),
    tie_word_embeddings:
      config.tie_word_embeddings === true || recordOf(config, 'text_config').tie_word_embeddings === true,
  }),
  problems: (config) => {
    const { vision_feature_layer: at } = config;
    const layers = Number({ ...LLAVA_EYES, ...recordOf(config, 'vision_config') }.num_hidden_layers);
    if (typeof at !== 'number' || (at <= layers && at >= -layers - 1)) return [];
    return [`vision_feature_layer is ${at}, and a number from ${-layers - 1} to ${layers} is expected`];
  },
};

export const VISION_LANGUAGE_MODELS = {
  idefics3: smolvlm(['idefics3_vision', 'idefics3']),
  smolvlm: smolvlm(['smolvlm_vision', 'smolvlm']),
  llava,
} as const;
