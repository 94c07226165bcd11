/**
 * Asks for a device: everything that the plan needs, buffers as large as the adapter grants, and the features that
 * kernels or profiles can use. Where `GPU` objects come from differs: device.browser.ts and device.node.ts.
 */
import type { DeviceNeeds } from '../../shared/webgpu.ts';
import { reasonOf, runtimeError } from '../errors.ts';
import { checkLimits, Gpu, type GpuOptions, nameOf, profileOf } from './gpu.ts';
import type { GPU, GPUPowerPreference } from './types.ts';

export interface AcquireOptions extends Pick<GpuOptions, 'profile'> {
  /** what the plan needs (`plan.needs`); the specification's defaults when absent */
  readonly needs?: DeviceNeeds;
  readonly powerPreference?: GPUPowerPreference;
  /** refuse adapters that compute on the CPU */
  readonly hardwareOnly?: boolean;
  /** `needs`: no buffers larger than the plan asks for, to see what runs on a smaller adapter */
  readonly limits?: 'granted' | 'needs';
}

/** A place where WebGPU may come from. */
export interface GpuPlace {
  /** for messages: `navigator.gpu` */
  readonly name: string;
  /** undefined: it is not there; the second is kept as long as the device */
  open(): Promise<GPU | undefined>;
}

const FEATURES: readonly GPUFeatureName[] = ['timestamp-query', 'shader-f16'];

/** @throws RuntimeError R1001 when no place has an adapter, R1002 when the adapter is below the needs */
export async function acquireFrom(places: readonly GpuPlace[], options: AcquireOptions = {}): Promise<Gpu> {
  const tried: string[] = [];
  for (const { name, open } of places) {
    let gpu: GPU | undefined;
    let adapter: GPUAdapter | null = null;
    try {
      gpu = await open();
      if (!gpu) {
        tried.push(`${name} is not there`);
        continue;
      }
      const { powerPreference } = options;
      adapter = await gpu.requestAdapter(powerPreference === undefined ? {} : { powerPreference });
    } catch (error) {
      tried.push(`${name} failed: ${reasonOf(error).split('\n')[0]}`);
      continue;
    }
    if (!adapter) tried.push(`${name} has no adapter`);
    else if (options.hardwareOnly && profileOf(adapter.info) === 'software')
      tried.push(`${name} has only the software adapter ${nameOf(adapter.info)}`);
    else return requestDevice(adapter, gpu, options);
  }
  throw runtimeError('no_adapter', { tried });
}

async function requestDevice(adapter: GPUAdapter, gpu: GPU, options: AcquireOptions): Promise<Gpu> {
  const { needs, profile, limits = 'granted' } = options;
  const name = nameOf(adapter.info);
  const requiredLimits: Record<string, number> = {};
  if (needs) {
    checkLimits(name, adapter.limits, needs);
    Object.assign(requiredLimits, needs);
  }
  if (limits === 'granted') {
    for (const limit of ['maxBufferSize', 'maxStorageBufferBindingSize'] as const)
      requiredLimits[limit] = adapter.limits[limit];
  }
  const device = await adapter
    .requestDevice({
      label: 'mdl',
      requiredLimits,
      requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
    })
    .catch((error: unknown) => {
      throw runtimeError('no_adapter', { tried: [`${name} gives no device: ${reasonOf(error)}`] }, error);
    });
  return Gpu.of(device, { owner: gpu, ...(profile === undefined ? {} : { profile }) });
}

/** A global `navigator.gpu`: pages, Deno. */
export const GLOBAL_GPU: GpuPlace = {
  name: 'navigator.gpu',
  open: async () => (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu,
};
