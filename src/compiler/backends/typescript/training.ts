/** What of a plan is its stage's: entries that only the trainer runs, and the batch that a caller gives. */
import type { TensorPort } from '../../../shared/artifact.ts';
import { heldTensors, PORTS } from '../../../shared/training.ts';
import type { EntryPlan, WebGpuPlan } from '../../../shared/webgpu.ts';

const GRAPHS: readonly string[] = ['gradient', 'accumulate', 'update'];

/** The entries that a model has methods for. */
export function ownEntries({ entries, training }: WebGpuPlan): readonly (readonly [string, EntryPlan])[] {
  return Object.entries(entries).filter(([name]) => training === undefined || !GRAPHS.includes(name));
}

/** Inputs of the loss entry: those of the gradient graph that the trainer does not feed. */
export function batchPorts({ entries, training }: WebGpuPlan): readonly TensorPort[] {
  if (!training) return [];
  const fed = new Set<string>([PORTS.lossScale, ...(training.dropout ? [PORTS.dropoutSeed] : [])]);
  for (const { name } of heldTensors(training)) fed.add(PORTS.parameter(name));
  for (const { key } of training.buffers) fed.add(PORTS.buffer(key));
  return entries.gradient!.inputs.filter(({ name }) => !fed.has(name));
}
