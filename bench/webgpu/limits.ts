/**
 * What the adapter can do at most, by kernels that do nothing else: what a row is compared with when no peer is there.
 * Nothing here is tuned to one adapter: enough independent chains of FMAs for any, a plain copy, empty dispatches.
 */
import { median } from '../support.ts';

export interface Limits {
  /** fused multiply-adds, counted as two operations: 10⁹/s */
  readonly gflops: number;
  /** read and written by a copy kernel, vec4 by vec4: 10⁹ bytes/s */
  readonly kernelGBps: number;
  /** read and written by copyBufferToBuffer */
  readonly copyGBps: number;
  /** one more small dispatch in a pass, µs */
  readonly dispatchMicroseconds: number;
  /** a submit of one small dispatch, waited for, ms */
  readonly submitMs: number;
}

const RUNS = 9;
const FMA_GROUPS = 64;
const FMA_DISPATCHES = 4;
const FMA_ROUNDS = 512;
/** vec4 chains × lanes × 2 operations */
const FMA_OPERATIONS = 8 * 4 * 2;
const COPY_BYTES = 16 << 20;
/** in one submit, so that what the submit itself costs does not show */
const COPIES = 4;
const DISPATCHES = 1000;

const FMA = `// peak of fused multiply-adds: eight independent chains of vec4 per invocation
@group(0) @binding(0) var<storage, read_write> data: array<vec4f>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let x = data[id.x];
  let m = vec4f(0.999) + x * 0.0001;
  var a0 = x; var a1 = x + 1.0; var a2 = x + 2.0; var a3 = x + 3.0;
  var a4 = x + 4.0; var a5 = x + 5.0; var a6 = x + 6.0; var a7 = x + 7.0;
  for (var i = 0u; i < ${FMA_ROUNDS}u; i++) {
    a0 = fma(a0, m, x); a1 = fma(a1, m, x); a2 = fma(a2, m, x); a3 = fma(a3, m, x);
    a4 = fma(a4, m, x); a5 = fma(a5, m, x); a6 = fma(a6, m, x); a7 = fma(a7, m, x);
  }
  data[id.x] = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7;
}`;

const COPY = `// bandwidth of a kernel: one vec4 read and one written per invocation
@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4f>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) { target_[id.x] = source[id.x]; }`;

const SMALL = `// almost nothing: what a dispatch costs
@group(0) @binding(0) var<storage, read_write> data: array<vec4f>;
@compute @workgroup_size(1) fn main() { data[0] = data[0] + vec4f(1.0); }`;

export async function measureLimits(gpu: GPU): Promise<Limits> {
  const adapter = (await gpu.requestAdapter())!;
  const device = await adapter.requestDevice();
  try {
    const buffer = (bytes: number): GPUBuffer =>
      device.createBuffer({
        size: bytes,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      });
    const [a, b] = [buffer(COPY_BYTES), buffer(COPY_BYTES)];
    const kernel = (code: string, buffers: readonly GPUBuffer[]) => {
      const module = device.createShaderModule({ code });
      const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } });
      const entries = buffers.map((resource, binding) => ({ binding, resource: { buffer: resource } }));
      const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
      return (encoder: GPUCommandEncoder, groups: number, times = 1): void => {
        const pass = encoder.beginComputePass();
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        for (let i = 0; i < times; i++) pass.dispatchWorkgroups(groups);
        pass.end();
      };
    };
    /** milliseconds of a submit that is waited for, median */
    const time = async (record: (encoder: GPUCommandEncoder) => void): Promise<number> => {
      const taken: number[] = [];
      for (let i = -1; i < RUNS; i++) {
        const began = performance.now();
        const encoder = device.createCommandEncoder();
        record(encoder);
        device.queue.submit([encoder.finish()]);
        await device.queue.onSubmittedWorkDone();
        if (i >= 0) taken.push(performance.now() - began);
      }
      return median(taken);
    };
    const [fma, copy, small] = [kernel(FMA, [a]), kernel(COPY, [a, b]), kernel(SMALL, [a])];
    const submitMs = await time((encoder) => small(encoder, 1));
    const many = await time((encoder) => small(encoder, 1, DISPATCHES));
    const fmaMs = await time((encoder) => fma(encoder, FMA_GROUPS, FMA_DISPATCHES));
    const kernelMs = await time((encoder) => copy(encoder, COPY_BYTES / 16 / 64, COPIES));
    const copyMs = await time((encoder) => {
      for (let i = 0; i < COPIES; i++) encoder.copyBufferToBuffer(a, 0, b, 0, COPY_BYTES);
    });
    return {
      gflops: (FMA_DISPATCHES * FMA_GROUPS * 64 * FMA_ROUNDS * FMA_OPERATIONS) / (fmaMs * 1e6),
      kernelGBps: (2 * COPIES * COPY_BYTES) / (kernelMs * 1e6),
      copyGBps: (2 * COPIES * COPY_BYTES) / (copyMs * 1e6),
      dispatchMicroseconds: (1000 * (many - submitMs)) / (DISPATCHES - 1),
      submitMs,
    };
  } finally {
    device.destroy();
  }
}
