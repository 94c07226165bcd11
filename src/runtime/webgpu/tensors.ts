/** Tensors on a WebGPU device: what runs keep, and what they are fed without a copy. */
import type { CacheStorage } from '../../shared/cache-storage.ts';
import type { DType } from '../../shared/dtype.ts';
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';
import type { AnyTensor, DeviceTensor } from '../device-tensor.ts';
import { runtimeError } from '../errors.ts';
import type { Gpu } from './gpu.ts';
import { bytesOn, type Growing, type Located, Readback } from './readback.ts';
import type { GPUBuffer } from './types.ts';
import { toWords } from './words.ts';

export class GpuTensor implements DeviceTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** a key/value cache, with room for more positions */
  readonly growing: Growing | undefined;
  /** for messages: `present.0.key of decode` */
  readonly label: string;
  readonly gpu: Gpu;
  private held: GPUBuffer | undefined;
  private gone = '';

  constructor(gpu: Gpu, label: string, { buffer, dtype, shape, growing }: Located) {
    this.gpu = gpu;
    this.label = label;
    this.held = buffer;
    this.dtype = dtype;
    this.shape = shape;
    this.growing = growing;
  }

  /** @throws RuntimeError R1008 when it was used up or destroyed, or its device is gone */
  get buffer(): GPUBuffer {
    if (this.gpu.lost !== undefined) throw this.unusable('was on a device that is lost');
    if (!this.held) throw this.unusable(this.gone);
    return this.held;
  }

  /** @throws RuntimeError R1008 where it is fed to what stores its numbers otherwise */
  checkStored(stored?: CacheStorage): void {
    if (this.growing?.stored !== stored) throw this.unusable('is stored otherwise than what it is fed to');
  }

  unusable(reason: string): Error {
    return runtimeError('tensor_not_usable', { tensor: this.label, reason });
  }

  async read(): Promise<HostTensor> {
    const { buffer, dtype, shape, growing, gpu } = this;
    const readback = new Readback(gpu, [{ buffer, dtype, shape, growing }]);
    const encoder = gpu.device.createCommandEncoder({ label: this.label });
    readback.record(encoder);
    gpu.device.queue.submit([encoder.finish()]);
    return (await readback.read())[0]!;
  }

  takeRows(rows: readonly number[]): GpuTensor {
    const { buffer, dtype, growing, gpu, label } = this;
    const shape = this.shape.with(0, rows.length);
    if (growing?.axis === 0) throw this.unusable('grows along the axis whose rows were asked for');
    const bytes = bytesOn({ shape, growing });
    const row = rows.length === 0 ? 0 : bytes / rows.length;
    const target = gpu.buffers.take(bytes, label);
    if (row > 0) {
      const encoder = gpu.device.createCommandEncoder({ label: `rows of ${label}` });
      rows.forEach((source, i) => {
        encoder.copyBufferToBuffer(buffer, source * row, target, i * row, row);
      });
      gpu.device.queue.submit([encoder.finish()]);
    }
    return new GpuTensor(gpu, label, { buffer: target, dtype, shape, growing });
  }

  /** Hands the buffer over; the tensor cannot be used any more. */
  consume(by: string): GPUBuffer {
    const { buffer } = this;
    this.held = undefined;
    this.gone = `was updated in place by ${by}`;
    return buffer;
  }

  destroy(): void {
    if (this.held) this.gpu.buffers.give(this.held);
    this.held = undefined;
    this.gone ||= 'was destroyed';
  }
}

/** A copy of a tensor on the device. @throws RuntimeError R1005, R1009 */
export function upload(gpu: Gpu, tensor: AnyTensor, label: string): GpuTensor {
  gpu.check();
  if (tensor instanceof GpuTensor && tensor.gpu === gpu) return tensor;
  const { dtype, shape, data } = tensor as HostTensor;
  const words = toWords(data, label);
  const buffer = gpu.buffers.take(4 * sizeOf(shape), label);
  writeWords(gpu, buffer, 0, words);
  return new GpuTensor(gpu, label, { buffer, dtype, shape });
}

export function writeWords(gpu: Gpu, buffer: GPUBuffer, offset: number, words: ArrayBufferView): void {
  if (words.byteLength === 0) return;
  gpu.device.queue.writeBuffer(buffer, offset, words.buffer as ArrayBuffer, words.byteOffset, words.byteLength);
}
