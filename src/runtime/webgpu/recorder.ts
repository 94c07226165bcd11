/** Records an entry's steps into a command buffer: pipelines, bind groups and the uniform buffer of their parameters. */
import { runtimeError } from '../errors.ts';
import { USAGE } from './flags.ts';
import type { Gpu } from './gpu.ts';
import type { EntryLayout, LaunchLayout } from './layout.ts';
import type { Pipeline } from './pipelines.ts';
import type { Timestamps } from './profile.ts';
import { writeWords } from './tensors.ts';

/** Bind groups that a step keeps: caches and kept outputs change buffers from run to run. */
const KEPT_GROUPS = 4;

/** What a step does in a run: a launch over some workgroups. */
export interface Launched {
  readonly launch: LaunchLayout;
  /** undefined: nothing to do */
  readonly workgroups: readonly [number, number, number] | undefined;
}

interface BoundGroup {
  readonly buffers: readonly GPUBuffer[];
  readonly group: GPUBindGroup;
}

export class Recorder {
  private readonly gpu: Gpu;
  private readonly layout: EntryLayout;
  private readonly pipelines: ReadonlyMap<LaunchLayout, Pipeline>;
  private readonly groups = new Map<LaunchLayout, BoundGroup[]>();
  private readonly uniform: GPUBuffer | undefined;

  constructor(gpu: Gpu, layout: EntryLayout, pipelines: ReadonlyMap<LaunchLayout, Pipeline>) {
    this.gpu = gpu;
    this.layout = layout;
    this.pipelines = pipelines;
    const { uniformBytes, name } = layout;
    if (uniformBytes > 0)
      this.uniform = gpu.buffers.take(uniformBytes, `parameters of ${name}`, USAGE.UNIFORM | USAGE.COPY_DST);
  }

  /** Writes the parameters of all steps, for the runs from now on. */
  writeParameters(values: Float64Array): void {
    if (!this.uniform) return;
    const words = new Uint32Array(this.layout.uniformBytes / 4);
    for (const { offset, words: sizes } of this.layout.regions) {
      sizes.forEach((size, i) => {
        words[offset / 4 + i] = values[size]!;
      });
    }
    writeWords(this.gpu, this.uniform, 0, words);
  }

  /**
   * All steps in one pass, or with timestamps in one pass each.
   * @param launched by step
   */
  record(
    encoder: GPUCommandEncoder,
    buffers: readonly GPUBuffer[],
    launched: readonly Launched[],
    timestamps?: Timestamps,
  ): void {
    const { steps, name } = this.layout;
    if (!timestamps) {
      const pass = encoder.beginComputePass({ label: name });
      for (const step of launched) this.dispatch(pass, step, buffers);
      pass.end();
      return;
    }
    for (const [i, { plan }] of steps.entries()) {
      const pass = encoder.beginComputePass({ label: plan.origin, timestampWrites: timestamps.writes(i) });
      this.dispatch(pass, launched[i]!, buffers);
      pass.end();
    }
  }

  /** One step, so many times in a pass of its own. */
  repeat(
    encoder: GPUCommandEncoder,
    buffers: readonly GPUBuffer[],
    launched: Launched,
    { repeats, timestamps }: { readonly repeats: number; readonly timestamps: Timestamps },
  ): void {
    const pass = encoder.beginComputePass({ label: launched.launch.origin, timestampWrites: timestamps.writes(0) });
    for (let i = 0; i < repeats; i++) this.dispatch(pass, launched, buffers);
    pass.end();
  }

  /** Which step a device refused: each is recorded once more, alone. */
  async blame(error: GPUError, buffers: readonly GPUBuffer[], launched: readonly Launched[]): Promise<Error> {
    const { gpu, layout } = this;
    this.forget(); // bind groups may be what is invalid
    for (const step of launched) {
      gpu.device.pushErrorScope('validation');
      const encoder = gpu.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      this.dispatch(pass, step, buffers);
      pass.end();
      encoder.finish();
      const found = await gpu.wait(gpu.device.popErrorScope());
      if (!found) continue;
      const origin = `${step.launch.kernel.label}, ${step.launch.origin}`;
      return runtimeError('step_refused', { entry: layout.name, origin, reason: firstLine(found) }, error);
    }
    return runtimeError('step_refused', { entry: layout.name, origin: 'its copies', reason: firstLine(error) }, error);
  }

  /** Drops the bind groups. */
  forget(): void {
    this.groups.clear();
  }

  dispose(): void {
    this.forget();
    if (this.uniform) this.gpu.buffers.free(this.uniform);
  }

  private dispatch(pass: GPUComputePassEncoder, { launch, workgroups }: Launched, buffers: readonly GPUBuffer[]): void {
    if (!workgroups) return;
    const bound = launch.plan.buffers.map((buffer) => buffers[buffer]!);
    pass.setPipeline(this.pipelines.get(launch)!.pipeline);
    pass.setBindGroup(0, this.group(launch, bound));
    pass.dispatchWorkgroups(...workgroups);
  }

  private group(launch: LaunchLayout, buffers: readonly GPUBuffer[]): GPUBindGroup {
    const known = this.groups.get(launch) ?? [];
    this.groups.set(launch, known);
    const before = known.find((one) => one.buffers.every((buffer, at) => buffer === buffers[at]));
    if (before) return before.group;
    const { region, origin } = launch;
    const entries = buffers.map((buffer, binding): GPUBindGroupEntry => ({ binding, resource: { buffer } }));
    if (region >= 0) {
      const { offset, bytes: size } = this.layout.regions[region]!;
      entries.push({ binding: buffers.length, resource: { buffer: this.uniform!, offset, size } });
    }
    const { layout } = this.pipelines.get(launch)!;
    const group = this.gpu.device.createBindGroup({ label: origin, layout, entries });
    if (known.length >= KEPT_GROUPS) known.shift();
    known.push({ buffers, group });
    return group;
  }
}

export const firstLine = ({ message }: { readonly message: string }): string =>
  message.split('\n')[0]!.replace(/\.$/, '');
