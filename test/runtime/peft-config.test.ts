/** Which settings of PEFT an adapter may have: those that leave it W + (alpha / r) B A, and none that is not known. */
import { describe, expect, it } from 'vitest';
import { alphaOf, coverOf, parsePeftConfig, unsupportedSetting } from '../../src/runtime/peft-config.ts';

/** What save_pretrained of peft 0.21.2 writes for LoraConfig(r=8, lora_alpha=16, target_modules=['q_proj']). */
const WRITTEN = {
  alora_invocation_tokens: null,
  alpha_pattern: {},
  arrow_config: null,
  auto_mapping: null,
  base_model_name_or_path: 'microsoft/phi-2',
  bias: 'none',
  corda_config: null,
  ensure_weight_tying: false,
  eva_config: null,
  exclude_modules: null,
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  kasa_config: null,
  layer_replication: null,
  layers_pattern: null,
  layers_to_transform: null,
  loftq_config: {},
  lora_alpha: 16,
  lora_bias: false,
  lora_dropout: 0.05,
  lora_ga_config: null,
  megatron_config: null,
  megatron_core: 'megatron.core',
  modules_to_save: null,
  monteclora_config: null,
  peft_type: 'LORA',
  peft_version: '0.21.2',
  qalora_group_size: 16,
  r: 8,
  rank_pattern: {},
  revision: null,
  target_modules: ['q_proj'],
  target_parameters: null,
  task_type: 'CAUSAL_LM',
  trainable_token_indices: null,
  use_bdlora: null,
  use_dora: false,
  use_qalora: false,
  use_rslora: false,
  velora_config: null,
};

describe('settings', () => {
  it('of a plain adapter pass', () => {
    expect(unsupportedSetting(WRITTEN)).toBeUndefined();
    expect(unsupportedSetting({ peft_type: 'LORA', r: 8, lora_alpha: 16 })).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['task_type', 'SEQ_CLS'],
    ['use_rslora', true],
    ['exclude_modules', ['lm_head']],
    ['layers_to_transform', [0, 1]],
    ['layers_pattern', 'layers'],
    // for a base whose layers are Conv1D, as GPT-2's: A and B are those of a Linear (peft 0.21, LoraLayer.update_layer)
    ['fan_in_fan_out', true],
    ['init_lora_weights', false],
    ['init_lora_weights', 'gaussian'],
    ['init_lora_weights', 'eva'],
    ['eva_config', { rho: 1 }],
    ['auto_mapping', { base_model_class: 'PhiForCausalLM' }],
    ['a_key_of_next_year', null],
    ['a_key_of_next_year', false],
    ['a_key_of_next_year', []],
  ])('%s = %j changes nothing', (key, value) => {
    expect(unsupportedSetting({ ...WRITTEN, [key]: value })).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['alora_invocation_tokens', [50256]],
    ['use_qalora', true],
    ['layer_replication', [[0, 4]]],
    ['lora_bias', true],
    ['bias', 'all'],
    ['bias', 'lora_only'],
    ['modules_to_save', ['lm_head']],
    ['trainable_token_indices', [1, 2]],
    ['target_parameters', ['experts.gate_up_proj']],
    ['rank_pattern', { q_proj: 4 }],
    ['alpha_pattern', { q_proj: 4 }],
    ['use_dora', true],
    ['use_bdlora', { nblocks: 2 }],
    ['corda_config', { corda_method: 'ipm' }],
    ['lora_ga_config', { direction: 'ArB2r' }],
    ['loftq_config', { loftq_bits: 4 }],
    ['velora_config', { num_groups: 1 }],
    ['monteclora_config', { num_samples: 4 }],
    ['arrow_config', { top_k: 3 }],
    ['kasa_config', { beta: 1e-4 }],
    ['megatron_config', { hidden_size: 8 }],
    ['ensure_weight_tying', true],
    // these subtract from the base what they put into the adapter (peft 0.21, pissa_init, olora_init, …)
    ['init_lora_weights', 'pissa'],
    ['init_lora_weights', 'pissa_niter_4'],
    ['init_lora_weights', 'olora'],
    ['init_lora_weights', 'corda'],
    ['init_lora_weights', 'loftq'],
    ['a_key_of_next_year', true],
    ['a_key_of_next_year', 0],
    ['a_key_of_next_year', 'x'],
    ['__proto__', 1],
  ])('%s = %j is refused by its name', (key, value) => {
    const config = parsePeftConfig(JSON.stringify({ ...WRITTEN, [key]: value }));
    const found = unsupportedSetting(config);
    expect(found).toMatchObject({ key, found: JSON.stringify(value) });
    expect(found!.reason).toMatch(new RegExp(`^its ${key} (gives|says|switches|is) (?!\\[object)`));
  });

  it('long values are cut', () => {
    const tokens = Array.from({ length: 100 }, (_, i) => i);
    expect(unsupportedSetting({ alora_invocation_tokens: tokens })!.found).toHaveLength(58);
  });

  it('are an object', () => {
    for (const text of ['[]', 'null', '1', '"x"']) expect(() => parsePeftConfig(text)).toThrow('not a JSON object');
  });
});

it('rank-stabilised: lora_alpha / √r in place of lora_alpha / r (arXiv:2312.03732, eq. 4)', () => {
  expect(alphaOf({ lora_alpha: 16, r: 4 })).toBe(16);
  expect(alphaOf({ lora_alpha: 16, r: 4, use_rslora: true })).toBe(32);
});

it('a module has both halves or none', () => {
  const keys = (...modules: string[]) => modules.flatMap((name) => [`${name}.lora_A.weight`, `${name}.lora_B.weight`]);
  const wanted = keys('q', 'k', 'v');
  expect(coverOf(wanted, new Set(wanted))).toEqual({ without: [], missing: [] });
  expect(coverOf(wanted, new Set([...keys('q'), 'v.lora_B.weight']))).toEqual({
    without: ['k'],
    missing: ['v.lora_A.weight'],
  });
});
