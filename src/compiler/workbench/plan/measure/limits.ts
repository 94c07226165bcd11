/** What an adapter can do at most, by hand-written kernels: the limits that a plan's kernels are compared with. */

import { type Gpu, type Profile, profileOf } from '../../../../runtime/webgpu/gpu.ts';
import { Readback } from '../../../../runtime/webgpu/readback.ts';
import type { HostTensor } from '../../../../shared/tensor.ts';
import type { KernelPlan } from '../../../../shared/webgpu.ts';
import { printTemplate } from '../../../backends/wgsl/text/emit.ts';
import { cliError } from '../../errors.ts';
import { millisecondsOf } from './clock.ts';
import { COPY, COPY_LANES, NOTHING, productOfRegisters, productOfTiles } from './hand-written.ts';

export interface Limits {
  /** floating-point operations of a product of matrices: 10⁹ a second */
  readonly gflops: number;
  /** bytes that a kernel reads and writes: 10⁹ a second */
  readonly gigabytes_per_second: number;
  /** of a dispatch that does nothing */
  readonly dispatch_ms: number;
}

/** Of the product's three sizes, and bytes of the copy: what a cache does not hold, and software still does in a moment. */
const SIZES = { software: { side: 512, copied: 2 ** 24 }, gpu: { side: 2048, copied: 2 ** 26 } } as const;

/** Elements of a result that are looked at. */
const LOOKED_AT = 64;

/** Operands are made of small whole numbers, whose products are exact in any order. */
const element = (index: number): number => (index % 7) - 3;

interface Work {
  readonly label: string;
  readonly wgsl: string;
  /** of the buffers, the last of which is written */
  readonly bytes: readonly number[];
  readonly groups: readonly [number, number, number];
  /** element of the result */
  expected(index: number): number;
}

/** @throws CliError C0115 when a result is wrong; RuntimeError R1003, R1004, R1005, R1013 */
export async function measureLimits(gpu: Gpu): Promise<Limits> {
  // what the adapter is, whatever kernels are asked for
  const profile = profileOf(gpu.device.adapterInfo);
  const { side, copied } = SIZES[profile];
  const nothing = await timed(gpu, {
    label: 'nothing',
    wgsl: NOTHING,
    bytes: [16, 16],
    groups: [1, 1, 1],
    expected: element,
  });
  const moved = await timed(gpu, {
    label: 'copy',
    wgsl: COPY,
    bytes: [copied, copied],
    groups: spread(gpu, copied / 16 / COPY_LANES),
    expected: element,
  });
  const multiplied = await timed(gpu, product(gpu, profile, side));
  return {
    gflops: (2 * side ** 3) / multiplied / 1e6,
    gigabytes_per_second: (2 * copied) / moved / 1e6,
    dispatch_ms: nothing,
  };
}

function product(gpu: Gpu, profile: Profile, side: number): Work {
  const template = (profile === 'software' ? productOfRegisters : productOfTiles)(side, side, side);
  const bindings = ['<storage, read> a_data: array<vec4f>', '<storage, read> b_data: array<vec4f>'];
  const declared = [...bindings, '<storage, read_write> y_data: array<f32>'].map(
    (binding, index) => `@group(0) @binding(${index}) var${binding};`,
  );
  const bytes = 4 * side * side;
  return {
    label: 'product',
    wgsl: `${declared.join('\n')}\n${printTemplate(template)}`,
    bytes: [bytes, bytes, bytes],
    groups: spread(
      gpu,
      template.groups.reduce((product, { of, per }) => product * Math.ceil(Number(of) / per), 1),
    ),
    expected(index) {
      const [row, column] = [Math.floor(index / side), index % side];
      let sum = 0;
      for (let k = 0; k < side; k++) sum += element(row * side + k) * element(k * side + column);
      return sum;
    },
  };
}

function spread(gpu: Gpu, count: number): [number, number, number] {
  const limit = gpu.device.limits.maxComputeWorkgroupsPerDimension;
  return count <= limit ? [count, 1, 1] : [limit, Math.ceil(count / limit), 1];
}

/** Milliseconds of one dispatch, after which its result is looked at. */
async function timed(gpu: Gpu, { label, wgsl, bytes, groups, expected }: Work): Promise<number> {
  const access = bytes.map((_, index) => (index === bytes.length - 1 ? 'read_write' : 'read'));
  const kernel: KernelPlan = { label, wgsl, bindings: access, params: 0, workgroup: [1, 1, 1] };
  const { pipeline, layout } = await gpu.wait(gpu.pipelines.get(kernel));
  const buffers = bytes.map((size, index) => gpu.buffers.take(size, `${label} ${index}`));
  try {
    for (const [index, buffer] of buffers.slice(0, -1).entries())
      gpu.device.queue.writeBuffer(
        buffer,
        0,
        Float32Array.from({ length: bytes[index]! / 4 }, (_, i) => element(i)),
      );
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = gpu.device.createBindGroup({ label, layout, entries });
    const ms = await millisecondsOf(gpu, (encoder, repeats, timestamps) => {
      const pass = encoder.beginComputePass({ label, timestampWrites: timestamps.writes(0) });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(...groups);
      pass.end();
    });
    const elements = bytes.at(-1)! / 4;
    const readback = new Readback(gpu, [{ buffer: buffers.at(-1)!, dtype: 'f32', shape: [elements] }]);
    const encoder = gpu.device.createCommandEncoder({ label });
    readback.record(encoder);
    gpu.device.queue.submit([encoder.finish()]);
    const [{ data }] = (await readback.read()) as [HostTensor];
    for (let looked = 0; looked < LOOKED_AT; looked++) {
      const index = Math.floor((looked * (elements - 1)) / (LOOKED_AT - 1));
      const found = Number(data[index]);
      if (found !== expected(index))
        throw cliError('probe_kernel_wrong', {
          adapter: gpu.name,
          kernel: label,
          index,
          found,
          expected: expected(index),
        });
    }
    return ms;
  } finally {
    for (const buffer of buffers) gpu.buffers.free(buffer);
  }
}
