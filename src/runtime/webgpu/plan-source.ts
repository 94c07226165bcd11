/** A model compiled for WebGPU and a way to its weights; how files are reached differs between Node and a page. */
import type { WebGpuPlan } from '../../shared/webgpu.ts';
import { runtimeError } from '../errors.ts';
import { Checkpoint } from '../weights/checkpoint.ts';
import type { RandomAccess } from '../weights/source.ts';

export interface PlanSource {
  /** for messages: a directory or a URL */
  readonly location: string;
  readonly plan: WebGpuPlan;
  /** A file of the folder, whole. */
  read(file: string): Promise<Uint8Array>;
  /** A weights file of the plan, to be read piece by piece. */
  open(file: string): Promise<RandomAccess>;
}

/** The weights that a plan came with, opened. @throws RuntimeError R0205 when it has none, R01xx */
export async function openWeights({ location, plan, open }: PlanSource): Promise<Checkpoint> {
  const { weights, model } = plan;
  if (!weights)
    throw runtimeError('no_weights', { entry: model.name, reason: `${location} has no weights and none were given` });
  const sources: RandomAccess[] = [];
  try {
    for (const { file, bytes } of weights.files) {
      const source = await open(file);
      sources.push(source);
      if (source.size !== bytes)
        throw runtimeError('weights_file_size', { file: source.name, found: `${source.size} bytes`, expected: bytes });
    }
  } catch (error) {
    for (const source of sources) await source.close?.();
    throw error;
  }
  return Checkpoint.ofFiles(location, sources);
}
