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

describe('language models', () => {
  it.each(['mistral', 'llama3', 'linear', 'yarn', 'gemma', 'gemma2', 'phi'])('%s', async (name) => {
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
    expect(wanted.length).toBe(gradients.size);
    for (const key of wanted) {
      const found = gradients.get(key.slice('gradient.'.length))!;
      expect(relativeError(found.data, expected.get(key)!.data), key).toBeLessThan(GRADIENT_TOLERANCE);
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
