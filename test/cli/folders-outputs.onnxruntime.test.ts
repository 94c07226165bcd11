/**
 * What a folder of transformers computes, beside transformers' own modules in float64 (test/fixtures/folders/make.py): all outputs, and of
 * language models the loss and the gradient of every parameter.
 */
import { describe, expect, it } from 'vitest';
import { loadModel, openWeights } from '../../src/compiler/workbench/model.ts';
import { openForRun } from '../../src/compiler/workbench/session.ts';
import { computeGradients } from '../../src/compiler/workbench/training/gradients.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { fixture, type ReferenceTensor, readTensors, relativeError } from '../support/reference.ts';
import { recordingOutput } from './output.ts';

const TOLERANCE = 1e-5;
const GRADIENT_TOLERANCE = 1e-4;

async function open(name: string) {
  const folder = fixture(`folders/${name}`);
  const loaded = loadModel(folder, {}, recordingOutput());
  const weights = (await openWeights(loaded.model, { weights: [folder] }, recordingOutput()))!;
  const session = await openForRun(loaded, weights, { backend: 'onnx', opset: 17 });
  const close = async (): Promise<void> => {
    await session.dispose();
    await weights.close();
  };
  return { loaded, weights, session, close, expected: readTensors(fixture(`folders/expected/${name}.safetensors`)) };
}

const hostOf = ({ shape, data }: ReferenceTensor): HostTensor => ({
  dtype: data instanceof BigInt64Array ? 'i64' : 'f32',
  shape,
  data: data as BigInt64Array | Float32Array,
});

const LANGUAGE = [
  ...[
    'mistral',
    'llama3',
    'linear',
    'yarn',
    'yarn_factor',
    'yarn_mscale',
    'gemma',
    'gemma2',
    'phi',
    'phi3',
    'smollm3',
    'olmo2',
  ],
  ...['stablelm', 'stablelm2', 'granite'],
];

/** The model's parameters of a key: Phi-3 stores some one after the other. */
function partsOf(key: string): readonly string[] {
  const joined = { qkv_proj: ['q_proj', 'k_proj', 'v_proj'], gate_up_proj: ['gate_proj', 'up_proj'] };
  const found = Object.entries(joined).find(([name]) => key.includes(name));
  return found ? found[1].map((part) => key.replace(found[0], part)) : [key];
}

describe('language models', () => {
  it.each(LANGUAGE)('%s', async (name) => {
    const { loaded, weights, session, close, expected } = await open(name);
    const input_ids = hostOf(expected.get('input_ids')!);
    const row = (value: (at: number) => number): HostTensor => ({
      ...input_ids,
      data: BigInt64Array.from({ length: input_ids.shape[1]! }, (_, at) => BigInt(value(at))),
    });
    const inputs = { input_ids, attention_mask: row(() => 1), position_ids: row((at) => at), labels: input_ids };
    const { loss, logits } = await session.run('loss', inputs);
    expect(relativeError(logits!.data, expected.get('logits')!.data)).toBeLessThan(TOLERANCE);
    expect(relativeError(loss!.data, expected.get('loss')!.data)).toBeLessThan(TOLERANCE);
    const request = { entry: 'loss', stage: 'all', inputs, backend: 'onnx', opset: 17 } as const;
    const gradients = await computeGradients(loaded, weights, request);
    const wanted = [...expected.keys()].filter((key) => key.startsWith('gradient.'));
    const keys = wanted.map((key) => partsOf(key.slice('gradient.'.length)));
    expect(keys.flat().length).toBe(gradients.size);
    for (const [index, key] of wanted.entries()) {
      const found = keys[index]!.flatMap((part) => [...gradients.get(part)!.data].map(Number));
      expect(relativeError(Float64Array.from(found), expected.get(key)!.data), key).toBeLessThan(GRADIENT_TOLERANCE);
    }
    await close();
  });
});

describe('encoders', () => {
  it.each([
    ['minilm', { encode: ['last_hidden_state'], pool: ['pooler_output'] }],
    ['clip', { encode_image: ['image_embeds'], encode_text: ['text_embeds'], compare: ['logits_per_image'] }],
    ['siglip', { encode_image: ['image_embeds'], encode_text: ['text_embeds'], compare: ['logits_per_image'] }],
  ])('%s', async (name, entries) => {
    const { session, close, expected } = await open(name);
    for (const [entry, outputs] of Object.entries(entries)) {
      const names = session.manifest.entries[entry]!.inputs.map((input) => input.name);
      const found = await session.run(entry, Object.fromEntries(names.map((key) => [key, hostOf(expected.get(key)!)])));
      for (const output of outputs) {
        const want = expected.get(output)!;
        expect(found[output]!.shape).toEqual(want.shape);
        expect(relativeError(found[output]!.data, want.data), `${entry} ${output}`).toBeLessThan(TOLERANCE);
      }
    }
    await close();
  });
});
