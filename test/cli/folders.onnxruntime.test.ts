/**
 * A folder that transformers wrote is a model: what it generates is what transformers generates from it
 * (test/fixtures/folders/make.py), and what its configuration says is honoured or refused by name.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import generateCommand, { type GenerateCommandOptions } from '../../src/compiler/cli/commands/generate.ts';
import importCommand from '../../src/compiler/cli/commands/import.ts';
import { endTokens, generationDefaults } from '../../src/compiler/workbench/folder/generation.ts';
import { folderText, isModelFolder } from '../../src/compiler/workbench/folder/program.ts';
import { loadModel, openWeights } from '../../src/compiler/workbench/model.ts';
import { encodeSafetensors, type HostTensor, openCheckpoint } from '../../src/runtime/index.ts';
import { fixture } from '../support/reference.ts';
import { recordingOutput } from './output.ts';
import { folderWith, mdl } from './support.ts';

const folderOf = (name: string): string => fixture(`folders/${name}`);

interface Expected {
  readonly prompt: string;
  readonly tokens: readonly number[];
  readonly chat?: { readonly tokens: readonly number[] };
}
const expectedOf = (name: string) =>
  JSON.parse(readFileSync(join(folderOf(name), 'expected.json'), 'utf8')) as Expected;

const OPTIONS: Omit<GenerateCommandOptions, 'prompt'> = {
  image: [],
  exifOrientation: true,
  maxNewTokens: 24,
  minNewTokens: 0,
  temperature: 0,
  repetitionPenalty: 1,
  numBeams: 1,
  backend: 'onnx',
  opset: '17',
};

async function tokensOf(folder: string, more: Partial<GenerateCommandOptions> = {}): Promise<readonly number[]> {
  const output = recordingOutput();
  const { stop_tokens, repetition_penalty } = generationDefaults(folder);
  const options = {
    ...OPTIONS,
    weights: [folder],
    stopTokens: stop_tokens as number[],
    repetitionPenalty: repetition_penalty ?? 1,
  };
  await generateCommand(output, [folder], { ...options, prompt: expectedOf('gpt2').prompt, ...more });
  return (output.results[0]!.data as { tokens: readonly number[] }).tokens;
}

const configOf = (name: string) =>
  JSON.parse(readFileSync(join(folderOf(name), 'config.json'), 'utf8')) as { rope_parameters: object };

/** A copy of a folder with some keys of a file changed. */
function changed(name: string, file: string, keys: object): string {
  const folder = folderWith({});
  cpSync(folderOf(name), folder, { recursive: true });
  const path = join(folder, file);
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...keys }));
  return folder;
}

const refusal = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    const { code, notes } = error as { code: string; notes: string[] };
    return { code, notes };
  }
  return undefined;
};

const LANGUAGE = [
  ...['qwen2', 'qwen3', 'smollm3', 'gpt2', 'mistral', 'llama3', 'linear', 'yarn', 'yarn_factor', 'yarn_mscale'],
  ...['gemma', 'gemma2', 'phi', 'phi3', 'olmo2', 'stablelm', 'stablelm2', 'granite'],
];

