/**
 * The parameters and constants of a model on the device, shared by its entries: uploaded when an entry first needs them,
 * chunk by chunk, so that the host never holds more than one chunk of a checkpoint.
 */

import { isQuantised, storageWords } from '../../shared/quantisation.ts';
import { frequencyOf } from '../../shared/rotary.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { sizeOf } from '../../shared/tensor.ts';
import type { ConstantPlan, ParameterPlan, WebGpuPlan } from '../../shared/webgpu.ts';
import { runtimeError } from '../errors.ts';
import type { Gpu } from './gpu.ts';
import { packedChunks } from './packed-weights.ts';
import { type Weights, weightChunks } from './stored.ts';
import { writeWords } from './tensors.ts';
import { packHalves, toWords } from './words.ts';

/** Bytes after which the upload waits for the device, which holds copies until then. */
const IN_FLIGHT = 1 << 26;

/** Elements `from` … `to` of a parameter, and the word of a buffer at which they begin. */
interface Shard {
  readonly from: number;
  readonly to: number;
  readonly buffer: GPUBuffer;
  readonly word: number;
}

export class ModelBuffers {
  private readonly gpu: Gpu;
  private readonly plan: WebGpuPlan;
  private readonly weights: Weights;
  private readonly parameters = new Map<string, Promise<GPUBuffer>>();
  private readonly constants = new Map<number, GPUBuffer>();
  /** one upload after the other: the memory of the host is the scarcer one */
  private queue: Promise<unknown> = Promise.resolve();
  private inFlight = 0;

  constructor(gpu: Gpu, plan: WebGpuPlan, weights: Weights) {
    this.gpu = gpu;
    this.plan = plan;
    this.weights = weights;
  }

  /** @throws RuntimeError R1009, R1010, and what reading the weights throws */
  parameter(index: number, from = 0, to?: number): Promise<GPUBuffer> {
    const parameter = this.plan.parameters[index];
    if (!parameter)
      throw runtimeError('plan_form', { file: this.plan.model.name, reason: `names the parameter ${index}` });
    const end = to ?? sizeOf(parameter.shape);
    const words = storageWords(parameter.storage, end - from);
    return this.filled(`${index}:${from}:${end}`, words, parameter.key, (buffer) =>
      this.upload(parameter, { from, to: end, buffer, word: 0 }),
    );
  }

  /** Several small parameters in one buffer. @throws as `parameter` */
  pack(index: number): Promise<GPUBuffer> {
    const pack = this.plan.packs[index];
    if (!pack) throw runtimeError('plan_form', { file: this.plan.model.name, reason: `names the pack ${index}` });
    return this.filled(`pack ${index}`, pack.elements, `pack ${index}`, async (buffer) => {
      for (const { parameter: part, at } of pack.parts) {
        const parameter = this.plan.parameters[part]!;
        await this.upload(parameter, { from: 0, to: sizeOf(parameter.shape), buffer, word: at });
      }
    });
  }

  /** The buffer of this key, taken and filled once; uploads follow each other. */
  private filled(
    key: string,
    words: number,
    label: string,
    fill: (buffer: GPUBuffer) => Promise<void>,
  ): Promise<GPUBuffer> {
    const before = this.parameters.get(key);
    if (before) return before;
    const uploading = this.queue.then(async () => {
      this.gpu.check();
      const buffer = this.gpu.buffers.take(4 * words, label);
      try {
        await fill(buffer);
        return buffer;
      } catch (error) {
        this.gpu.buffers.free(buffer);
        throw error;
      }
    });
    this.queue = uploading.catch(() => undefined);
    this.parameters.set(key, uploading);
    uploading.catch(() => this.parameters.delete(key)); // the next load may try again
    return uploading;
  }

  constant(index: number): GPUBuffer {
    const before = this.constants.get(index);
    if (before) return before;
    const plan = this.plan.constants[index];
    if (!plan) throw runtimeError('plan_form', { file: this.plan.model.name, reason: `names the constant ${index}` });
    const words = constantWords(plan);
    const buffer = this.gpu.buffers.take(words.byteLength, `constant ${index}`);
    writeWords(this.gpu, buffer, 0, words);
    this.constants.set(index, buffer);
    return buffer;
  }

  /** Frees parameters and constants, once what is being uploaded has settled. */
  async dispose(): Promise<void> {
    const uploaded = await Promise.allSettled(this.parameters.values());
    for (const one of uploaded) if (one.status === 'fulfilled') this.gpu.buffers.free(one.value);
    for (const buffer of this.constants.values()) this.gpu.buffers.free(buffer);
    this.parameters.clear();
    this.constants.clear();
  }

  private async upload(parameter: ParameterPlan, shard: Shard): Promise<void> {
    if (isQuantised(parameter.storage)) {
      for await (const { word, words } of packedChunks(this.weights, parameter, parameter.storage, shard)) {
        writeWords(this.gpu, shard.buffer, 4 * (shard.word + word), words);
        this.inFlight += words.byteLength;
        await this.settle();
      }
      return;
    }
    for await (const { at, data } of weightChunks(this.weights, parameter, shard)) {
      this.write(parameter, shard, at, data);
      await this.settle();
    }
  }

  /** Waits for the device once much is under way. */
  private async settle(): Promise<void> {
    const { gpu } = this;
    if (this.inFlight < IN_FLIGHT) return;
    this.inFlight = 0;
    gpu.device.queue.submit([]);
    await gpu.wait(gpu.device.queue.onSubmittedWorkDone());
  }

  /** Writes what of `data`, elements from `at` on, lies in the shard. */
  private write({ key, storage }: ParameterPlan, shard: Shard, at: number, data: HostTensor['data']): void {
    const start = Math.max(shard.from - at, 0);
    const part = data.subarray(start, Math.max(Math.min(data.length, shard.to - at), start)) as HostTensor['data'];
    if (part.length === 0) return;
    const element = at + start - shard.from;
    const words = storage === 'f16' ? packHalves(part as Float32Array) : toWords(part, key, { first: at + start });
    writeWords(this.gpu, shard.buffer, 4 * shard.word + (storage === 'f16' ? 2 : 4) * element, words);
    this.inFlight += words.byteLength;
  }
}

/** A constant's words. Rotary tables are computed in float64 and rounded, as the compiler folds them. */
export function constantWords(plan: ConstantPlan): Float32Array | Uint32Array {
  if (plan.kind === 'data') {
    const text = atob(plan.base64);
    return new Uint32Array(Uint8Array.from(text, (char) => char.charCodeAt(0)).buffer);
  }
  const { positions, dims, theta, frequencies } = plan;
  const half = dims / 2;
  const table = new Float32Array(positions * dims);
  for (let i = 0; i < half; i++) {
    const frequency = frequencyOf(i, dims, theta, frequencies);
    for (let position = 0; position < positions; position++) {
      table[position * dims + i] = Math.cos(position * frequency);
      table[position * dims + half + i] = Math.sin(position * frequency);
    }
  }
  return table;
}
