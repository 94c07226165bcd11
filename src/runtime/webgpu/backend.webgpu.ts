/** The WebGPU backend: a plan's entries on one device, with parameters that all entries share. */
import { ownOutputs, type WebGpuPlan } from '../../shared/webgpu.ts';
import type { Backend, ModelManifest, Program } from '../backend.ts';
import type { AnyTensor } from '../device-tensor.ts';
import { requireRight, runSelfTestWith } from '../self-test/self-test.ts';
import type { AcquireOptions } from './device.ts';
import { Gpu } from './gpu.ts';
import { WebGpuProgram } from './program.ts';
import type { Weights } from './stored.ts';
import { upload } from './tensors.ts';
import type { GPUDevice } from './types.ts';
import { ModelBuffers } from './weights.ts';

/** How a device is had where none is given: acquireDevice of device.browser.ts or device.node.ts. */
export type Acquire = (options: AcquireOptions) => Promise<Gpu>;

export interface WebGpuOptions {
  readonly plan: WebGpuPlan;
  /** a checkpoint, or a function that gives one tensor at a time; read again after the loss of a device */
  readonly weights: Weights;
  /** a device of yours, which stays yours: dispose() frees the model and leaves the device */
  readonly device?: Gpu | GPUDevice;
  /** where none is given */
  readonly acquire?: AcquireOptions;
  /** before the first entry loads, small kernels of the plan's families run on the device; wrong ones are R1016 (see `runSelfTest`) */
  readonly selfTest?: boolean;
  /** called by dispose(), for the files of the weights */
  readonly close?: () => Promise<void>;
}

/** @throws RuntimeError R1001, R1002, R1003 */
export async function webgpuBackendWith(acquire: Acquire, options: WebGpuOptions): Promise<Backend> {
  const { plan, weights, device } = options;
  const own = (): Promise<Gpu> => acquire({ needs: plan.needs, ...options.acquire });
  let given = device !== undefined;
  let gpu = device === undefined ? await own() : device instanceof Gpu ? device : Gpu.of(device);
  try {
    gpu.requireLimits(plan.needs);
    gpu.check();
  } catch (error) {
    if (!given) gpu.destroy();
    throw error;
  }
  let model = new ModelBuffers(gpu, plan, weights);
  let tested: Promise<void> | undefined;
  const test = (): Promise<void> => {
    tested ??= runSelfTestWith(acquire, { device: gpu, plan }).then(requireRight);
    return tested;
  };
  return {
    get name() {
      return `webgpu (${gpu.name})`;
    },
    async loadEntry(entry): Promise<Program> {
      if (options.selfTest) await test();
      return WebGpuProgram.open(gpu, plan, entry, model);
    },
    upload: async (tensor: AnyTensor, label) => upload(gpu, tensor, label),
    async recover() {
      if (gpu.lost === undefined) return false;
      gpu = await own();
      given = false;
      tested = undefined;
      model = new ModelBuffers(gpu, plan, weights);
      return true;
    },
    async dispose() {
      await model.dispose();
      await options.close?.();
      if (!given) gpu.destroy();
      else if (device instanceof Gpu) gpu.buffers.trim();
      else gpu.buffers.destroy();
    },
  };
}

/** What a session needs to know of a plan's model. */
export function manifestOf({ model, entries: plans, adapter, weights = null }: WebGpuPlan): ModelManifest {
  const entries = Object.fromEntries(
    Object.entries(plans).map(([name, plan]) => [name, { ...plan, outputs: ownOutputs(plan) }]),
  );
  return { model, entries, weights, ...(adapter === undefined ? {} : { adapter }) };
}
