/**
 * Compute pipelines, compiled in parallel and once per device for each WGSL text.
 *
 * Bindings are data of the plan, so the bind group layouts are explicit: the storage buffers in order, then the uniform
 * if the kernel has parameters. What does not compile is shown with the lines around the place.
 */
import { HALVES } from '../../shared/halves.ts';
import type { KernelPlan } from '../../shared/webgpu.ts';
import { reasonOf, runtimeError } from '../errors.ts';
import { STAGE_COMPUTE } from './flags.ts';
import type { GPUBindGroupLayout, GPUComputePipeline, GPUDevice } from './types.ts';

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

const OF_DEVICE = new WeakMap<GPUDevice, Pipelines>();

/** Lines before and after the place of an error. */
const CONTEXT = 3;

export class Pipelines {
  private readonly device: GPUDevice;
  private readonly compiled = new Map<string, Promise<Pipeline>>();
  private readonly layouts = new Map<string, GPUBindGroupLayout>();

  private constructor(device: GPUDevice) {
    this.device = device;
  }

  /** Those of a device: models that share it share them. */
  static of(device: GPUDevice): Pipelines {
    const before = OF_DEVICE.get(device);
    if (before) return before;
    const made = new Pipelines(device);
    OF_DEVICE.set(device, made);
    return made;
  }

  /** Distinct pipelines so far. */
  get size(): number {
    return this.compiled.size;
  }

  /** @throws RuntimeError R1004 */
  get(kernel: KernelPlan): Promise<Pipeline> {
    const signature = `${kernel.bindings.join()}${kernel.params > 0 ? ' uniform' : ''}`;
    const key = `${signature}\n${kernel.wgsl}`;
    const before = this.compiled.get(key);
    if (before) return before;
    const compiling = this.compile(kernel, this.layout(signature, kernel));
    this.compiled.set(key, compiling);
    compiling.catch(() => this.compiled.delete(key));
    return compiling;
  }

  private layout(signature: string, { bindings, params }: KernelPlan): GPUBindGroupLayout {
    const before = this.layouts.get(signature);
    if (before) return before;
    const entries = bindings.map(
      (access, binding): GPUBindGroupLayoutEntry => ({
        binding,
        visibility: STAGE_COMPUTE,
        buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
      }),
    );
    if (params > 0) entries.push({ binding: bindings.length, visibility: STAGE_COMPUTE, buffer: { type: 'uniform' } });
    const layout = this.device.createBindGroupLayout({ label: signature, entries });
    this.layouts.set(signature, layout);
    return layout;
  }

  private async compile(kernel: KernelPlan, layout: GPUBindGroupLayout): Promise<Pipeline> {
    const { label } = kernel;
    const wgsl = textFor(kernel, this.device.features);
    this.device.pushErrorScope('validation');
    const module = this.device.createShaderModule({ label, code: wgsl });
    const compiling = this.device.createComputePipelineAsync({
      label,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    });
    const refused = this.device.popErrorScope();
    try {
      const pipeline = await compiling;
      await refused;
      return { pipeline, layout };
    } catch (error) {
      const [info, scope] = await Promise.all([module.getCompilationInfo(), refused]);
      const message = info.messages.find(({ type }) => type === 'error');
      throw runtimeError(
        'kernel_not_compiled',
        {
          kernel: label,
          reason: message
            ? `line ${message.lineNum}: ${message.message}`
            : (scope?.message ?? reasonOf(error)).split('\n')[0]!,
          source: numbered(wgsl, message?.lineNum ?? 1),
        },
        error,
      );
    }
  }
}

/** A kernel's whole text for a device with these features. */
export function textFor({ wgsl, halves }: KernelPlan, features: ReadonlySet<string>): string {
  return halves ? HALVES[features.has('shader-f16') ? 'native' : 'packed'] + wgsl : wgsl;
}

/** The lines around one, numbered, that one marked. */
export function numbered(text: string, line: number): string {
  const lines = text.split('\n');
  const from = Math.max(0, line - 1 - CONTEXT);
  return lines
    .slice(from, line + CONTEXT)
    .map((content, i) => {
      const number = from + i + 1;
      return `${number === line ? '>' : ' '} ${String(number).padStart(4)} | ${content}`;
    })
    .join('\n');
}
