/** The harness itself: on linux x64 a fresh checkout has an adapter, and a kernel runs on it. */
import { describe, expect, it } from 'vitest';
import { testDevice, unavailable } from '../../support/adapter.ts';
import { packedRunsHere } from '../../support/unpack.ts';

it.runIf(packedRunsHere)('linux x64 has an adapter from npm alone', () => {
  expect(unavailable).toBeUndefined();
});

describe.skipIf(unavailable)('the test device', () => {
  it('computes', async () => {
    const device = await testDevice();
    const code =
      '@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n' +
      '@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) at: vec3<u32>) { y[at.x] = f32(at.x) * 2; }';
    const pipeline = device.createComputePipeline({
      layout: 'auto',
      compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
    });
    const y = device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
    const staging = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer: y } }],
      }),
    );
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(y, 0, staging, 0, 16);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    expect([...new Float32Array(staging.getMappedRange())]).toEqual([0, 2, 4, 6]);
    device.destroy();
  });
});
