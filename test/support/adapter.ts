/**
 * A WebGPU device for tests: the one of this machine, or SwiftShader (see adapter-environment.ts, which vitest.config.ts
 * applies). Where there is none, `unavailable` says why and tests count as skipped:
 *
 *     describe.skipIf(unavailable)('…', () => { const device = await testDevice(); … device.destroy(); });
 */

/** Dawn's instance: adapters die with it. */
let gpu: GPU | undefined;

async function instance(): Promise<GPU> {
  const { create, globals } = await import('webgpu');
  for (const [name, value] of Object.entries(globals)) {
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  gpu ??= create([]);
  return gpu;
}

async function probe(): Promise<string | undefined> {
  try {
    const adapter = await (await instance()).requestAdapter();
    return adapter ? undefined : 'no WebGPU adapter on this machine: install a Vulkan, Metal or D3D12 driver';
  } catch (error) {
    return `the package webgpu does not load here: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
  }
}

/** Why there is no adapter on this machine; undefined where there is one. */
export const unavailable: string | undefined = await probe();
if (unavailable !== undefined) console.warn(`WebGPU tests are skipped: ${unavailable}`);

/** The adapter, for tests that ask for their own device. Each device takes a fresh one. */
export async function testAdapter(): Promise<GPUAdapter> {
  const adapter = await (await instance()).requestAdapter();
  if (!adapter) throw new Error('there was an adapter before, and now there is none');
  return adapter;
}

/** A new device with the default limits of the specification, unless told otherwise; destroy() it when done. */
export async function testDevice(descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> {
  return (await testAdapter()).requestDevice(descriptor);
}
