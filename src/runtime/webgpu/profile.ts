/** Times per step from the device's timestamps, as a table and as a trace for chrome://tracing or Perfetto. */
import { runtimeError } from '../errors.ts';
import type { StepTime } from '../step-time.ts';
import { MAP_READ, TENSOR_USAGE, USAGE } from './flags.ts';
import type { Gpu } from './gpu.ts';
import type { GPUCommandEncoder, GPUComputePassTimestampWrites } from './types.ts';

/** Queries in one set, at most. */
const LARGEST_SET = 4096;

/** Timestamps before and after each of `count` passes. */
export class Timestamps {
  private readonly gpu: Gpu;
  private readonly count: number;
  private readonly sets: GPUQuerySet[] = [];
  private staging: GPUBuffer | undefined;

  /** @throws RuntimeError R1013 when the device has no timestamps */
  constructor(gpu: Gpu, count: number) {
    if (!gpu.device.features.has('timestamp-query')) throw runtimeError('no_timestamps', { adapter: gpu.name });
    this.gpu = gpu;
    this.count = count;
    for (let left = 2 * count; left > 0; left -= LARGEST_SET)
      this.sets.push(gpu.device.createQuerySet({ type: 'timestamp', count: Math.min(left, LARGEST_SET) }));
  }

  /** For the pass of step `index`. */
  writes(index: number): GPUComputePassTimestampWrites {
    const querySet = this.sets[Math.floor((2 * index) / LARGEST_SET)]!;
    const at = (2 * index) % LARGEST_SET;
    return { querySet, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  /** Records that the timestamps are fetched. */
  record(encoder: GPUCommandEncoder): void {
    const { buffers } = this.gpu;
    const bytes = 16 * this.count;
    if (bytes === 0) return;
    const resolved = buffers.take(bytes, 'timestamps', TENSOR_USAGE | USAGE.QUERY_RESOLVE);
    this.sets.forEach((set, i) => {
      encoder.resolveQuerySet(set, 0, set.count, resolved, 8 * LARGEST_SET * i);
    });
    this.staging = buffers.take(bytes, 'readback', USAGE.MAP_READ | USAGE.COPY_DST);
    encoder.copyBufferToBuffer(resolved, 0, this.staging, 0, bytes);
    buffers.give(resolved);
  }

  /** Per step [start, end] in milliseconds from the first; after the submit. */
  async read(): Promise<(readonly [number, number])[]> {
    const { staging } = this;
    if (!staging) return [];
    await this.gpu.wait(staging.mapAsync(MAP_READ));
    const ticks = new BigUint64Array(staging.getMappedRange().slice(0)); // nanoseconds
    staging.unmap();
    this.gpu.buffers.give(staging);
    for (const set of this.sets) set.destroy();
    const first = ticks[0]!;
    const ms = (tick: bigint): number => Number(tick - first) / 1e6;
    return Array.from({ length: this.count }, (_, i) => [ms(ticks[2 * i]!), ms(ticks[2 * i + 1]!)] as const);
  }
}

/**
 * The steps in Chrome's trace format, as JSON. Runs follow each other.
 * @see the "Trace Event Format" document of the Chromium project
 */
export function chromeTrace(steps: readonly StepTime[]): string {
  let [offset, end] = [0, 0];
  const events = steps.map(({ entry, label, origin, start, ms, flops, bytes }) => {
    if (start === 0) offset = end; // the first step of a run
    end = Math.max(end, offset + start + ms);
    const micro = (milliseconds: number): number => Math.round(milliseconds * 1e6) / 1e3;
    return {
      name: label,
      cat: entry,
      ph: 'X',
      pid: 1,
      tid: 1,
      ts: micro(offset + start),
      dur: micro(ms),
      args: { origin, flops, bytes },
    };
  });
  return JSON.stringify({ traceEvents: events, displayTimeUnit: 'ms' });
}
