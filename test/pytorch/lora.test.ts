/** lora.py: adapters by PEFT, beside the weights and merged, against PEFT's own logits and against `mdl compile --adapter`. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/runtime/index.ts';
import { unsupportedSetting } from '../../src/runtime/peft-config.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { folderWith, mdl, ROOT } from '../cli/support.ts';
import { fixture, readTensors, relativeError } from '../support/reference.ts';
import { describeTorch, runPython, scratch } from './support.ts';
import { drive, type Trained } from './training.ts';

const SOURCE = readFileSync(join(ROOT, 'src/compiler/backends/pytorch/inference/lora.py'), 'utf8');
const LLAMA = readFileSync(join(ROOT, 'models/llama.mdl'), 'utf8');
const TOLERANCE = 1e-5;

/** The Llama of models/ with LoRA on what an adapter of test/fixtures/peft adapts. */
const adapted = (clause: string): string => `import { LoRA } from "std"\n${LLAMA}\nadapt ${clause}\n`;
const FILES = {
  'llama-decoder.mdl': readFileSync(join(ROOT, 'models/llama-decoder.mdl'), 'utf8'),
  'plain.mdl': adapted(
    'model.layers[*].self_attn.{q_proj, v_proj}, model.layers[*].mlp.down_proj with LoRA(r = 4, alpha = 10)',
  ),
  'everywhere.mdl': adapted(
    'model.layers[*].self_attn.{q_proj, k_proj, v_proj, o_proj}, model.layers[*].mlp.* with LoRA(r = 2, alpha = 3 * 2 ** 0.5)',
  ),
};

interface Job {
  readonly folder: string;
  readonly adapters: readonly (readonly [string, boolean])[];
  readonly entry: string;
  readonly inputs: string;
  readonly out: string;
}

/** What a folder of an adapter is made into: a setting, a tensor. */
function changed(
  name: string,
  from: string,
  change: (config: Record<string, unknown>, tensors: Map<string, HostTensor>) => void,
) {
  const folder = join(scratch, `adapter-${name.replaceAll(' ', '-')}`);
  mkdirSync(folder);
  cpSync(fixture(`peft/${from}`), folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
  const stored = readTensors(join(folder, 'adapter_model.safetensors'));
  const tensors = new Map(
    [...stored].map(([key, { shape, data }]): [string, HostTensor] => [
      key,
      { dtype: 'f32', shape, data: Float32Array.from(data, Number) },
    ]),
  );
  change(config, tensors);
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'adapter_model.safetensors'), encodeSafetensors(tensors));
  return folder;
}

describe('lora.py', () => {
  const keys = [.../^PLAIN = \{([^}]*)\}/m.exec(SOURCE)![1]!.matchAll(/"(\w+)"/g)].map((match) => match[1]!);

  it('passes the settings that the runtime passes', () => {
    expect(keys.length).toBeGreaterThan(15);
    for (const key of keys) expect(unsupportedSetting({ [key]: 'anything' }), key).toBeUndefined();
    for (const key of ['use_dora', 'rank_pattern', 'lora_bias', 'modules_to_save', 'unheard_of']) {
      expect(unsupportedSetting({ [key]: 'anything' }), key).toBeDefined();
      expect(keys).not.toContain(key);
    }
  });
});

