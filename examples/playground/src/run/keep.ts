/** What the user takes along: a compiled folder with its weights, or the adapter, as a zip. */

import { type Zippable, zipSync } from 'fflate';
import { graphsOf, type Model, TARGETS, type WeightReader } from 'mdl-compiler';
import type { HostTensor } from 'mdl-compiler/runtime';
import { adapterParameters, peftFiles, shapeOf } from '../../../../src/compiler/workbench/training/peft-files.ts';
import { storedBytes } from '../../../browser/src/host.ts';
import type { KeepJob } from './protocol.ts';

/** @throws Error where the model has errors, or no adapter; what the target refuses */
export async function kept(model: Model, weights: WeightReader, as: KeepJob['as']): Promise<Uint8Array> {
  return zipOf(as === 'adapter' ? await adapterFiles(model, weights) : await folderFiles(model, weights, as));
}

/** Numbers do not get smaller by packing. */
const LARGE = 100_000;

const zipOf = (files: ReadonlyMap<string, Uint8Array>): Uint8Array =>
  zipSync(
    Object.fromEntries(
      [...files].map(([name, bytes]): [string, Zippable[string]] => [
        name,
        [bytes, { level: bytes.length > LARGE ? 0 : 6 }],
      ]),
    ),
  );

async function adapterFiles(model: Model, weights: WeightReader): Promise<Map<string, Uint8Array>> {
  const shape = shapeOf(model);
  if (!shape) throw new Error(`${model.name} has no LoRA under these settings`);
  const tensors = new Map<string, HostTensor>();
  for (const { keys } of adapterParameters(model)) tensors.set(keys[0], await weights.read(keys[0]));
  return peftFiles(shape, tensors);
}

async function folderFiles(
  model: Model,
  weights: WeightReader,
  target: Exclude<KeepJob['as'], 'adapter'>,
): Promise<Map<string, Uint8Array>> {
  const graphs = graphsOf(model);
  if (!graphs) throw new Error(`${model.name} has errors: the editor shows them`);
  const artifact = TARGETS[target].compile(graphs);
  const files = new Map(artifact.files(weights));
  files.set('manifest.json', new TextEncoder().encode(`${JSON.stringify(artifact.manifest(weights), null, 2)}\n`));
  for (const stored of artifact.weights) files.set(stored.file, await storedBytes(stored, weights));
  return files;
}
