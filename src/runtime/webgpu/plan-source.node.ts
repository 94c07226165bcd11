/** A model compiled for WebGPU, in a directory. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reasonOf, runtimeError } from '../errors.ts';
import { fileSource } from '../weights/source.node.ts';
import { parsePlan } from './plan-file.ts';
import type { PlanSource } from './plan-source.ts';

/** @param path of the directory that the compiler wrote, or of the plan in it. @throws RuntimeError R0203, R1012 */
export async function openPlanSource(path: string): Promise<PlanSource> {
  const file = path.endsWith('.json') ? path : join(path, 'plan.json');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw runtimeError('model_not_found', { file: path, reason: `plan.json: ${reasonOf(error)}` }, error);
  });
  const directory = dirname(file);
  return {
    location: directory,
    plan: parsePlan(text, file),
    read: (name) => readFile(join(directory, name)),
    open: (name) => fileSource(join(directory, name)),
  };
}