describe('a folder generates what transformers generates', () => {
  it.each(LANGUAGE)('%s', async (name) => {
    // transformers keeps the end token
    expect(await tokensOf(folderOf(name))).toEqual(expectedOf(name).tokens.filter((id) => id !== 256));
  });

  it('smollm2, as the prompt stands and through its chat template, up to any of its end tokens', async () => {
    const { tokens, chat } = expectedOf('smollm2');
    // transformers keeps the end token
    expect(await tokensOf(folderOf('smollm2'), { raw: true })).toEqual(tokens.slice(0, -1));
    expect(endTokens(folderOf('smollm2'))).toContain(tokens.at(-1));
    expect(await tokensOf(folderOf('smollm2'))).toEqual(chat!.tokens);
  });

  it('and so does the file that mdl import writes', async () => {
    const out = join(folderWith({}), 'my.mdl');
    await importCommand(recordingOutput(), [folderOf('qwen2')], { out });
    const tokenizer = join(folderOf('qwen2'), 'tokenizer.json');
    const output = recordingOutput();
    const options = {
      ...OPTIONS,
      given: ['temperature'],
      weights: [folderOf('qwen2')],
      tokenizer,
      repetitionPenalty: 1.1,
    };
    await generateCommand(output, [out], { ...options, prompt: expectedOf('qwen2').prompt });
    expect((output.results[0]!.data as { tokens: number[] }).tokens).toEqual(expectedOf('qwen2').tokens);
    expect(loadModel(out, {}, recordingOutput()).model.stages.map(({ name }) => name)).toEqual(['finetune']);
  });
});

