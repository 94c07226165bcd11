/** LoRA adapters in PEFT's format: written by a run, read by another, swapped and merged. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import runCommand from '../../src/compiler/cli/commands/run.ts';
import trainCommand from '../../src/compiler/cli/commands/train.ts';
import { peftKey } from '../../src/compiler/workbench/training/peft.ts';
import { folderWith } from '../support/folder.ts';
import { readTensors, relativeError } from '../support/reference.ts';
import { DEFAULTS, MICRO, microBatch, microFolder, recorder } from './support.ts';

test('keys are those of peft', () => {
  const base = 'llama_model.base_model.model.model.layers.0.self_attn.dense.lora_A';
  expect(peftKey(`${base}.default.weight`)).toBe('base_model.model.model.layers.0.self_attn.dense.lora_A.weight');
  expect(peftKey('first.lora_B.default.weight')).toBe('base_model.model.first.lora_B.weight');
});

describe('an adapter', () => {
  const { folder, file, batch } = microFolder();
  const adapter = join(folder, 'adapter');
  const weights = join(folder, 'run', 'model.safetensors');
  const outputs = join(folder, 'out.safetensors');
  const lossOf = async (more: object): Promise<number> => {
    await runCommand(recorder(), [file], {
      entry: 'loss',
      inputs: batch,
      outputs,
      tap: [],
      backend: 'onnx',
      opset: '17',
      ...more,
    });
    return Number(readTensors(outputs).get('loss')!.data[0]);
  };

  beforeAll(async () => {
    const train = { ...DEFAULTS, init: 2, stage: 'two', batch, steps: 10 };
    await trainCommand(recorder(), [file], { ...train, out: join(folder, 'run'), saveAdapter: adapter });
  });

  test('is written as peft writes it', () => {
    const config = JSON.parse(readFileSync(join(adapter, 'adapter_config.json'), 'utf8')) as object;
    expect(config).toMatchObject({
      peft_type: 'LORA',
      r: 2,
      lora_alpha: 4,
      lora_dropout: 0.25,
      target_modules: ['first'],
      bias: 'none',
    });
    const tensors = readTensors(join(adapter, 'adapter_model.safetensors'));
    expect([...tensors].map(([key, { shape }]) => [key, shape])).toEqual([
      ['base_model.model.first.lora_A.weight', [2, 8]],
      ['base_model.model.first.lora_B.weight', [8, 2]],
    ]);
  });

  test('goes over weights that have none, another one, or is merged', async () => {
    const trained = await lossOf({ weights });
    const other = join(folder, 'other.safetensors');
    await trainCommand(recorder(), [file], {
      ...DEFAULTS,
      weights,
      stage: 'two',
      batch,
      steps: 5,
      out: join(folder, 'on'),
      save: other,
    });
    const moved = join(folder, 'on', 'model.safetensors');
    expect(await lossOf({ weights: moved, allowMissing: [] })).not.toBe(trained);
    expect(await lossOf({ weights, adapter })).toBe(trained);
    expect(relativeError([await lossOf({ weights, adapter, mergeLora: true })], [trained])).toBeLessThan(1e-5);
  });

  test('of some modules: the others stay as they are, which is said', async () => {
    const both = microFolder(
      microBatch(),
      MICRO.replace('adapt first with LoRA', 'adapt first, layers[*].fc with LoRA'),
    );
    const output = recorder();
    await runCommand(output, [both.file], {
      ...{ entry: 'loss', inputs: batch, outputs, tap: [], backend: 'onnx', opset: '17' },
      weights,
      adapter,
    });
    expect(output.notes).toContain(
      `the adapter ${adapter} leaves 2 of 3 modules as they are: layers.0.fc, layers.1.fc`,
    );
    // the model that adapts the one module alone is the judge
    expect(Number(readTensors(outputs).get('loss')!.data[0])).toBeCloseTo(await lossOf({ weights, adapter }), 6);
  });

  test('that does not fit is refused', async () => {
    await expect(lossOf({ weights, adapter, set: ['lora=false'] })).rejects.toThrow(
      'the model has no adapter under these settings',
    );
    await expect(lossOf({ weights, adapter: join(folder, 'nowhere') })).rejects.toThrow(
      'adapter_config.json cannot be read',
    );
    await expect(lossOf({ init: 1, adapter })).rejects.toThrow('--adapter has no meaning without --weights');
    const changed = folderWith();
    const write = (config: object): void => writeFileSync(join(changed, 'adapter_config.json'), JSON.stringify(config));
    write({ peft_type: 'IA3' });
    await expect(lossOf({ weights, adapter: changed })).rejects.toThrow('its peft_type is "IA3", and LORA is read');
    write({ peft_type: 'LORA', r: 8, lora_alpha: 4 });
    await expect(lossOf({ weights, adapter: changed })).rejects.toThrow(
      'has r 8 and the model has 2: set it with --set lora.r=8',
    );
    write({ peft_type: 'LORA', r: 2, lora_alpha: 16 });
    await expect(lossOf({ weights, adapter: changed })).rejects.toThrow('has alpha 16 and the model has 4');
    // what scales otherwise than alpha / r would be read as if it did not
    write({ peft_type: 'LORA', r: 2, lora_alpha: 4, use_rslora: true });
    await expect(lossOf({ weights, adapter: changed })).rejects.toThrow('has alpha 5.65');
    write({ peft_type: 'LORA', r: 2, lora_alpha: 4, alpha_pattern: { first: 8 } });
    await expect(lossOf({ weights, adapter: changed })).rejects.toThrow('its alpha_pattern gives modules');
    write({ peft_type: 'LORA', r: 2, lora_alpha: 4, alora_invocation_tokens: [5] });
    await expect(lossOf({ weights, adapter: changed })).rejects.toThrow(
      'its alora_invocation_tokens switches the adapter on only from these tokens on',
    );
    write({ peft_type: 'LORA', r: 2, lora_alpha: 4, next_year: 1 });
    await expect(lossOf({ weights, adapter: changed })).rejects.toThrow('its next_year is 1, and what that changes');
    write({ peft_type: 'LORA', r: 2, lora_alpha: 4, use_dora: true });
    await expect(lossOf({ weights, adapter: changed })).rejects.toThrow('it is a DoRA adapter');
  });
});
