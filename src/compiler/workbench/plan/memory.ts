/**
 * The memory of a plan on a device, before anything is on it: what is shared by the entries (parameters, constants), and what
 * each entry takes beside it at its sizes.
 *
 *     peak = weights + constants + Σ over entries (caches + scratch + inputs and outputs)
 *
 * An entry's buffers stay once it ran, and so does the cache that it left, so the sum is what a session holds that ran all of
 * them; uniforms and what is read back are some KB more.
 */

import type { BufferPlan, WebGpuPlan } from '../../../shared/webgpu.ts';
import { columns } from '../columns.ts';
import { formatBytes } from '../units.ts';
import { wordsOfBuffer } from './buffers.ts';
import { type Dims, entryAt } from './report.ts';

/** A buffer on the device is a multiple of it. */
const GRAIN = 256;

export interface EntryMemory {
  readonly entry: string;
  readonly dims: Readonly<Record<string, number>>;
  /** bytes of the parameters that it reads, shared with other entries */
  readonly weights: number;
  readonly caches: number;
  readonly scratch: number;
  readonly ports: number;
}

export interface PlanMemory {
  /** bytes of all parameters that the entries read, each once */
  readonly weights: number;
  readonly constants: number;
  readonly entries: readonly EntryMemory[];
  readonly peak: number;
  /** the largest buffer that a kernel binds */
  readonly largest: { readonly bytes: number; readonly what: string };
}

/** @param dimsOf sizes of an entry's dynamic dims */
export function memoryOf(
  plan: WebGpuPlan,
  dimsOf: (entry: string) => Dims,
  profile: 'gpu' | 'software' = 'gpu',
): PlanMemory {
  const shared = new Map<string, number>();
  let largest = { bytes: 0, what: 'nothing' };
  const entries = Object.keys(plan.entries).map((entry): EntryMemory => {
    const dims = dimsOf(entry);
    const { layout, symbols, values } = entryAt(plan, entry, dims, profile);
    const sums = { weights: 0, caches: 0, scratch: 0, ports: 0 };
    for (const [index, buffer] of layout.plan.buffers.entries()) {
      const bytes = bytesOnDevice(4 * wordsOfBuffer(plan, layout, index, symbols, values));
      if (bytes > largest.bytes) largest = { bytes, what: nameOf(plan, entry, buffer) };
      const key = sharedKey(buffer);
      if (key !== undefined) shared.set(key, bytes);
      sums[KIND[buffer.kind]] += key?.startsWith('constant') ? 0 : bytes;
    }
    return { entry, dims: Object.fromEntries(dims), ...sums };
  });
  const of = (constant: boolean): number =>
    [...shared].reduce((sum, [key, bytes]) => (key.startsWith('constant') === constant ? sum + bytes : sum), 0);
  const [weights, constants] = [of(false), of(true)];
  const own = entries.reduce((sum, { caches, scratch, ports }) => sum + caches + scratch + ports, 0);
  return { weights, constants, entries, peak: weights + constants + own, largest };
}

/** What a buffer of so many bytes takes. */
export const bytesOnDevice = (bytes: number): number => Math.max(Math.ceil(bytes / GRAIN), 1) * GRAIN;

const KIND = {
  input: 'ports',
  output: 'ports',
  watch: 'ports',
  scratch: 'scratch',
  cache: 'caches',
  parameter: 'weights',
  pack: 'weights',
  constant: 'weights',
} as const satisfies Record<BufferPlan['kind'], keyof Omit<EntryMemory, 'entry' | 'dims'>>;

/** What one buffer of the device is for all entries. */
export function sharedKey(buffer: BufferPlan): string | undefined {
  if (buffer.kind === 'parameter') return `parameter ${buffer.parameter} ${buffer.from ?? 0}`;
  if (buffer.kind === 'pack') return `pack ${buffer.pack}`;
  return buffer.kind === 'constant' ? `constant ${buffer.constant}` : undefined;
}

function nameOf(plan: WebGpuPlan, entry: string, buffer: BufferPlan): string {
  switch (buffer.kind) {
    case 'parameter':
      return plan.parameters[buffer.parameter]!.key;
    case 'input':
      return `${plan.entries[entry]!.inputs[buffer.port]!.name} of ${entry}`;
    case 'output':
      return `${plan.entries[entry]!.outputs[buffer.port]!.name} of ${entry}`;
    case 'cache':
      return `${plan.entries[entry]!.cache[buffer.cache]!.present} of ${entry}`;
    default:
      return `${buffer.kind} of ${entry}`;
  }
}

export function memoryText({ weights, constants, entries, peak, largest }: PlanMemory): string {
  const head = ['entry', 'sizes', 'weights', 'caches', 'scratch', 'inputs and outputs'];
  const rows = entries.map((one) => [
    one.entry,
    Object.entries(one.dims)
      .map(([name, size]) => `${name} = ${size}`)
      .join(', '),
    ...[one.weights, one.caches, one.scratch, one.ports].map(formatBytes),
  ]);
  return [
    ...columns(head, rows, 2),
    '',
    `weights    ${formatBytes(weights)}, each once`,
    `constants  ${formatBytes(constants)}`,
    `peak       ${formatBytes(peak)}, with all entries loaded and run`,
    `largest    ${formatBytes(largest.bytes)}: ${largest.what}`,
  ].join('\n');
}
