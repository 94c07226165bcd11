/**
 * The buffers of an entry's runs: parameters and constants that all entries share, caches and kept tensors that move from
 * run to run, and slots of its own for inputs, outputs and scratch, which grow as needed and serve every run.
 */
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';
import { type AnyTensors, isOnDevice } from '../device-tensor.ts';
import { runtimeError } from '../errors.ts';
import { type CacheWish, copyCompact, placeCache } from './caches.ts';
import type { Gpu } from './gpu.ts';
import type { EntryLayout } from './layout.ts';
import type { Growing } from './readback.ts';
import { GpuTensor, writeWords } from './tensors.ts';
import { toWords } from './words.ts';

/** What becomes of an output. */
export type Fate = 'read' | 'kept' | 'dropped';

/** One run's buffers. */
export interface Prepared {
  /** by buffer of the entry */
  readonly buffers: readonly GPUBuffer[];
  /** by cache of the entry; `inPlace`: the buffer is that of the tensor that was fed */
  readonly caches: readonly { readonly buffer: GPUBuffer; readonly growing: Growing; readonly inPlace: boolean }[];
}

export class EntryBuffers {
  private readonly gpu: Gpu;
  private readonly layout: EntryLayout;
  private readonly fixed: readonly (GPUBuffer | undefined)[];
  private readonly slots: (GPUBuffer | undefined)[];

  /** @param fixed by buffer of the entry: parameters and constants */
  constructor(gpu: Gpu, layout: EntryLayout, fixed: readonly (GPUBuffer | undefined)[]) {
    this.gpu = gpu;
    this.layout = layout;
    this.fixed = fixed;
    this.slots = fixed.map(() => undefined);
  }

  /**
   * A buffer for each of the entry's, with the feeds in them.
   * @throws RuntimeError R1005, R1008, R1009; nothing is used up then
   */
  prepare(
    feeds: AnyTensors,
    values: Float64Array,
    wishes: readonly CacheWish[],
    capacity: number,
    encoder: GPUCommandEncoder,
  ): Prepared {
    const { gpu, layout } = this;
    this.checkShared(feeds);
    const caches: Prepared['caches'][number][] = [];
    try {
      for (const [cache, wish] of wishes.entries()) {
        const label = `${layout.plan.cache[cache]!.present} of ${layout.name}`;
        caches.push(placeCache(gpu, label, wish, capacity, encoder));
      }
      const inputs = new Map<number, GPUBuffer>();
      const fed = (index: number, port: number): GPUBuffer => {
        const buffer = inputs.get(port) ?? this.feed(index, port, feeds, encoder);
        inputs.set(port, buffer);
        return buffer;
      };
      const own = (index: number): GPUBuffer =>
        this.slot(
          index,
          layout.elements[index]!.map((size) => values[size]!),
        );
      const buffers = layout.plan.buffers.map((plan, index): GPUBuffer => {
        switch (plan.kind) {
          case 'parameter':
          case 'pack':
          case 'constant':
            return this.fixed[index]!;
          case 'cache':
            return caches[plan.cache]!.buffer;
          case 'scratch':
          case 'watch':
            return own(index);
          case 'input':
            return fed(index, plan.port);
          case 'output':
            return plan.donated === undefined ? own(index) : fed(index, plan.donated);
          default:
            return plan satisfies never;
        }
      });
      return { buffers, caches };
    } catch (error) {
      for (const { buffer, inPlace } of caches) if (!inPlace) gpu.buffers.give(buffer);
      throw error;
    }
  }

