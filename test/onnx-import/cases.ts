/** Inputs and results of the files of test/fixtures/onnx-import. */
import type { HostTensor } from '../../src/shared/tensor.ts';
import { fixture, readTensors } from '../support/reference.ts';

/** Inputs in the order in which the modules take them. */
const INPUTS: Readonly<Record<string, readonly string[]>> = {
  encoder: ['input_ids', 'attention_mask'],
  plain: ['input_ids'],
  shapes: ['x', 'ids'],
  bare: ['input_ids', 'attention_mask'],
  masked: ['input_ids', 'attention_mask'],
  eager: ['input_ids', 'attention_mask'],
  decoder: [
    'input_ids',
    'attention_mask',
    'position_ids',
    ...[0, 1].flatMap((layer) => ['key', 'value'].map((kept) => `past_key_values.${layer}.${kept}`)),
  ],
};

/** What a file of test/fixtures/onnx-import is run on, and what the module that it was made of gave in float64. */
export function inputsAndOutputs(name: string): {
  readonly inputs: readonly HostTensor[];
  readonly outputs: readonly HostTensor[];
} {
  const all = readTensors(fixture(`onnx-import/${name}.safetensors`));
  const host = (key: string): HostTensor => {
    const { shape, data } = all.get(key)!;
    return { dtype: data instanceof BigInt64Array ? 'i64' : 'f32', shape, data: data as HostTensor['data'] };
  };
  const count = [...all.keys()].filter((key) => key.startsWith('out.')).length;
  return {
    inputs: (INPUTS[name.split('-')[0]!] ?? ['x']).map((key) => host(`in.${key}`)),
    outputs: Array.from({ length: count }, (_, index) => host(`out.${index}`)),
  };
}
