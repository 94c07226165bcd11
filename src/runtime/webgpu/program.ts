/**
 * An entry on the device: feeds in, one command buffer of all its steps, outputs out.
 *
 * Everything from the first write to the submit happens in one go, without a wait in between. So runs of one program may
 * overlap, and the buffers that an entry owns serve one run after the other: the device works in order.
 */
import { evaluateDim } from '../../shared/dim.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { CAPACITY, type WebGpuPlan } from '../../shared/webgpu.ts';
import type { ProgramOptions } from '../backend.ts';
import type { AnyTensors } from '../device-tensor.ts';
import { runtimeError } from '../errors.ts';
import type { StepTime } from '../step-time.ts';
import { bindSymbols } from './bindings.ts';
import { type CacheWish, capacityFor } from './caches.ts';
import { launchAt, workgroupsOf } from './dispatch.ts';
import { EntryBuffers, type Fate } from './entry-buffers.ts';
import type { Gpu } from './gpu.ts';
import { type EntryLayout, type LaunchLayout, layoutOf } from './layout.ts';
import type { Pipeline } from './pipelines.ts';
import { Timestamps } from './profile.ts';
import { type Located, Readback } from './readback.ts';
import { firstLine, type Launched, Recorder } from './recorder.ts';
import { GpuTensor } from './tensors.ts';
import type { ModelBuffers } from './weights.ts';

/** A run's sizes. Those of the last run stay: only the position changes from token to token. */
interface Sized {
  readonly key: string;
  readonly values: Float64Array;
  readonly launched: readonly Launched[];
}

export class WebGpuProgram {
  private readonly gpu: Gpu;
  private readonly layout: EntryLayout;
  private readonly buffers: EntryBuffers;
  private readonly recorder: Recorder;
  private sized: Sized | undefined;
  private readonly times: StepTime[] = [];
  private disposed = false;

  private constructor(
    gpu: Gpu,
    layout: EntryLayout,
    pipelines: ReadonlyMap<LaunchLayout, Pipeline>,
    fixed: readonly (GPUBuffer | undefined)[],
  ) {
    this.gpu = gpu;
    this.layout = layout;
    this.buffers = new EntryBuffers(gpu, layout, fixed);
    this.recorder = new Recorder(gpu, layout, pipelines);
  }

  /**
   * Compiles the kernels and uploads the parameters of an entry, side by side.
   * @throws RuntimeError R1003–R1005, R1007, R1009, R1010, R1012
   */
  static async open(gpu: Gpu, plan: WebGpuPlan, entry: string, model: ModelBuffers): Promise<WebGpuProgram> {
    gpu.check();
    const layout = layoutOf(plan, entry, gpu.profile);
    const launches = layout.steps.flatMap((step) => step.launches);
    const compiling = launches.map(async (launch) => [launch, await gpu.pipelines.get(launch.kernel)] as const);
    const filling = layout.plan.buffers.map(async (buffer) => {
      if (buffer.kind === 'parameter') return model.parameter(buffer.parameter, buffer.from, buffer.to);
      if (buffer.kind === 'pack') return model.pack(buffer.pack);
      return buffer.kind === 'constant' ? model.constant(buffer.constant) : undefined;
    });
    const [pipelines, fixed] = await gpu.wait(Promise.all([Promise.all(compiling), Promise.all(filling)]));
    return new WebGpuProgram(gpu, layout, new Map(pipelines), fixed);
  }

  /**
   * Runs once. Tensors on the device that the entry updates in place are used up.
   * @param feeds every input but empty caches, in the shapes of the ports
   * @param fetch outputs wanted besides those to keep; all when absent
   * @throws RuntimeError R0207, R0211, R0214, R1003, R1005–R1009, R1011, R1013–R1015
   */
  async run(feeds: AnyTensors, fetch?: readonly string[], options: ProgramOptions = {}): Promise<AnyTensors> {
    const { gpu, layout } = this;
    gpu.check();
    if (this.disposed) throw runtimeError('session_disposed', { model: layout.name });
    const { device } = gpu;
    device.pushErrorScope('validation');
    device.pushErrorScope('out-of-memory');
    let submitted: ReturnType<WebGpuProgram['submit']>;
    let scopes!: Promise<readonly [GPUError | null, GPUError | null]>;
    try {
      submitted = this.submit(feeds, this.fates(fetch, options.keep), options);
    } finally {
      scopes = Promise.all([device.popErrorScope(), device.popErrorScope()]);
      scopes.catch(() => undefined); // awaited below, unless submit threw
    }
    const { readback, read, kept, timestamps, sized, buffers } = submitted;
    try {
      const reading = Promise.all([readback.read(), timestamps?.read()]);
      reading.catch(() => undefined); // an error of the scopes says more
      const [memory, validation] = await gpu.wait(scopes);
      if (memory) throw this.outOfMemory(memory);
      if (validation) throw await this.recorder.blame(validation, buffers, sized.launched);
      const [tensors, times] = await reading;
      if (times) this.collect(times, sized);
      this.checkIntegers(tensors[read.length]);
      return { ...kept, ...Object.fromEntries(read.map((name, i) => [name, tensors[i]!])) };
    } catch (error) {
      for (const tensor of Object.values(kept)) tensor.destroy();
      throw error;
    }
  }

  /** The times of the runs with `profile` since the last call. */
  takeProfile(): StepTime[] {
    return this.times.splice(0);
  }

