/** What this machine has that can run models. */
import { createRequire } from 'node:module';
import { acquireDevice, RuntimeError } from '../../../runtime/index.ts';
import { reasonOf } from '../errors.ts';

export interface Machine {
  readonly node: string;
  readonly platform: string;
  /** ONNX Runtime's version, or why it is not there */
  readonly onnx: { readonly version: string } | { readonly missing: string };
  /** the WebGPU adapter, or why there is none */
  readonly webgpu: Adapter | { readonly missing: string };
  /** what the backend `auto` takes for a model compiled for both, and why */
  readonly auto: { readonly backend: 'onnx' | 'webgpu'; readonly why: string };
}

export interface Adapter {
  readonly name: string;
  /** which kernels of a plan it gets */
  readonly profile: 'software' | 'gpu';
  readonly features: readonly string[];
  readonly limits: Readonly<Record<(typeof LIMITS)[number], number>>;
}

/** What a plan may ask for (see `needs` in a plan). */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
] as const;

export async function examineMachine(): Promise<Machine> {
  const [onnx, webgpu] = [await onnxRuntime(), await adapter()];
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    onnx,
    webgpu,
    auto: choice(webgpu),
  };
}

async function onnxRuntime(): Promise<Machine['onnx']> {
  try {
    await import('onnxruntime-node');
    const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
    return { version };
  } catch (error) {
    return { missing: reasonOf(error).split('\n')[0]! };
  }
}

async function adapter(): Promise<Machine['webgpu']> {
  try {
    const gpu = await acquireDevice();
    const { features, limits } = gpu.device;
    const found: Adapter = {
      name: gpu.name,
      profile: gpu.profile,
      features: [...features].sort(),
      limits: Object.fromEntries(LIMITS.map((name) => [name, limits[name]])) as Adapter['limits'],
    };
    gpu.destroy();
    return found;
  } catch (error) {
    if (error instanceof RuntimeError) return { missing: error.message };
    throw error;
  }
}

/** As the runtime chooses: see runtime/choose.ts. */
function choice(webgpu: Machine['webgpu']): Machine['auto'] {
  if ('missing' in webgpu) return { backend: 'onnx', why: 'there is no WebGPU adapter' };
  if (webgpu.profile === 'software') return { backend: 'onnx', why: `${webgpu.name} computes on the CPU` };
  return { backend: 'webgpu', why: `there is a hardware adapter, ${webgpu.name}` };
}
