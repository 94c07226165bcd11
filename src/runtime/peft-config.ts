/**
 * adapter_config.json of PEFT, read strictly: what the two matrices of each module mean depends on it, so a key that is
 * set and not known here is refused by its name. Source: peft 0.21, LoraConfig and what LoraLayer does with it.
 */

export type PeftConfig = Readonly<Record<string, unknown>>;

/** Read and compared with the model by the callers. */
const HONOURED = ['peft_type', 'r', 'lora_alpha', 'use_rslora'] as const;

/** Keys that change nothing about W x + (alpha / r) B A x, each with why. */
const HARMLESS: Readonly<Record<string, string>> = {
  task_type: 'which wrapper PEFT puts around the model; a head that it adds is in modules_to_save',
  base_model_name_or_path: 'where the base came from',
  revision: 'where the base came from',
  auto_mapping: 'which Python class the base had',
  peft_version: 'who wrote the file',
  inference_mode: 'whether PEFT trains it further',
  lora_dropout: 'training only, and there the model gives it',
  target_modules: 'the tensors of the file say which modules are adapted',
  exclude_modules: 'the tensors of the file say which modules are adapted',
  layers_to_transform: 'the tensors of the file say which modules are adapted',
  layers_pattern: 'the tensors of the file say which modules are adapted',
  fan_in_fan_out: "how the base stores its weight; A and B are stored as a Linear's",
  init_lora_weights: 'values at the beginning; those that change the base are refused',
  eva_config: 'values at the beginning; ranks that it moved are in rank_pattern',
  megatron_core: 'the name of a Python package',
  qalora_group_size: 'read with use_qalora only',
  runtime_config: 'where PEFT computes',
};

/** What those that are refused would change, as `its KEY …`. */
const MEANING: Readonly<Record<string, string>> = {
  use_dora: 'is set: it is a DoRA adapter, and LoRA is read',
  rank_pattern: 'gives modules ranks of their own',
  alpha_pattern: 'gives modules scales of their own',
  bias: 'says that biases of the base were trained too',
  init_lora_weights: 'says that the weights of the base were changed; let PEFT convert the adapter when it saves',
  alora_invocation_tokens: 'switches the adapter on only from these tokens on',
  use_qalora: 'is set: what goes into A is pooled',
  layer_replication: 'says that the base has layers several times',
  lora_bias: 'is set: B has a bias',
  modules_to_save: 'says that modules of the base were trained too',
  trainable_token_indices: 'says that embeddings of the base were trained too',
  target_parameters: 'says that parameters are adapted, not modules',
  ensure_weight_tying: 'is set: adapters of tied layers are one',
};

/** Initialisations after which W is still the base's; the others (pissa, olora, corda, lora_ga, loftq) change it. */
const KEEPS_BASE: readonly unknown[] = [true, 'gaussian', 'eva', 'orthogonal'];

/** Whether a value is the same as leaving its key out. */
function isNeutral(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === '') return true;
  return typeof value === 'object' && Object.keys(value as object).length === 0;
}

/** @throws Error saying why, when the text is no JSON object */
export function parsePeftConfig(text: string): PeftConfig {
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as PeftConfig;
  throw new Error('it is not a JSON object');
}

/** A key that makes an adapter something else than plain LoRA. */
export interface Unsupported {
  readonly key: string;
  /** the value as JSON, shortened */
  readonly found: string;
  /** `its alora_invocation_tokens switches the adapter on only from these tokens on` */
  readonly reason: string;
}

/** The first key of a config that is set and not known to be harmless. */
export function unsupportedSetting(config: PeftConfig): Unsupported | undefined {
  for (const [key, value] of Object.entries(config)) {
    if (isNeutral(value) || isPlain(key, value)) continue;
    const text = JSON.stringify(value);
    const found = text.length > 60 ? `${text.slice(0, 57)}…` : text;
    const meaning = Object.hasOwn(MEANING, key)
      ? MEANING[key]!
      : `is ${found}, and what that changes is not known here`;
    return { key, found, reason: `its ${key} ${meaning}` };
  }
  return undefined;
}

function isPlain(key: string, value: unknown): boolean {
  if (key === 'bias') return value === 'none';
  if (key === 'init_lora_weights') return KEEPS_BASE.includes(value);
  return Object.hasOwn(HARMLESS, key) || (HONOURED as readonly string[]).includes(key);
}

export interface AdapterCover {
  /** modules without a tensor, which stay as they are: zeros in place of A and B add nothing */
  readonly without: readonly string[];
  /** keys whose other half is there */
  readonly missing: readonly string[];
}

/**
 * What of a model's adapters a file has.
 * @param wanted PEFT's keys of the model's adapters
 * @param stored PEFT's keys in the file
 */
export function coverOf(wanted: readonly string[], stored: ReadonlySet<string>): AdapterCover {
  const moduleOf = (key: string): string => key.replace(/\.lora_[AB]\.weight$/, '');
  const there = new Set(wanted.filter((key) => stored.has(key)).map(moduleOf));
  return {
    without: [...new Set(wanted.map(moduleOf))].filter((module) => !there.has(module)),
    missing: wanted.filter((key) => !stored.has(key) && there.has(moduleOf(key))),
  };
}

/** alpha of (alpha / r) B A; rank-stabilised LoRA divides by √r instead (Kalajdzievski 2023, arXiv:2312.03732, eq. 4). */
export function alphaOf({ lora_alpha, r, use_rslora }: PeftConfig): unknown {
  return use_rslora === true ? Number(lora_alpha) * Math.sqrt(Number(r)) : lora_alpha;
}
