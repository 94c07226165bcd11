/** A small model and files of its weights. */
import { join } from 'node:path';
import type { Model } from '../../src/compiler/elaborate/model.ts';
import { loadModel, openWeights, type WeightsOptions } from '../../src/compiler/workbench/model.ts';
import type { WeightProvider } from '../../src/compiler/workbench/weights/provider.ts';
import type { HostTensor } from '../../src/runtime/index.ts';
import { recordingOutput } from './output.ts';
import { folderWith, SMALL, safetensors } from './support.ts';

export const modelOf = (source: string, set: string[] = []): Model =>
  loadModel(join(folderWith({ 'small.mdl': source }), 'small.mdl'), { set }, recordingOutput()).model;

export const small = modelOf(SMALL);

export const openSmall = async (path: string | readonly string[], options: WeightsOptions = {}, model = small) => {
  const said = recordingOutput();
  const weights = await openWeights(model, { ...options, weights: path }, said);
  return { weights: weights!, notes: said.notes };
};

export const file = (tensors: Readonly<Record<string, HostTensor>>): string =>
  join(folderWith({ 'w.safetensors': safetensors(tensors) }), 'w.safetensors');

export const numbers = async (weights: WeightProvider, key: string): Promise<number[]> =>
  Array.from((await weights.read(key)).data, Number);

export async function chunksOf(weights: WeightProvider, key: string): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of weights.chunks(key)) chunks.push(chunk.slice());
  return chunks;
}
