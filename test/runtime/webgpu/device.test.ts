/** Where devices come from, what they must grant, and what happens when one goes. */
import { describe, expect, it, vi } from 'vitest';
import { acquireDevice } from '../../../src/runtime/webgpu/device.node.ts';
import { acquireFrom, type GpuPlace } from '../../../src/runtime/webgpu/device.ts';
import { Gpu, nameOf, profileOf } from '../../../src/runtime/webgpu/gpu.ts';
import { numbered } from '../../../src/runtime/webgpu/pipelines.ts';
import { WebGpuProgram } from '../../../src/runtime/webgpu/program.ts';
import { GpuTensor, upload } from '../../../src/runtime/webgpu/tensors.ts';
import { ModelBuffers } from '../../../src/runtime/webgpu/weights.ts';
import { testDevice, unavailable } from '../../support/adapter.ts';
import { provokes } from '../support.ts';
import { BIAS, f32, PLAN } from './plans.ts';

const info = (part: Partial<GPUAdapterInfo>): GPUAdapterInfo =>
  ({ vendor: '', architecture: '', device: '', description: '', isFallbackAdapter: false, ...part }) as GPUAdapterInfo;

const place = (name: string, gpu: unknown): GpuPlace => ({
  name,
  open: async () => {
    if (gpu instanceof Error) throw gpu;
    return gpu as GPU | undefined;
  },
});

describe('a device that is not to be had', () => {
  it('says what was tried', async () => {
    const places = [
      place('navigator.gpu', undefined),
      place('the package webgpu', new Error('Cannot find package')),
      place('another', { requestAdapter: async () => null }),
      place('slow', { requestAdapter: async () => ({ info: info({ description: 'llvmpipe (LLVM 15)' }) }) }),
    ];
    const message = await provokes('R1001', () => acquireFrom(places, { hardwareOnly: true }));
    expect(message).toContain(
      'navigator.gpu is not there; the package webgpu failed: Cannot find package; another has no adapter; ' +
        'slow has only the software adapter llvmpipe (LLVM 15)',
    );
  });

  it('knows adapters that compute on the CPU', () => {
    const profile = (part: Partial<GPUAdapterInfo>) => profileOf(info(part));
    expect(profile({ vendor: 'google', architecture: 'swiftshader' })).toBe('software');
    expect(profile({ description: 'Microsoft Basic Render Driver' })).toBe('software');
    expect(profile({ isFallbackAdapter: true })).toBe('software');
    expect(profile({ vendor: 'nvidia', architecture: 'ampere', description: 'NVIDIA GeForce' })).toBe('gpu');
    expect(profile({ vendor: 'intel', architecture: 'gen-12lp' })).toBe('gpu');
  });

  it('has a name that people know', () => {
    const name = (part: Partial<GPUAdapterInfo>) => nameOf(info(part));
    expect(name({ vendor: 'apple', architecture: 'metal-3' })).toBe('apple metal-3');
    expect(name({ vendor: '65541', description: 'llvmpipe (LLVM 15)' })).toBe('llvmpipe (LLVM 15)'); // wgpu
    expect(name({ vendor: '', description: '' })).toBe('unnamed adapter');
  });
});