  /**
   * After the submit: marks what the run used up, and lets buffers go that leave with a kept output.
   * Buffers that nobody needs any more go back to the pool; the device works in order.
   */
  consume(feeds: AnyTensors, fates: readonly Fate[], { buffers, caches }: Prepared): void {
    const { gpu, layout } = this;
    layout.plan.buffers.forEach((plan, index) => {
      if (plan.kind !== 'output') return;
      const kept = fates[plan.port] === 'kept';
      const buffer = buffers[index]!;
      const fed = plan.donated === undefined ? undefined : feeds[layout.inputs[plan.donated]!.name];
      if (fed instanceof GpuTensor && !gapped(fed)) {
        fed.consume(layout.name);
        if (!kept) gpu.buffers.give(buffer);
      } else if (kept) {
        const slot = this.slots.indexOf(buffer);
        if (slot >= 0) this.slots[slot] = undefined;
      }
    });
    caches.forEach(({ buffer, inPlace }, cache) => {
      const kept = fates[layout.presents[cache]!] === 'kept';
      const past = feeds[layout.plan.cache[cache]!.past];
      if (kept && past instanceof GpuTensor) {
        const old = past.consume(layout.name);
        if (!inPlace) gpu.buffers.give(old);
      } else if (!kept && !inPlace) gpu.buffers.give(buffer);
    });
  }

  /** Frees the slots; the next run takes new ones. */
  clear(): void {
    for (const slot of this.slots) if (slot) this.gpu.buffers.free(slot);
    this.slots.fill(undefined);
  }

  /** A tensor that is updated in place can stand for one input only. */
  private checkShared(feeds: AnyTensors): void {
    const { layout } = this;
    const updated = new Set(layout.plan.cache.map(({ past }) => past));
    for (const plan of layout.plan.buffers)
      if (plan.kind === 'output' && plan.donated !== undefined) updated.add(layout.inputs[plan.donated]!.name);
    if (updated.size === 0) return;
    const seen = new Map<GpuTensor, string>();
    for (const [name, tensor] of Object.entries(feeds)) {
      if (!(tensor instanceof GpuTensor)) continue;
      const other = seen.get(tensor);
      if (other !== undefined && (updated.has(other) || updated.has(name)))
        throw tensor.unusable(`is fed as ${other} and as ${name}, and ${layout.name} updates it in place`);
      seen.set(tensor, name);
    }
  }

  /** The entry's own buffer, at least as large as the largest of `elements`, in words. */
  private slot(index: number, elements: readonly number[]): GPUBuffer {
    const { buffers } = this.gpu;
    const bytes = 4 * Math.max(0, ...elements);
    const before = this.slots[index];
    if (before && before.size >= bytes) return before;
    // one that grows will grow again: scores over a context get longer with every token
    const roomy = before ? Math.max(bytes, Math.min(Math.ceil(bytes * 1.5), buffers.largest)) : bytes;
    const buffer = buffers.take(roomy, this.describe(index));
    if (before) buffers.free(before);
    this.slots[index] = buffer;
    return buffer;
  }

  private describe(index: number): string {
    const { plan, name } = this.layout;
    const buffer = plan.buffers[index]!;
    if (buffer.kind === 'input') return `${plan.inputs[buffer.port]!.name} of ${name}`;
    if (buffer.kind === 'output') return `${plan.outputs[buffer.port]!.name} of ${name}`;
    return `an intermediate tensor of ${name}`;
  }

  private feed(index: number, port: number, feeds: AnyTensors, encoder: GPUCommandEncoder): GPUBuffer {
    const { gpu, layout } = this;
    const { name } = layout.inputs[port]!;
    const tensor = feeds[name]!;
    if (tensor instanceof GpuTensor) {
      if (tensor.gpu !== gpu) throw tensor.unusable('is on another device');
      tensor.checkStored();
      if (!gapped(tensor)) return tensor.buffer;
      const target = this.slot(index, [sizeOf(tensor.shape)]);
      copyCompact(tensor, target, encoder);
      return target;
    }
    if (isOnDevice(tensor))
      throw runtimeError('tensor_not_usable', { tensor: name, reason: 'is on the device of another backend' });
    const plan = layout.plan.buffers[index]!;
    const words = toWords((tensor as HostTensor).data, name, {
      unsigned: plan.kind === 'input' && plan.unsigned === true,
    });
    const buffer = this.slot(index, [words.length]);
    writeWords(gpu, buffer, 0, words);
    return buffer;
  }
}

/** Whether there is room between the rows of a cache, which an ordinary input does not have. */
function gapped({ growing, shape }: GpuTensor): boolean {
  return growing !== undefined && growing.capacity !== shape[growing.axis];
}