describeTorch('lora.py beside a model', () => {
  const folder = folderWith(FILES);
  const expected = readTensors(fixture('peft/expected.safetensors'));
  const rows = readTensors(fixture('zoo/llama/expected.safetensors'));
  const [plain, stabilised] = [fixture('peft/plain'), fixture('peft/stabilised')];
  const said: Record<string, readonly (readonly string[])[] | string> = {};
  const logits: Record<string, Float32Array> = {};
  let answers: readonly Trained[] = [];
  const mask = rows.get('attention_mask')!.data;
  const counts = (index: number): boolean => Number(mask[Math.floor(index / 24)]) === 1;

  const broken = {
    'a rank that the model has not': ['plain', [stabilised, false], 'C0205: .* has r 2.0, and the model'],
    'a setting that changes what it is': [
      'plain',
      [changed('dora', 'plain', (config) => Object.assign(config, { use_dora: true })), true],
      'C0204: .* its use_dora is true',
    ],
    'a number where nothing is meant': [
      'plain',
      [changed('unknown', 'plain', (config) => Object.assign(config, { unheard_of: 0 })), true],
      'C0204: .* its unheard_of is 0',
    ],
    'half of a pair': [
      'plain',
      [changed('half', 'plain', (_, tensors) => void tensors.delete([...tensors.keys()][0]!)), false],
      'C0204: .* has A or B, and not both',
    ],
    'another shape': [
      'plain',
      [
        changed('shape', 'plain', (_, tensors) => {
          const key = [...tensors.keys()].find((one) => one.includes('down_proj.lora_A'))!;
          tensors.set(key, { dtype: 'f32', shape: [4, 8], data: new Float32Array(32) });
        }),
        false,
      ],
      'C0204: .* has the shape \\[4, 8\\], and the model',
    ],
    'a value that is not finite': [
      'plain',
      [
        changed(
          'nan',
          'plain',
          (_, tensors) =>
            void tensors
              .values()
              .next()
              .value!.data.fill(Number.NaN as never),
        ),
        true,
      ],
      'C0204: .* has values that are not finite',
    ],
    'no A and B to put it into': ['bare', [plain, false], 'C0204: .* merge it'],
    'a folder without an adapter': [
      'plain',
      [join(folder, 'plain'), false],
      'C0204: .* adapter_config.json cannot be read',
    ],
  } as const satisfies Record<string, readonly [string, readonly [string, boolean], string]>;

  const JOBS: Readonly<Record<string, readonly [string, readonly (readonly [string, boolean])[]]>> = {
    bare: ['bare', []],
    plain: ['plain', [[plain, false]]],
    stabilised: ['everywhere', [[stabilised, false]]],
    'plain.merged': ['bare', [[plain, true]]],
    'stabilised.merged': ['bare', [[stabilised, true]]],
    'one after the other': [
      'plain',
      [
        [plain, true],
        [plain, false],
      ],
    ],
    'mdl compile --adapter': ['given', []],
    'mdl compile --merge-lora': ['merged', []],
    ...Object.fromEntries(
      Object.entries(broken).map(([name, [model, adapter]]) => [name, [model, [adapter]] as const]),
    ),
  };

  beforeAll(async () => {
    const base = [
      '--config-file',
      fixture('zoo/llama/config.json'),
      '--weights',
      fixture('zoo/llama/weights.safetensors'),
    ];
    const fresh = ['--allow-missing', '**.lora_*'];
    const models: Record<string, readonly string[]> = {
      bare: [join(ROOT, 'models/llama.mdl'), ...base],
      plain: ['plain.mdl', ...base, ...fresh],
      everywhere: ['everywhere.mdl', ...base, ...fresh],
      given: ['plain.mdl', ...base, '--adapter', plain],
      merged: ['plain.mdl', ...base, '--adapter', plain, '--merge-lora'],
    };
    for (const [name, args] of Object.entries(models)) {
      const ran = await mdl(folder, 'compile', ...args, '--target', 'pytorch', '--out', name);
      expect(ran.code, ran.stderr).toBe(0);
    }
    const inputs = join(folder, 'inputs.safetensors');
    const names = ['input_ids', 'attention_mask', 'position_ids', 'labels'];
    const fed = names.map((name) => [name, { ...rows.get(name)!, dtype: 'i64' }] as const);
    writeFileSync(inputs, encodeSafetensors(new Map(fed as never)));
    const jobs = Object.entries(JOBS).map(
      ([, [model, adapters]], index): Job => ({
        folder: join(folder, model),
        adapters,
        entry: 'loss',
        inputs,
        out: join(folder, `out-${index}.safetensors`),
      }),
    );
    const answer = (model: string, ...args: readonly string[]) => ({
      folder,
      program: `${model}/generate.py`,
      argv: ['--json', '--ids', '5 8 13', '--max-new-tokens', '8', ...args],
    });
    answers = drive([
      answer('given'),
      answer('plain', '--adapter', plain),
      answer('bare', '--adapter', plain),
      answer('bare'),
    ]);
    const list = join(folder, 'jobs.json');
    writeFileSync(list, JSON.stringify(jobs));
    const results = JSON.parse(runPython(fileURLToPath(new URL('./lora.py', import.meta.url)), list)) as never[];
    for (const [index, name] of Object.keys(JOBS).entries()) {
      said[name] = results[index]!;
      const out = [...readTensors(jobs[index]!.out).values()].find(({ shape }) => shape.at(-1) === 24)!;
      logits[name] = out.data as Float32Array;
    }
  }, 300_000);

  it.each(['plain', 'stabilised', 'plain.merged', 'stabilised.merged'])('%s: the logits of PEFT', (name) => {
    expect(relativeError(logits[name]!, expected.get(name)!.data, counts)).toBeLessThan(TOLERANCE);
    expect(relativeError(logits[name]!, logits.bare!, counts)).toBeGreaterThan(0.1);
  });

  it('names the modules that it leaves', () => {
    expect(said.plain).toEqual([[]]);
    const [left] = said.stabilised as readonly (readonly string[])[];
    expect(left).toHaveLength(7 + 2);
    expect(left).toContain('base_model.model.model.layers.1.mlp.down_proj');
  });

  it.each(['mdl compile --adapter', 'mdl compile --merge-lora'])('as %s', (name) => {
    expect(relativeError(logits.plain!, logits[name]!, counts)).toBeLessThan(TOLERANCE);
  });

  it('generate.py --adapter answers as with the weights of mdl compile --adapter', () => {
    const [given, put, merged, without] = answers.map(({ code, output }) => {
      expect(code, output).toBe(0);
      return (JSON.parse(output) as { readonly tokens: readonly number[] }).tokens;
    });
    expect(given).toHaveLength(8);
    expect(put).toEqual(given);
    expect(merged).toEqual(given);
    expect(without).not.toEqual(given);
  });

  it('what is merged stays under what is loaded next', () => {
    const twice = logits['one after the other']!;
    expect(relativeError(twice, logits.plain!, counts)).toBeGreaterThan(0.01);
  });

  it.each(Object.entries(broken))('%s is refused, and nothing is changed', (name, [model, , message]) => {
    expect(said[name]).toMatch(new RegExp(message));
    // A and B of a model begin as an adapter that adds nothing
    expect(relativeError(logits[name]!, logits.bare!, counts), model).toBeLessThan(1e-6);
  });
});