  /** Frees what only this entry uses. */
  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.buffers.clear();
    this.recorder.dispose();
  }

  private fates(fetch: readonly string[] | undefined, keep: ProgramOptions['keep'] = []): Fate[] {
    return this.layout.outputs.map(({ name }) => {
      const wanted = fetch?.includes(name) ?? true;
      if (keep === 'all' ? wanted : keep.includes(name)) return 'kept';
      return wanted ? 'read' : 'dropped';
    });
  }

  /** Writes, records and submits a run. */
  private submit(feeds: AnyTensors, fates: readonly Fate[], options: ProgramOptions) {
    const { gpu, layout } = this;
    const symbols = bindSymbols(layout, feeds);
    const wishes = layout.plan.cache.map((port, cache): CacheWish => {
      const { dims } = layout.outputs[layout.presents[cache]!]!;
      return { ...port, past: feeds[port.past], presentShape: dims.map((dim) => evaluateDim(dim, symbols)) };
    });
    const keepsCache = layout.presents.some((output) => fates[output] === 'kept');
    const capacity = capacityFor(gpu, wishes, keepsCache, options.reserve);
    symbols.set(CAPACITY, capacity);
    const sized = this.sizesFor(symbols);
    const timestamps = options.profile ? new Timestamps(gpu, layout.steps.length) : undefined;
    const encoder = gpu.device.createCommandEncoder({ label: layout.name });
    const prepared = this.buffers.prepare(feeds, sized.values, wishes, capacity, encoder);
    this.recorder.record(encoder, prepared.buffers, sized.launched, timestamps);

    const located = (output: number): Located => {
      const place = layout.places[output]!;
      const { dtype } = layout.plan.outputs[output]!;
      const shape = layout.outputs[output]!.sizes.map((size) => sized.values[size]!);
      if (place.kind === 'buffer') return { buffer: prepared.buffers[place.buffer]!, dtype, shape };
      const { buffer, growing } = prepared.caches[place.cache]!;
      return { buffer, dtype, shape, growing };
    };
    const reading = [...fates.keys()].filter((output) => fates[output] === 'read');
    const readback = new Readback(gpu, [...reading.map(located), ...this.counts(prepared.buffers)]);
    readback.record(encoder);
    timestamps?.record(encoder);
    gpu.device.queue.submit([encoder.finish()]);

    this.buffers.consume(feeds, fates, prepared);
    const kept: Record<string, GpuTensor> = {};
    for (const [output, fate] of fates.entries()) {
      const { name } = layout.outputs[output]!;
      if (fate === 'kept') kept[name] = new GpuTensor(gpu, `${name} of ${layout.name}`, located(output));
    }
    const read = reading.map((output) => layout.outputs[output]!.name);
    return { readback, read, kept, timestamps, sized, buffers: prepared.buffers };
  }

  /** Where the run counts integers that leave 32 bits. */
  private counts(buffers: readonly GPUBuffer[]): readonly Located[] {
    const index = this.layout.plan.buffers.findIndex(({ kind }) => kind === 'watch');
    const shape = [this.layout.plan.watched?.length ?? 0];
    return index < 0 ? [] : [{ buffer: buffers[index]!, dtype: 'f32', shape }];
  }

  /** @throws RuntimeError R1014 */
  private checkIntegers(counts: HostTensor | undefined): void {
    for (const [index, count] of (counts?.data ?? []).entries()) {
      const { op, origin } = this.layout.plan.watched![index]!;
      if (count !== 0)
        throw runtimeError('integer_overflow', { entry: this.layout.name, op, origin, count: Number(count) });
    }
  }

  private sizesFor(symbols: ReadonlyMap<string, number>): Sized {
    const { layout } = this;
    const key = [...symbols.values()].join();
    if (this.sized?.key === key) return this.sized;
    const values = layout.sizes.evaluate(symbols);
    this.refuseNegative(values);
    const limit = this.gpu.device.limits.maxComputeWorkgroupsPerDimension;
    const launched = layout.steps.map((step): Launched => {
      const launch = launchAt(step, values);
      return { launch, workgroups: workgroupsOf(layout.name, launch, values, limit) };
    });
    this.recorder.writeParameters(values);
    this.sized = { key, values, launched };
    return this.sized;
  }

  /**
   * A session has checked what the entry needs of its sizes; a plan that lacks that must not come to a kernel all the same,
   * whose loops count up to 2³² − 1 then. @throws RuntimeError R1012
   */
  private refuseNegative(values: Float64Array): void {
    const { elements, outputs, sizes, name } = this.layout;
    const counts = [...elements.flat(), ...outputs.flatMap((output) => output.sizes)];
    const negative = counts.find((size) => values[size]! < 0);
    if (negative === undefined) return;
    const reason = `gives a tensor of ${name} the size ${sizes.textOf(negative)}, which is ${values[negative]} here`;
    throw runtimeError('plan_form', { file: name, reason });
  }

  /** What was allocated may be invalid, so nothing of it is used again. */
  private outOfMemory(error: GPUError): Error {
    this.buffers.clear();
    this.recorder.forget();
    this.gpu.buffers.trim();
    return runtimeError('out_of_memory', { entry: this.layout.name, reason: firstLine(error) }, error);
  }

  private collect(times: readonly (readonly [number, number])[], { values, launched }: Sized): void {
    const { name: entry, steps } = this.layout;
    for (const [i, { plan }] of steps.entries()) {
      const [start, end] = times[i]!;
      const { launch, workgroups } = launched[i]!;
      if (!workgroups) continue;
      const { flops, bytes } = launch;
      const { label } = launch.kernel;
      const counts = { flops: values[flops]!, bytes: values[bytes]! };
      this.times.push({ entry, label, origin: plan.origin, start, ms: end - start, ...counts });
    }
  }
}
