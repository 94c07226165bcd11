/**
 * The key layouts under which TinyGPT-V's checkpoints exist, and LoRA folded into the weights: all give the same
 * logits.
 *
 *     PEFT 0.3–0.6      llama_model.base_model.model.….query_key_value.{weight, lora_A.default.weight}   (the fixture's)
 *     PEFT ≥ 0.7                                      ….query_key_value.{base_layer.weight, lora_A.default.weight}
 *     PEFT 0.2                                        ….query_key_value.{weight, lora_A.weight}
 *     without LoRA      llama_model.model.….query_key_value.weight
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import compileCommand from '../../src/compiler/cli/commands/compile.ts';
import { loadModel } from '../../src/compiler/workbench/model.ts';
import { openSession, type Session, writeSafetensors } from '../../src/runtime/index.ts';
import type { Manifest } from '../../src/shared/artifact.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { recordingOutput } from '../cli/output.ts';
import { folderWith } from '../support/folder.ts';
import { readTensors, relativeError } from '../support/reference.ts';
import {
  ABLATIONS,
  configFile,
  input,
  lossInputs,
  type OpenOptions,
  openTiny,
  output,
  scratchFolder,
  TARGETS,
  TOLERANCE,
  unmasked,
  WEIGHTS,
} from './support.ts';

const ADAPTED = /self_attn\.(query_key_value|dense)\.(weight|bias)$/;

const LAYOUTS: Readonly<Record<string, (key: string) => string>> = {
  'PEFT 0.7 and later': (key) => key.replace(ADAPTED, 'self_attn.$1.base_layer.$2'),
  'PEFT 0.2': (key) => key.replace('.default.weight', '.weight'),
  'LoRA without a wrapper': (key) => key.replace('llama_model.base_model.model.', 'llama_model.'),
};

const stored = readTensors(WEIGHTS);

/** The fixture's weights under other keys; keys that become '' are left out. */
async function rekeyed(name: string, rename: (key: string) => string): Promise<string> {
  const file = join(scratchFolder(), `${name.replace(/\W+/g, '-')}.safetensors`);
  const tensors = [...stored].flatMap(([key, { shape, data }]): [string, HostTensor][] => {
    const renamed = rename(key);
    if (renamed === '') return [];
    return [
      [
        renamed,
        data instanceof BigInt64Array
          ? { dtype: 'i64', shape, data }
          : { dtype: 'f32', shape, data: data as Float32Array },
      ],
    ];
  });
  await writeSafetensors(file, new Map(tensors));
  return file;
}

async function logitsOf(options: OpenOptions): Promise<Float32Array> {
  const tiny = await openTiny({ entries: ['loss'], ...options });
  try {
    return (await tiny.session.run('loss', lossInputs(''), { fetch: ['logits'] })).logits!.data as Float32Array;
  } finally {
    await tiny.close();
  }
}

const vocab = output('logits').shape[2]!;
const counted = unmasked(input('attention_mask'), vocab);

describe('key layouts', () => {
  let usual: Float32Array;
  beforeAll(async () => {
    usual = await logitsOf({});
  });

  it.each(Object.entries(LAYOUTS))('%s', async (name, rename) => {
    const weights = await rekeyed(name, rename);
    expect([...readTensors(weights).keys()].sort()).not.toEqual([...stored.keys()].sort());
    expect(await logitsOf({ weights })).toEqual(usual);
  });

  it('without LoRA', async () => {
    const plain = (key: string): string =>
      key.includes('.lora_') ? '' : key.replace('llama_model.base_model.model.', 'llama_model.');
    const logits = await logitsOf({ weights: await rekeyed('plain', plain), set: ['lora=false'] });
    expect(relativeError(logits, ABLATIONS.get('no_lora/logits')!.data, counted)).toBeLessThan(TOLERANCE);
  });

  it('one parameter under two layouts is an error that names both', async () => {
    const weights = join(scratchFolder(), 'twice.safetensors');
    const key = 'llama_model.base_model.model.model.layers.0.self_attn.dense.bias';
    const all = [...stored].map(([name, { shape, data }]): [string, HostTensor] => [
      name,
      { dtype: data instanceof BigInt64Array ? 'i64' : 'f32', shape, data: data as Float32Array },
    ]);
    const [, bias] = all.find(([name]) => name === key)!;
    await writeSafetensors(weights, new Map([...all, [key.replace('.bias', '.base_layer.bias'), bias]]));
    await expect(openTiny({ weights })).rejects.toMatchObject({
      code: 'C0101',
      notes: [
        expect.stringMatching(/^twice +.*dense\.bias: as .*dense\.bias and as .*dense\.base_layer\.bias$/),
        expect.anything(),
      ],
    });
  });
});

describe.each(TARGETS)('--merge-lora, $backend, opset $opset', (target) => {
  it('gives the same logits as adapters that are kept', async () => {
    const tiny = await openTiny({ ...target, entries: ['loss'], mergeLora: true });
    try {
      const { logits, loss } = await tiny.session.run('loss', lossInputs(''));
      expect(relativeError(logits!.data, output('logits').data, counted)).toBeLessThan(TOLERANCE);
      expect(relativeError(loss!.data, output('loss').data)).toBeLessThan(TOLERANCE);
    } finally {
      await tiny.close();
    }
  });
});

describe('a compiled folder', () => {
  const compileTo = async (more: { mergeLora?: boolean; opset?: string; entry?: string[] }): Promise<string> => {
    const out = folderWith();
    await compileCommand(recordingOutput(), ['models/tinygpt-v.mdl'], {
      configFile: configFile(),
      weights: WEIGHTS,
      opset: '17',
      target: 'onnx',
      entry: [],
      out,
      ...more,
    });
    return out;
  };
  const manifestOf = (folder: string): Manifest =>
    JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
  const logits = async (session: Session): Promise<HostTensor> =>
    (await session.run('loss', lossInputs(''), { fetch: ['logits'] })).logits!;

  it.each(['17', '23'])(
    'runs at opset %s, merged as well as not',
    async (opset) => {
      const kept = await compileTo({ opset });
      const merged = await compileTo({ opset, mergeLora: true });
      for (const folder of [kept, merged]) {
        const session = await openSession(folder);
        expect(relativeError((await logits(session)).data, output('logits').data, counted)).toBeLessThan(TOLERANCE);
        await session.dispose();
      }
      const bytes = (folder: string): number =>
        manifestOf(folder).targets.onnx!.weights.reduce((sum, file) => sum + file.bytes, 0);
      expect(bytes(merged)).toBeLessThan(bytes(kept));
      const text = (folder: string): string => readFileSync(join(folder, 'onnx/loss.onnx'), 'latin1');
      expect(text(kept)).toContain('lora_A');
      expect(text(merged)).not.toContain('lora_A');
      // a merge is known by the weights it reads: the metadata still says that the flag was on
      expect(manifestOf(merged).model.flags.lora).toBe(true);
    },
    120_000,
  );

  it('the parameters of a merged model are those without LoRA', () => {
    const keys = (options: { mergeLora?: boolean; set?: string[] }) => [
      ...loadModel(
        'models/tinygpt-v.mdl',
        { configFile: configFile(), ...options },
        recordingOutput(),
      ).model.parameters.keys(),
    ];
    expect(keys({ mergeLora: true })).toEqual(keys({ set: ['lora=false'] }));
  });
});