describe.skipIf(unavailable)('a device', () => {
  it('is had in Node, with what the adapter grants', async () => {
    const gpu = await acquireDevice({ needs: PLAN.needs });
    expect(gpu.device.limits.maxBufferSize).toBeGreaterThanOrEqual(PLAN.needs.maxBufferSize);
    gpu.destroy();
    const small = await acquireDevice({ needs: PLAN.needs, limits: 'needs', profile: 'gpu' });
    expect(small.device.limits.maxStorageBufferBindingSize).toBe(PLAN.needs.maxStorageBufferBindingSize);
    expect(small.profile).toBe('gpu');
    small.destroy();
  });

  it('must grant what the plan needs', async () => {
    const needs = { ...PLAN.needs, maxStorageBuffersPerShaderStage: 1000 };
    const message = await provokes('R1002', () => acquireDevice({ needs }));
    expect(message).toMatch(/maxStorageBuffersPerShaderStage of 1000 and the adapter .* grants \d+/);
    const gpu = Gpu.of(await testDevice());
    await provokes('R1002', () => gpu.requireLimits(needs));
    gpu.destroy();
  });

  it('that is lost ends what waits and what comes after', async () => {
    const gpu = Gpu.of(await testDevice());
    const chain = await WebGpuProgram.open(gpu, PLAN, 'chain', new ModelBuffers(gpu, PLAN, BIAS));
    const x = { dtype: 'f32' as const, shape: [4096, 4], data: new Float32Array(4 * 4096) };
    const kept = (await chain.run({ x }, ['y'], { keep: 'all' })).y as GpuTensor;
    const running = chain.run({ x });
    running.catch(() => undefined);
    gpu.device.destroy();
    expect(await provokes('R1003', () => running)).toContain('session.recover()');
    await provokes('R1003', () => chain.run({ x }));
    await provokes('R1008', () => kept.read());
    kept.destroy();
    expect(gpu.buffers.counts()).toMatchObject({ live: 0, bytes: 0 });
  });

  it('that runs out of memory says so and starts afresh', async () => {
    const gpu = Gpu.of(await testDevice());
    const chain = await WebGpuProgram.open(gpu, PLAN, 'chain', new ModelBuffers(gpu, PLAN, BIAS));
    const x = f32([1, 4], 1, 2, 3, 4);
    const scope = vi.spyOn(gpu.device, 'popErrorScope');
    scope.mockImplementationOnce(async () => ({ message: 'Not enough memory left.' }));
    expect(await provokes('R1007', () => chain.run({ x }, undefined, { keep: 'all' }))).toContain(
      '(Not enough memory left)',
    );
    scope.mockRestore();
    const { y } = await chain.run({ x }, ['y']);
    expect(y).toEqual(f32([1, 4], 3, 5, 7, 9));
    gpu.destroy();
  });

  it('shows the place in a kernel that does not compile', async () => {
    const gpu = Gpu.of(await testDevice());
    const kernels = PLAN.kernels.with(1, {
      ...PLAN.kernels[1]!,
      wgsl: PLAN.kernels[1]!.wgsl.replace('2.0 * x[i]', 'nowhere'),
    });
    const plan = { ...PLAN, kernels };
    const open = () => WebGpuProgram.open(gpu, plan, 'chain', new ModelBuffers(gpu, plan, BIAS));
    const message = await provokes('R1004', open);
    expect(message).toMatch(/^the kernel double does not compile \(line 8: unresolved value 'nowhere'\)/);
    expect(message).toMatch(/\n> {4}8 \| .*y\[i\] = nowhere/);
    expect(gpu.pipelines.size).toBeLessThan(3);
    gpu.destroy();
  });

  it('compiles a kernel once for all models on it', async () => {
    const device = await testDevice();
    const compile = vi.spyOn(device, 'createComputePipelineAsync');
    const open = async (): Promise<number> => {
      const gpu = Gpu.of(device);
      await (await WebGpuProgram.open(gpu, PLAN, 'chain', new ModelBuffers(gpu, PLAN, BIAS))).dispose();
      return compile.mock.calls.length;
    };
    const first = await open();
    expect(first).toBeGreaterThan(0);
    expect(await open()).toBe(first);
    device.destroy();
  });

  it('refuses to profile without timestamps', async () => {
    const gpu = Gpu.of(await testDevice());
    const chain = await WebGpuProgram.open(gpu, PLAN, 'chain', new ModelBuffers(gpu, PLAN, BIAS));
    await provokes('R1013', () => chain.run({ x: f32([1, 4], 1, 2, 3, 4) }, undefined, { profile: true }));
    gpu.destroy();
  });

  it('keeps a tensor that is there already', async () => {
    const gpu = Gpu.of(await testDevice());
    const tensor = upload(gpu, { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) }, 'mask');
    expect(upload(gpu, tensor, 'mask')).toBe(tensor);
    expect(tensor).toBeInstanceOf(GpuTensor);
    expect(await tensor.read()).toEqual({ dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) });
    gpu.destroy();
  });
});

it('numbers the lines around a place', () => {
  expect(numbered('a\nb\nc\nd\ne\nf', 2).split('\n')).toEqual([
    '     1 | a',
    '>    2 | b',
    '     3 | c',
    '     4 | d',
    '     5 | e',
  ]);
});
