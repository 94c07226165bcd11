/** What `explain-plan --measure` compares a plan with: hand-written kernels, of which the results are known. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { productOfRegisters, productOfTiles } from '../../src/compiler/workbench/plan/measure/hand-written.ts';
import { leastMs } from '../../src/compiler/workbench/plan/measure/index.ts';
import { measureLimits } from '../../src/compiler/workbench/plan/measure/limits.ts';
import { Gpu } from '../../src/runtime/webgpu/gpu.ts';
import { gemmBench } from '../backends/wgsl/families/gemm-cases.ts';
import { difference } from '../backends/wgsl/families/harness.ts';
import { testDevice, unavailable } from '../support/adapter.ts';

describe.skipIf(unavailable)('hand-written kernels', () => {
  let device: GPUDevice;
  beforeAll(async () => {
    device = await testDevice({ requiredFeatures: ['timestamp-query'] });
  });
  afterAll(() => device.destroy());

  it.each([
    ['of registers', productOfRegisters, 67, 24, 36],
    ['of tiles', productOfTiles, 128, 64, 48],
  ] as const)('the product %s is right', async (_, product, m, n, k) => {
    const { bench, expected } = gemmBench({ m, n, k, profile: 'software' });
    const prepared = await bench.prepare(device, product(m, n, k));
    prepared.submit(1);
    expect(difference((await prepared.read()).get('y')!, expected())).toBeLessThan(1e-6);
    prepared.destroy();
  });

  it('have no shape that they would compute wrong', () => {
    expect(() => productOfRegisters(8, 12, 4)).toThrow('12 × 4 is no shape');
    expect(() => productOfTiles(64, 64, 8)).toThrow('64 × 64 × 8 is no shape');
  });

  it('give limits, and leave nothing behind', async () => {
    const gpu = Gpu.of(device);
    const limits = await measureLimits(gpu);
    for (const limit of Object.values(limits)) expect(limit).toBeGreaterThan(0);
    gpu.buffers.trim();
    expect(gpu.buffers.counts()).toMatchObject({ live: 0, bytes: 0 });
  });

  it('are looked at: an adapter that computes wrong is told', async () => {
    const gpu = Gpu.of(device);
    const compile = gpu.pipelines.get.bind(gpu.pipelines);
    const spy = vi
      .spyOn(gpu.pipelines, 'get')
      .mockImplementation((kernel) =>
        compile({ ...kernel, wgsl: kernel.wgsl.replace('= source[index]', '= vec4f()') }),
      );
    await expect(measureLimits(gpu)).rejects.toMatchObject({
      code: 'C0115',
      message: expect.stringContaining('computes the copy that limits are measured with wrong: element 0 is 0, and -3'),
    });
    spy.mockRestore();
    gpu.buffers.trim();
    expect(gpu.buffers.counts()).toMatchObject({ live: 0 });
  });
});

it('the least time is that of the arithmetic, of the bytes or of a dispatch', () => {
  const limits = { gflops: 2, gigabytes_per_second: 4, dispatch_ms: 0.5 };
  expect(leastMs({ flops: 4e6, bytes: 0 }, limits)).toBe(2);
  expect(leastMs({ flops: 4e6, bytes: 12e6 }, limits)).toBe(3);
  expect(leastMs({ flops: 1, bytes: 1 }, limits)).toBe(0.5);
});