describe('what a folder says', () => {
  it('of sampling holds where the command does not say otherwise', () => {
    expect(generationDefaults(folderOf('qwen2'))).toEqual({
      stop_tokens: [256],
      do_sample: true,
      repetition_penalty: 1.1,
      temperature: 0.7,
      top_k: 20,
      top_p: 0.8,
    });
  });

  it.each([
    [
      'a scaled rotary embedding',
      { rope_parameters: { rope_type: 'dynamic', rope_theta: 1e4, factor: 4 } },
      [
        'rope_parameters.rope_type is "dynamic", and positions of llama.mdl are not scaled or scaled as "llama3" or scaled as "linear" or scaled as "yarn"',
        'rope_parameters.factor is 4, and it is not read',
      ],
    ],
    [
      'a yarn with numbers of its own, and without those of yarn',
      {
        rope_parameters: {
          rope_type: 'yarn',
          rope_theta: 1e4,
          factor: 4,
          truncate: false,
          mscale: -1,
          attention_factor: 'x',
        },
      },
      [
        'rope_parameters.truncate is false, and it is not read',
        'rope_parameters.attention_factor is "x", and a number of at least 0 is expected',
        'rope_parameters.mscale is -1, and a number of at least 0 is expected',
        'rope_parameters.original_max_position_embeddings is not there, and a number above 0 is expected',
      ],
    ],
    [
      'the older key of it',
      { rope_scaling: { type: 'linear', factor: 2 } },
      ['rope_scaling is {"type":"linear","factor":2} beside rope_parameters, and one of them is expected'],
    ],
    [
      'the older key alone',
      { rope_parameters: null, rope_scaling: { type: 'longrope', factor: 2 } },
      [
        'rope_scaling.rope_type is "longrope", and positions of llama.mdl are not scaled or scaled as "llama3" or scaled as "linear" or scaled as "yarn"',
        'rope_scaling.factor is 2, and it is not read',
      ],
    ],
    ['another activation', { hidden_act: 'gelu' }, ['hidden_act is "gelu", and llama.mdl has it as "silu"']],
    ['a bias of attention', { attention_bias: true }, ['attention_bias is true, and llama.mdl has it as false']],
    ['a key that nobody knows', { logit_gain: 2 }, ['logit_gain is 2, and whether numbers depend on it is not known']],
    ['a size that is none', { hidden_size: '16' }, ['hidden_size is "16", and a whole number is expected']],
  ])('C0466 for %s', (_, keys, notes) => {
    expect(refusal(() => folderText(changed('smollm2', 'config.json', keys)))).toEqual({ code: 'C0466', notes });
  });

  it('C0466 for a key of generation_config.json that tokens may depend on, C0465 for another architecture', () => {
    const notes = ['no_repeat_ngram_size of generation_config.json is 3, and whether tokens depend on it is not known'];
    expect(
      refusal(() => generationDefaults(changed('gpt2', 'generation_config.json', { no_repeat_ngram_size: 3 }))),
    ).toEqual({ code: 'C0466', notes });
    expect(refusal(() => folderText(changed('gpt2', 'config.json', { model_type: 'mamba' })))?.code).toBe('C0465');
  });

  it.each([
    ['generation_config.json', 'x'],
    ['generation_config.json', -5],
    ['generation_config.json', [1.5]],
    ['generation_config.json', [258, 99999]],
    ['config.json', 'x'],
  ] as const)('C0466 for eos_token_id of %s: %j', (file, id) => {
    const folder = changed('smollm2', file, { eos_token_id: id });
    if (file === 'config.json') rmSync(join(folder, 'generation_config.json'));
    const wrong = JSON.stringify(Array.isArray(id) ? id.at(-1) : id);
    const notes = [expect.stringContaining(`eos_token_id of ${file} has ${wrong}, and a whole number from 0, below`)];
    expect(refusal(() => folderText(folder))).toEqual({ code: 'C0466', notes });
    expect(refusal(() => generationDefaults(folder))).toEqual({ code: 'C0466', notes });
  });

  it.each([259, 1.5, 'x'])('C0466 for pad_token_id %j', (id) => {
    const folder = changed('smollm2', 'config.json', { pad_token_id: id });
    const note = `pad_token_id of config.json has ${JSON.stringify(id)}, and a whole number from 0, below the vocab_size 259, is expected`;
    expect(refusal(() => folderText(folder))).toEqual({ code: 'C0466', notes: [note] });
    expect(folderText(changed('smollm2', 'config.json', { pad_token_id: -1 }))).toMatch('pad = 258');
  });

  it.each([259, 1.5, 'x'])('C0466 for pad_token_id %j of generation_config.json', (id) => {
    const folder = changed('smollm2', 'generation_config.json', { pad_token_id: id });
    const note = `pad_token_id of generation_config.json has ${JSON.stringify(id)}, and a whole number from 0, below the vocab_size 259, is expected`;
    expect(refusal(() => generationDefaults(folder))).toEqual({ code: 'C0466', notes: [note] });
    expect(refusal(() => folderText(folder))).toEqual({ code: 'C0466', notes: [note] });
  });

  it('one of mscale and mscale_all_dim alone says nothing, as transformers has it', () => {
    const scaled = (more: object) =>
      folderText(
        changed('yarn', 'config.json', {
          rope_parameters: { ...configOf('yarn').rope_parameters, ...more },
        }),
      ).replace(/sizes of .*/, '');
    expect(scaled({ mscale: 4 })).toBe(scaled({}));
    expect(scaled({ mscale: 4, mscale_all_dim: 0 })).toBe(scaled({}));
    expect(scaled({ mscale: 4, mscale_all_dim: 0.5 })).toContain('mscale = 4, mscale_all_dim = 0.5');
  });

  it('C0466 for layers without positions in another order, and for a part of a head that turns', () => {
    expect(refusal(() => folderText(changed('smollm3', 'config.json', { no_rope_layers: [0, 1] })))?.notes).toEqual([
      'no_rope_layers is [0,1], and no_rope_layer_interval 2 makes it [1,0]',
    ]);
    const rope_parameters = { rope_type: 'default', rope_theta: 1e4, partial_rotary_factor: 0.75 };
    expect(refusal(() => folderText(changed('phi3', 'config.json', { rope_parameters })))?.notes).toEqual([
      'rope_parameters.partial_rotary_factor is 0.75, and it is not read',
    ]);
    expect(refusal(() => folderText(changed('phi3', 'config.json', { partial_rotary_factor: 0.75 })))?.notes).toEqual([
      'partial_rotary_factor is 0.75, and llama.mdl has it as 1',
    ]);
  });

  it('C0466 for scaled positions without their numbers, and for towers that differ in what the file has once', () => {
    const rope_parameters = { rope_type: 'llama3', rope_theta: 10, factor: 0, low_freq_factor: 1, high_freq_factor: 4 };
    expect(refusal(() => folderText(changed('llama3', 'config.json', { rope_parameters })))?.notes).toEqual([
      'rope_parameters.factor is 0, and a number above 0 is expected',
      'rope_parameters.original_max_position_embeddings is not there, and a number above 0 is expected',
    ]);
    const { vision_config } = JSON.parse(readFileSync(join(folderOf('clip'), 'config.json'), 'utf8')) as {
      vision_config: object;
    };
    const other = { vision_config: { ...vision_config, layer_norm_eps: 1e-6, num_channels: 1, hue: 3 } };
    expect(refusal(() => folderText(changed('clip', 'config.json', other)))?.notes).toEqual([
      'vision_config.num_channels is 1, and clip.mdl has it as 3',
      'vision_config.hue is 3, and whether numbers depend on it is not known',
      'layer_norm_eps is 0.00001 in text_config and 0.000001 in vision_config, and the file has one',
    ]);
  });

  it.each([
    [{ temperature: -1 }, 'temperature of generation_config.json is -1, and a number of at least 0 is expected'],
    [{ top_k: 1.5 }, 'top_k of generation_config.json is 1.5, and a whole number of at least 0 is expected'],
    [{ top_p: 2 }, 'top_p of generation_config.json is 2, and a number above 0 and at most 1 is expected'],
    [{ do_sample: 'yes' }, 'do_sample of generation_config.json is "yes", and true or false is expected'],
    [
      { num_beams: 4 },
      'num_beams of generation_config.json is 4 beside do_sample true, and beam search does not sample',
    ],
  ])('C0466 names the file and the key: %j', (keys, note) => {
    const folder = changed('qwen2', 'generation_config.json', keys);
    expect(refusal(() => generationDefaults(folder))).toEqual({ code: 'C0466', notes: [note] });
  });

  it("Mistral's window is 4096 where config.json does not say, and null is none", () => {
    const mistral = { model_type: 'mistral', architectures: ['MistralForCausalLM'] };
    const ofLlama = ['attention_bias', 'mlp_bias', 'pretraining_tp'];
    const json = JSON.parse(readFileSync(join(folderOf('smollm2'), 'config.json'), 'utf8')) as Record<string, unknown>;
    const plain = Object.fromEntries(Object.entries(json).filter(([key]) => !ofLlama.includes(key)));
    const folderWithout = (more: object): string => {
      const folder = changed('smollm2', 'config.json', {});
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...plain, ...mistral, ...more }));
      return folder;
    };
    expect(folderText(folderWithout({}))).toMatch(/sliding_window = 4096[\s\S]*windowed = true/);
    expect(folderText(folderWithout({ sliding_window: null }))).toMatch('windowed = false');
    const mixed = { layer_types: ['sliding_attention', 'full_attention'] };
    expect(refusal(() => folderText(folderWithout(mixed)))).toEqual({
      code: 'C0466',
      notes: ['layer_types has "full_attention" at 1, and that layer of llama.mdl is sliding_attention'],
    });
  });

  it('a compiled folder is none', () => {
    expect(isModelFolder(folderOf('smollm2'))).toBe(true);
    expect(isModelFolder(folderWith({ 'config.json': '{}', 'manifest.json': '{}' }))).toBe(false);
  });
});

