/**
 * All buffers of a device: counted, reused, and refused with a clear error when they are larger than its limits.
 *
 * A buffer that is given back may still be read by commands that were submitted before; that is fine, because a queue
 * runs in order and whoever takes the buffer next writes to it later.
 */
import { runtimeError } from '../errors.ts';
import { TENSOR_USAGE, USAGE } from './flags.ts';
import type { GPUBuffer, GPUDevice } from './types.ts';

/** Bytes; a size is rounded up to it, so that buffers of nearly the same size can stand in for each other. */
const GRAIN = 256;

export interface BufferCounts {
  /** buffers that exist on the device, idle ones included */
  readonly live: number;
  readonly bytes: number;
  readonly peakBytes: number;
  /** of them, those that are kept for reuse */
  readonly idle: number;
}

export class BufferPool {
  private readonly device: GPUDevice;
  private readonly all = new Set<GPUBuffer>();
  /** `usage:size` → idle buffers */
  private readonly idle = new Map<string, GPUBuffer[]>();
  private bytes = 0;
  private peakBytes = 0;

  constructor(device: GPUDevice) {
    this.device = device;
  }

  counts(): BufferCounts {
    let idle = 0;
    for (const buffers of this.idle.values()) idle += buffers.length;
    return { live: this.all.size, bytes: this.bytes, peakBytes: this.peakBytes, idle };
  }

  /** The bytes that a buffer of a tensor may have. */
  get largest(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    return Math.min(maxBufferSize, maxStorageBufferBindingSize);
  }

  /**
   * A buffer of at least `bytes` bytes, with old contents; empty tensors get one too, since a binding cannot be empty.
   * @param what for messages: `logits of decode`
   * @throws RuntimeError R1005 when it is larger than the device allows
   */
  take(bytes: number, what: string, usage: number = TENSOR_USAGE): GPUBuffer {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const storage = (usage & USAGE.STORAGE) !== 0;
    const granted = storage ? this.largest : maxBufferSize;
    if (!(bytes <= granted)) {
      const limit = storage && bytes > maxStorageBufferBindingSize ? 'maxStorageBufferBindingSize' : 'maxBufferSize';
      throw runtimeError('buffer_too_large', { what, bytes, limit, granted: this.device.limits[limit] });
    }
    const size = Math.min(Math.max(Math.ceil(bytes / GRAIN), 1) * GRAIN, granted - (granted % 4));
    const before = this.idle.get(`${usage}:${size}`)?.pop();
    if (before) return before;
    const buffer = this.device.createBuffer({ label: what, size, usage });
    this.all.add(buffer);
    this.bytes += size;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
    return buffer;
  }

  /** Keeps a buffer for reuse. */
  give(buffer: GPUBuffer): void {
    if (!this.all.has(buffer)) return; // the pool was destroyed meanwhile
    const key = `${buffer.usage}:${buffer.size}`;
    const idle = this.idle.get(key);
    if (idle) idle.push(buffer);
    else this.idle.set(key, [buffer]);
  }

  /** Frees a buffer now. */
  free(buffer: GPUBuffer): void {
    if (!this.all.delete(buffer)) return;
    this.bytes -= buffer.size;
    buffer.destroy();
  }

  /** Frees the buffers that wait for reuse. */
  trim(): void {
    for (const buffers of this.idle.values()) for (const buffer of buffers) this.free(buffer);
    this.idle.clear();
  }

  /** Frees everything. */
  destroy(): void {
    this.idle.clear();
    for (const buffer of [...this.all]) this.free(buffer);
  }
}
