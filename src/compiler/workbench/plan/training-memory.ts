/**
 * The memory of a stage on a device, by what it is for. Tensors that move from run to run (what trains, the optimiser's state,
 * gradients) are one buffer each, whichever entries read or write them; the rest is an entry's own.
 */
import { heldTensors, PORTS, type TrainingPlan } from '../../../shared/training.ts';
import type { BufferPlan, WebGpuPlan } from '../../../shared/webgpu.ts';
import { formatBytes } from '../units.ts';
import { wordsOfBuffer } from './buffers.ts';
import { bytesOnDevice, sharedKey } from './memory.ts';
import { type Dims, entryAt } from './report.ts';

/** Bytes of each part, in the order in which they are told. */
export interface TrainingParts {
  /** frozen parameters, as they are stored, and constants */
  readonly weights: number;
  /** what trains, and the buffers that steps update */
  readonly trained: number;
  readonly gradients: number;
  /** the optimiser's state */
  readonly optimiser: number;
  /** what lies between the kernels of the gradient graph, saved activations among it */
  readonly activations: number;
  /** of the other graphs */
  readonly scratch: number;
  /** the batch, and what a step reads */
  readonly batch: number;
}

export interface TrainingMemory extends TrainingParts {
  readonly peak: number;
}

/** Entries that a stage has beside those of the model. */
const ENTRIES = ['gradient', 'accumulate', 'update', 'validate'] as const;

/**
 * @param device of the stage's graphs
 * @param dims sizes of the batch
 */
export function trainingMemory(
  device: WebGpuPlan,
  training: TrainingPlan,
  dims: Dims,
  profile: 'gpu' | 'software' = 'gpu',
): TrainingMemory {
  const parts = { weights: 0, trained: 0, gradients: 0, optimiser: 0, activations: 0, scratch: 0, batch: 0 };
  /** of buffers that several entries share, by what they are */
  const seen = new Set<string>();
  const once = (part: keyof TrainingParts, key: string, bytes: number): void => {
    if (!seen.has(key)) parts[part] += bytes;
    seen.add(key);
  };
  const moving = movingTensors(training);
  // a first micro-batch's gradient is the sum that later ones are added to
  const accumulates = training.accumulate > 1;
  for (const entry of ENTRIES.filter((name) => Object.hasOwn(device.entries, name))) {
    if (entry === 'accumulate' && !accumulates) continue;
    const { layout, symbols, values } = entryAt(device, entry, dims, profile);
    const portOf = (buffer: BufferPlan): string | undefined => {
      const { inputs, outputs } = layout.plan;
      if (buffer.kind === 'input') return inputs[buffer.port]!.name;
      if (buffer.kind !== 'output') return undefined;
      // one that overwrites an input is that input's buffer
      return buffer.donated === undefined ? outputs[buffer.port]!.name : inputs[buffer.donated]!.name;
    };
    for (const [index, buffer] of layout.plan.buffers.entries()) {
      const bytes = bytesOnDevice(4 * wordsOfBuffer(device, layout, index, symbols, values));
      const port = portOf(buffer);
      const part = port === undefined ? undefined : moving.get(port);
      const shared = sharedKey(buffer);
      if (shared !== undefined) once('weights', shared, bytes);
      else if (part !== undefined) once(part, port!, bytes);
      else if (port !== undefined || buffer.kind === 'watch') parts.batch += bytes;
      else parts[entry === 'gradient' ? 'activations' : 'scratch'] += bytes;
    }
  }
  return { ...parts, peak: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
}

/** Ports whose tensors stay on the device between runs, by name. */
function movingTensors(plan: TrainingPlan): ReadonlyMap<string, 'trained' | 'gradients' | 'optimiser'> {
  const moving = new Map<string, 'trained' | 'gradients' | 'optimiser'>();
  for (const { name } of heldTensors(plan)) {
    moving.set(PORTS.parameter(name), 'trained');
    moving.set(PORTS.gradient(name), 'gradients');
    if (plan.accumulate > 1) moving.set(PORTS.sum(name), 'gradients');
    for (const slot of plan.slots) moving.set(PORTS.state(slot, name), 'optimiser');
    for (const port of [...moving.keys()]) moving.set(PORTS.next(port), moving.get(port)!);
  }
  for (const { key } of plan.buffers) {
    moving.set(PORTS.buffer(key), 'trained');
    moving.set(PORTS.updated(key), 'trained');
  }
  return moving;
}

const LABELS: Readonly<Record<keyof TrainingParts, string>> = {
  weights: 'frozen weights',
  trained: 'trained',
  gradients: 'gradients',
  optimiser: 'optimiser state',
  activations: 'activations',
  scratch: 'other scratch',
  batch: 'batch and results',
};

/** A line for each part. */
export function trainingMemoryLines(memory: TrainingMemory): readonly string[] {
  const rows = Object.entries(LABELS).map(([part, label]): readonly [string, number] => [
    label,
    memory[part as keyof TrainingParts],
  ]);
  return [...rows, ['in all', memory.peak] as const].map(
    ([label, bytes]) => `  ${label.padEnd(18)} ${formatBytes(bytes).padStart(9)}`,
  );
}