describe('encoders', () => {
  it.each([
    ['bert', { with_pooler: true, layer_norm_eps: 1e-12 }],
    ['vit', { num_labels: 5, image_size: 8 }],
  ])('%s: the config that transformers writes fits its weights', async (name, settings) => {
    const folder = folderWith({});
    cpSync(folderOf(name), folder, { recursive: true });
    cpSync(fixture(`zoo/${name}/weights.safetensors`), join(folder, 'model.safetensors'));
    const { model } = loadModel(folder, {}, recordingOutput());
    expect({ ...model.config(), ...Object.fromEntries(model.settings.flags) }).toMatchObject(settings);
    const weights = await openWeights(model, { weights: [folder] }, recordingOutput());
    await weights!.close();
  });
});

describe('what neither an .mdl file nor a compiled folder holds', () => {
  it.each(['onnx', 'webgpu'])('a compiled folder keeps: sampling and all end tokens, target %s', async (target) => {
    const out = folderWith({});
    for (const name of ['smollm2', 'qwen2']) {
      const { code, stderr } = await mdl(out, 'compile', folderOf(name), '--target', target, '--out', name);
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('not kept')]);
    }
    expect(generationDefaults(join(out, 'qwen2'))).toEqual(generationDefaults(folderOf('qwen2')));
    expect(endTokens(join(out, 'smollm2'))).toEqual([258, 59]);
    if (target !== 'onnx') return;
    const args = ['--prompt', expectedOf('smollm2').prompt, '--raw', '--max-new-tokens', '24', '--json'];
    const { stdout } = await mdl(out, 'generate', 'smollm2', ...args);
    expect(JSON.parse(stdout)).toMatchObject({ tokens: expectedOf('smollm2').tokens.slice(0, -1) });
  });

  it('C0467 for a file that is there, unless --force', async () => {
    const out = join(folderWith({ 'my.mdl': '// edited' }), 'my.mdl');
    const work = importCommand(recordingOutput(), [folderOf('gpt2')], { out });
    await expect(work).rejects.toMatchObject({
      code: 'C0467',
      message: expect.stringContaining(`${out} is there already`),
    });
    expect(readFileSync(out, 'utf8')).toBe('// edited');
    await importCommand(recordingOutput(), [folderOf('gpt2')], { out, force: true });
    expect(readFileSync(out, 'utf8')).toMatch('config checkpoint');
  });
});

