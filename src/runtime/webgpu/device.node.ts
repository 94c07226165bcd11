/** A device in Node: a global navigator.gpu where the host has one (Deno), else the optional package `webgpu`. */
import { type AcquireOptions, acquireFrom, GLOBAL_GPU, type GpuPlace } from './device.ts';
import type { Gpu } from './gpu.ts';

/** One instance for the process: it is what adapters and devices live from. */
let instance: GPU | undefined;

const DAWN: GpuPlace = {
  name: 'the package webgpu',
  async open() {
    const { create, globals } = await import('webgpu');
    for (const [name, value] of Object.entries(globals)) {
      if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
    instance ??= create([]);
    return instance;
  },
};

/** @throws RuntimeError R1001 when there is no adapter, R1002 when it is below the needs */
export function acquireDevice(options: AcquireOptions = {}): Promise<Gpu> {
  return acquireFrom([GLOBAL_GPU, DAWN], options);
}
