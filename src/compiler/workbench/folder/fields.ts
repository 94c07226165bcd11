/** What becomes of a key of config.json: a value of the model's config, a flag, or a value that the file of models/ is written for. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type ConfigJson = { readonly [key: string]: Json };

export type Field =
  /** a value of the model's config of the same name; `top`: of the model, where it stands in a record */
  | { readonly kind: 'value'; readonly float: boolean; readonly optional?: boolean; readonly top?: boolean }
  | { readonly kind: 'flag' }
  /** the values that the file is written for; null where the key may be left empty */
  | { readonly kind: 'only'; readonly values: readonly Json[] }
  /** a record of the model's config, of this name */
  | { readonly kind: 'record'; readonly name: string; readonly defaults: ConfigJson; readonly fields: Fields }
  | { readonly kind: 'unused'; readonly reason: string };

export type Fields = Readonly<Record<string, Field>>;

export interface Architecture {
  /** in models/ */
  readonly file: string;
  /** goes on from a prompt: recipe text, a stage to train it further */
  readonly language: boolean;
  /** what transformers takes where config.json does not say */
  readonly defaults: ConfigJson;
  readonly fields: Fields;
  /** the record that has the keys of the language model, where they are not the file's own */
  readonly words?: string;
  /** of models that read pictures among texts */
  readonly pictures?: {
    /** of a picture, in pixels */
    side(config: ConfigJson): number;
    /** id that stands in a text for each token of a picture */
    token(config: ConfigJson): number;
    /** what stands in a text for a picture, where processor_config.json does not say */
    readonly placeholder: string;
    /** settings of the recipe: what the processor of transformers writes in its place */
    readonly settings: Readonly<Record<string, string>>;
  };
  /** of models that read pictures alone, or beside texts: the side of a picture, in pixels, and the names of its classes by number */
  readonly encoder?: {
    side(config: ConfigJson): number;
    /** what transformers prepares pictures by where preprocessor_config.json does not say */
    readonly processor: string;
    classes?(config: ConfigJson): readonly string[] | undefined;
  };
  /** the linear layers of attention and MLP in every layer, which `--lora` adapts: those that PEFT calls `all-linear`, under transformers' names */
  readonly adapts?: string;
  /** the file's layout in which transformers writes and reads its weights, where that is not the model's own keys */
  readonly layout?: string;
  /** ways to scale rotary positions that the file has, beside `default` */
  readonly scalings?: readonly string[];
  /** what a layer looks at, as layer_types says it; all positions when absent */
  readonly layer?: (index: number, config: ConfigJson) => 'full_attention' | 'sliding_attention';
  /** flags that the model type itself decides */
  flags(config: ConfigJson): Readonly<Record<string, boolean>>;
  /** values that follow from other keys, or that config.json has elsewhere */
  derived?(config: ConfigJson): ConfigJson;
  /** what does not go together */
  problems?(config: ConfigJson): readonly string[];
}

export const value: Field = { kind: 'value', float: false };
export const float: Field = { kind: 'value', float: true };
/** may be null, and then is not given */
export const optional: Field = { kind: 'value', float: false, optional: true };
export const flag: Field = { kind: 'flag' };
export const only = (...values: readonly Json[]): Field => ({ kind: 'only', values });
export const unused = (reason: string): Field => ({ kind: 'unused', reason });
/** Of a record, but a value of the model. */
export const top = (of: Field): Field => ({ ...(of as Field & { kind: 'value' }), top: true });

export const DROPOUT = unused('dropout, in training alone');
export const PYTHON = unused('what the Python library returns or keeps in memory');
export const OTHER_HEAD = unused('a head for another task');

/** Of every model type. */
export const COMMON: Fields = {
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