describe('the command line', () => {
  it('takes the folder, its weights and how it generates; its own options have the last word', async () => {
    const args = [
      'generate',
      folderOf('qwen2'),
      '--prompt',
      expectedOf('qwen2').prompt,
      '--max-new-tokens',
      '24',
      '--json',
    ];
    const greedy = await mdl(folderWith({}), ...args, '--temperature', '0');
    expect(JSON.parse(greedy.stdout)).toMatchObject({ tokens: expectedOf('qwen2').tokens });
    const sampled = await mdl(folderWith({}), ...args, '--seed', '3');
    expect(sampled.code).toBe(0);
    expect(JSON.parse(sampled.stdout).tokens).not.toEqual(expectedOf('qwen2').tokens);
  });
});

describe('weights as they are released', () => {
  it('of GPT-2 come without `transformer.` and with masks, or with the table twice', async () => {
    const checkpoint = await openCheckpoint(folderOf('gpt2'));
    const keys = [...checkpoint.tensors.keys()];
    const tensors = new Map(await Promise.all(keys.map(async (key) => [key, await checkpoint.read(key)] as const)));
    const table = tensors.get('transformer.wte.weight')!;
    const bare = new Map([...tensors].map(([key, tensor]) => [key.replace('transformer.', ''), tensor]));
    const mask: HostTensor = { dtype: 'f32', shape: [1], data: new Float32Array(1) };
    const cases: readonly (readonly [string, ReadonlyMap<string, HostTensor>])[] = [
      ['released', new Map([...bare, ['h.0.attn.bias', mask]])],
      ['transformers', new Map([...tensors, ['lm_head.weight', table]])],
    ];
    const { model } = loadModel(folderOf('gpt2'), {}, recordingOutput());
    for (const [layout, files] of cases) {
      const path = join(folderWith({ 'w.safetensors': encodeSafetensors(files) }), 'w.safetensors');
      const output = recordingOutput();
      const weights = await openWeights(model, { weights: [path] }, output);
      for (const key of keys) expect(await weights!.read(key), key).toEqual(tensors.get(key));
      expect(output.notes.join()).toMatch(`layout ${layout} of GPT2`);
      await weights!.close();
    }
    await checkpoint.close();
  });
});
