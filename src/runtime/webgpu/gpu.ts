/**
 * A WebGPU device and what belongs to it: its buffers, its pipelines, which kind of adapter it is, and whether it is
 * still there. `acquireDevice` (device.ts) makes one; `Gpu.of` takes a device that a program has already.
 */
import type { DeviceNeeds } from '../../shared/webgpu.ts';
import { runtimeError } from '../errors.ts';
import { BufferPool } from './buffers.ts';
import { napping } from './nap.ts';
import { Pipelines } from './pipelines.ts';
import type { GPUAdapterInfo, GPUDevice, GPUSupportedLimits } from './types.ts';

/** `software`: the adapter computes on the CPU, where other kernels are fast. */
export type Profile = 'software' | 'gpu';

export interface GpuOptions {
  /** instead of what the adapter's info says */
  readonly profile?: Profile;
  /** kept as long as the device: Dawn's adapters die with the instance that made them */
  readonly owner?: unknown;
}

/** Words in an adapter's info that mean that it computes on the CPU. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|software|basic render|\bwarp\b|\bcpu\b/i;

export function profileOf(info: GPUAdapterInfo): Profile {
  const text = [info.vendor, info.architecture, info.device, info.description].join(' ');
  return info.isFallbackAdapter || SOFTWARE.test(text) ? 'software' : 'gpu';
}

/** `swiftshader`, `apple metal-3`, `nvidia ampere`. */
function nameOf(info: GPUAdapterInfo): string {
  if (/swiftshader/i.test(`${info.architecture} ${info.device} ${info.description}`)) return 'swiftshader';
  // wgpu's vendors are numbers (`65541`), which name nobody
  const parts = [info.vendor, info.architecture].filter((part) => part !== '' && !/^\d+$/.test(part));
  return parts.join(' ') || info.description || 'unnamed adapter';
}

export class Gpu {
  readonly device: GPUDevice;
  readonly name: string;
  readonly profile: Profile;
  readonly buffers: BufferPool;
  readonly pipelines: Pipelines;
  /** why the device is gone */
  lost: string | undefined;
  private readonly waiting = new Set<(error: Error) => void>();
  /** only held */
  protected readonly owner: unknown;

  private constructor(device: GPUDevice, options: GpuOptions) {
    this.device = device;
    this.name = nameOf(device.adapterInfo);
    this.profile = options.profile ?? profileOf(device.adapterInfo);
    this.buffers = new BufferPool(device);
    this.pipelines = Pipelines.of(device);
    this.owner = options.owner;
    void device.lost.then(({ reason, message }) => {
      this.lost ??= message || reason;
      this.buffers.destroy();
      for (const reject of this.waiting) reject(this.lostError());
      this.waiting.clear();
    });
  }

  static of(device: GPUDevice, options: GpuOptions = {}): Gpu {
    return new Gpu(device, options);
  }

  /** @throws RuntimeError R1002 when the device grants less than a plan needs */
  requireLimits(needs: DeviceNeeds): void {
    checkLimits(this.name, this.device.limits, needs);
  }

  /** @throws RuntimeError R1003 when the device is lost */
  check(): void {
    if (this.lost !== undefined) throw this.lostError();
  }

  /** The result of a promise of the device. @throws RuntimeError R1003 when the device is lost before it is there */
  async wait<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined); // where the next line throws nobody waits for it
    this.check();
    let give!: (error: Error) => void;
    const lost = new Promise<never>((_, reject) => {
      give = reject;
      this.waiting.add(reject);
    });
    try {
      return await napping(Promise.race([promise, lost]));
    } catch (error) {
      // a map that fails because the device is going says so before the device does
      await new Promise((resolve) => setTimeout(resolve));
      this.check();
      throw error;
    } finally {
      this.waiting.delete(give);
    }
  }

  /** Frees everything on the device, and the device. */
  destroy(): void {
    this.lost ??= 'it was destroyed';
    this.buffers.destroy();
    this.device.destroy();
  }

  private lostError(): Error {
    return runtimeError('device_lost', { reason: this.lost ?? 'for no reason that it gives' });
  }
}

/** @throws RuntimeError R1002 naming the first limit that is too low */
export function checkLimits(adapter: string, granted: GPUSupportedLimits, needs: DeviceNeeds): void {
  for (const [limit, wanted] of Object.entries(needs) as [keyof DeviceNeeds, number][]) {
    const has = granted[limit];
    if (has < wanted) throw runtimeError('adapter_limit', { adapter, limit, wanted, granted: has });
  }
}

export { nameOf };
