/**
 * WebGPU in Node for the contestants: Dawn's globals, a `navigator` that has it (libraries look there when they are
 * imported), and counters on the objects that every WebGPU library has to go through.
 */
import { create, globals } from 'webgpu';

export interface Counts {
  dispatches: number;
  submits: number;
}

const counts: Counts = { dispatches: 0, submits: 0 };
/** Dawn ends when its GPU object is collected. */
let instance: GPU | undefined;

/** @throws Error when there is no adapter */
export async function installGpu(): Promise<GPU> {
  if (instance) return instance;
  Object.assign(globalThis, globals);
  instance = create([]);
  const navigator = { gpu: instance, userAgent: 'node', platform: process.platform, hardwareConcurrency: 1 };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  count();
  takeSharedMemory();
  if (!(await instance.requestAdapter())) throw new Error('Dawn finds no adapter on this machine');
  return instance;
}

/** What was counted since the last call. */
export function takeCounts(): Counts {
  const taken = { ...counts };
  counts.dispatches = 0;
  counts.submits = 0;
  return taken;
}

export async function describeAdapter(gpu: GPU): Promise<string> {
  const { info } = (await gpu.requestAdapter())!;
  return [info.vendor, info.architecture, info.description].filter((text) => text).join(', ');
}

function count(): void {
  const pass = GPUComputePassEncoder.prototype;
  const { dispatchWorkgroups, dispatchWorkgroupsIndirect } = pass;
  pass.dispatchWorkgroups = function (...groups) {
    counts.dispatches++;
    return dispatchWorkgroups.apply(this, groups);
  };
  pass.dispatchWorkgroupsIndirect = function (...source) {
    counts.dispatches++;
    return dispatchWorkgroupsIndirect.apply(this, source);
  };
  const queue = GPUQueue.prototype;
  const { submit } = queue;
  queue.submit = function (buffers) {
    counts.submits++;
    return submit.call(this, buffers);
  };
}

/** Dawn in Node refuses views of shared memory, which a multi-threaded wasm module's heap is: onnxruntime-web writes from it. */
function takeSharedMemory(): void {
  const queue = GPUQueue.prototype;
  const { writeBuffer } = queue;
  queue.writeBuffer = function (buffer, offset, data, from = 0, size) {
    const isView = ArrayBuffer.isView(data);
    const memory = isView ? data.buffer : data;
    if (!(memory instanceof SharedArrayBuffer)) return writeBuffer.call(this, buffer, offset, data, from, size);
    const item = isView && 'BYTES_PER_ELEMENT' in data ? (data.BYTES_PER_ELEMENT as number) : 1;
    const bytes = new Uint8Array(memory, isView ? data.byteOffset : 0, data.byteLength);
    const end = size === undefined ? bytes.length : (from + size) * item;
    return writeBuffer.call(this, buffer, offset, bytes.slice(from * item, end));
  };
}
