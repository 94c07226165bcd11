/** Records an entry's steps into a command buffer: pipelines, bind groups and the uniform buffer of their parameters. */
import { runtimeError } from '../errors.ts';
import type { Workgroups } from './dispatch.ts';
import { USAGE } from './flags.ts';
import type { Gpu } from './gpu.ts';
import type { EntryLayout } from './layout.ts';
import type { Pipeline } from './pipelines.ts';
import type { Timestamps } from './profile.ts';
import { writeWords } from './tensors.ts';

/** Bind groups that a step keeps: caches and kept outputs change buffers from run to run. */
const KEPT_GROUPS = 4;

interface BoundGroup {
  readonly buffers: readonly GPUBuffer[];
  readonly group: GPUBindGroup;
}

export class Recorder {
  private readonly gpu: Gpu;
  private readonly layout: EntryLayout;
  /** by step */
  private readonly pipelines: readonly Pipeline[];
  private readonly groups: BoundGroup[][];
  private readonly uniform: GPUBuffer | undefined;

  constructor(gpu: Gpu, layout: EntryLayout, pipelines: readonly Pipeline[]) {
    this.gpu = gpu;
    this.layout = layout;
    this.pipelines = pipelines;
    this.groups = layout.steps.map(() => []);
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
   * @param workgroups by step; undefined: nothing to do
   */
  record(
    encoder: GPUCommandEncoder,
    buffers: readonly GPUBuffer[],
    workgroups: readonly (Workgroups | undefined)[],
    timestamps?: Timestamps,
  ): void {
    const { steps, name } = this.layout;
    if (!timestamps) {
      const pass = encoder.beginComputePass({ label: name });
      for (const i of steps.keys()) this.dispatch(pass, i, buffers, workgroups[i]);
      pass.end();
      return;
    }
    for (const [i, { plan }] of steps.entries()) {
      const pass = encoder.beginComputePass({ label: plan.origin, timestampWrites: timestamps.writes(i) });
      this.dispatch(pass, i, buffers, workgroups[i]);
      pass.end();
    }
  }

  /** Which step a device refused: each is recorded once more, alone. */
  async blame(
    error: GPUError,
    buffers: readonly GPUBuffer[],
    workgroups: readonly (Workgroups | undefined)[],
  ): Promise<Error> {
    const { gpu, layout } = this;
    this.forget(); // bind groups may be what is invalid
    for (const [i, { plan, kernel }] of layout.steps.entries()) {
      gpu.device.pushErrorScope('validation');
      const encoder = gpu.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      this.dispatch(pass, i, buffers, workgroups[i]);
      pass.end();
      encoder.finish();
      const found = await gpu.wait(gpu.device.popErrorScope());
      if (!found) continue;
      const origin = `${kernel.label}, ${plan.origin}`;
      return runtimeError('R1006', { entry: layout.name, origin, reason: firstLine(found) }, error);
    }
    return runtimeError('R1006', { entry: layout.name, origin: 'its copies', reason: firstLine(error) }, error);
  }

  /** Drops the bind groups. */
  forget(): void {
    for (const groups of this.groups) groups.length = 0;
  }

  dispose(): void {
    this.forget();
    if (this.uniform) this.gpu.buffers.free(this.uniform);
  }

  private dispatch(
    pass: GPUComputePassEncoder,
    i: number,
    buffers: readonly GPUBuffer[],
    workgroups: Workgroups | undefined,
  ): void {
    if (!workgroups) return;
    pass.setPipeline(this.pipelines[i]!.pipeline);
    pass.setBindGroup(
      0,
      this.group(
        i,
        this.layout.steps[i]!.plan.buffers.map((buffer) => buffers[buffer]!),
      ),
    );
    pass.dispatchWorkgroups(...workgroups);
  }

  private group(i: number, buffers: readonly GPUBuffer[]): GPUBindGroup {
    const known = this.groups[i]!;
    const before = known.find((one) => one.buffers.every((buffer, at) => buffer === buffers[at]));
    if (before) return before.group;
    const { region, plan } = this.layout.steps[i]!;
    const entries = buffers.map((buffer, binding): GPUBindGroupEntry => ({ binding, resource: { buffer } }));
    if (region >= 0) {
      const { offset, bytes: size } = this.layout.regions[region]!;
      entries.push({ binding: buffers.length, resource: { buffer: this.uniform!, offset, size } });
    }
    const { layout } = this.pipelines[i]!;
    const group = this.gpu.device.createBindGroup({ label: plan.origin, layout, entries });
    if (known.length >= KEPT_GROUPS) known.shift();
    known.push({ buffers, group });
    return group;
  }
}

export const firstLine = ({ message }: { readonly message: string }): string =>
  message.split('\n')[0]!.replace(/\.$/, '');
