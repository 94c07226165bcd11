/** All weights of a model as one safetensors file, streamed tensor by tensor. */
import { type StreamedTensor, writeSafetensors } from '../../../runtime/index.ts';
import type { Model } from '../../elaborate/model.ts';
import { OWN_KEYS } from '../layouts/asked.ts';
import type { WeightProvider } from '../weights/provider.ts';

const STORED = { f32: 'F32', i64: 'I64', bool: 'BOOL' } as const;

/** @throws RuntimeError R0122 when the disk refuses */
export async function writeModel(
  file: string,
  model: Model,
  weights: WeightProvider,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const tensors = [...model.parameters.values()].map((parameter): [string, StreamedTensor] => {
    const [key] = parameter.keys;
    return [key, { stored: STORED[parameter.dtype], shape: parameter.shape, chunks: () => weights.chunks(key) }];
  });
  await writeSafetensors(file, new Map(tensors), { ...OWN_KEYS, ...metadata });
}
