/** `runSelfTest()`: an adapter that is right passes, one that is made wrong is found out with the family that is off. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KERNELS, KERNELS_FILE } from '../../../src/compiler/workbench/doctor/kernels.ts';
import { openSession } from '../../../src/runtime/index.ts';
import { manifestOf } from '../../../src/runtime/webgpu/backend.webgpu.ts';
import { Gpu, openPlan, runSelfTest, Session } from '../../../src/runtime/webgpu/index.ts';
import type { WebGpuPlan } from '../../../src/shared/webgpu.ts';
import { testDevice, unavailable } from '../../support/adapter.ts';
import { buildWebGpu } from '../../support/build.ts';
import { compileOk, memory } from '../../support/project.ts';
import { provokes } from '../support.ts';
import { BIAS, f32, PLAN } from './plans.ts';

/** A device whose driver compiles something else than a kernel says. */
async function wrongDevice(edit: (wgsl: string) => string): Promise<GPUDevice> {
  const device = await testDevice();
  const right = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => right({ ...descriptor, code: edit(descriptor.code) });
  return device;
}

/** Adds in place of subtracting the rotated half. */
const wrongRotary = (wgsl: string): string => {
  if (!wgsl.startsWith('// rotary')) return wgsl;
  expect(wgsl).toContain(' -1.0,');
  return wgsl.replaceAll(' -1.0,', ' 1.0,');
};

const planOf = (body: string): WebGpuPlan =>
  buildWebGpu(compileOk('m.mdl', memory({ 'm.mdl': `model M {\n  entry run${body}\n}\n` })))!;
const ROTARY = planOf('(x: [1, 1, 4, 8], at: int[1, 4]) -> (y: [1, 1, 4, 8]) { rotary(x, at, 8, max_positions = 16) }');

it('a plan says which ops it has', () => {
  expect(ROTARY.ops).toEqual(['rotary']);
});

it('there is nothing to test where a model does not run on WebGPU', async () => {
  const source = {
    location: 'here',
    manifest: { ...manifestOf(PLAN), targets: {} },
    read: async () => new Uint8Array(),
  };
  const message = await provokes('R1017', () => openSession(source as never, { backend: 'onnx', selfTest: true }));
  expect(message).toContain('the model runs on ONNX Runtime');
});

describe.skipIf(unavailable)('the self-test', () => {
  let right: GPUDevice;
  beforeAll(async () => {
    right = await testDevice();
  });
  afterAll(() => right.destroy());

  it('finds every family of kernels right on the software adapter, and leaves a device that was given', async () => {
    const result = await runSelfTest({ device: right });
    expect(result.families.filter(({ ok }) => !ok)).toEqual([]);
    expect(result).toMatchObject({ ok: true, profile: 'software', untested: [] });
    const { model } = compileFamilies();
    expect(result.families.map(({ family }) => family)).toEqual(model.entries);
    for (const { error } of result.families) expect(error).toBeLessThan(result.limit);
    expect(right.createBuffer({ size: 4, usage: GPUBufferUsage.STORAGE }).size).toBe(4);
  });

  it('names the family that a driver gets wrong, and no other', async () => {
    const device = await wrongDevice(wrongRotary);
    const { ok, families } = await runSelfTest({ device });
    expect(ok).toBe(false);
    const off = families.filter((family) => !family.ok);
    expect(off).toMatchObject([{ family: 'rotary', ops: ['rotary'] }]);
    expect(off[0]!.error).toBeGreaterThan(0.1);
    device.destroy();
  });

  it('says what a driver says that does not compile a kernel', async () => {
    const device = await wrongDevice((wgsl) => (wgsl.startsWith('// rotary') ? wgsl.replace('fn main', 'fn') : wgsl));
    const { families } = await runSelfTest({ device, plan: ROTARY });
    expect(families).toMatchObject([{ family: 'rotary', ok: false }]);
    expect(families[0]!.failed).toContain('the kernel rotary does not compile');
    device.destroy();
  });

  it('runs what a plan needs, and says what no family covers', async () => {
    const plan = planOf('(x: [4, 8]) -> (y: [4, 8]) { softmax(pow(x, 2.0)) }');
    const { families, untested } = await runSelfTest({ device: right, plan });
    expect(families.map(({ family }) => family)).toEqual(['softmax']);
    expect(untested).toEqual(['pow']);
    const { ops: _, ...old } = plan;
    expect((await runSelfTest({ device: right, plan: old })).families.length).toBeGreaterThan(10);
  });

  it('is no finding where the device is lost', async () => {
    const gpu = Gpu.of(await testDevice());
    gpu.destroy();
    await provokes('R1003', () => runSelfTest({ device: gpu }));
  });

  it('keeps a session from running on a wrong adapter, where that is asked for', async () => {
    const device = await wrongDevice(wrongRotary);
    const weights = BIAS;
    const feeds = {
      x: f32([1, 1, 4, 8], ...Array.from({ length: 32 }, (_, i) => i)),
      at: { dtype: 'i64', shape: [1, 4], data: BigInt64Array.of(0n, 1n, 2n, 3n) } as const,
    };
    const session = await openPlan({ plan: ROTARY, weights, device, selfTest: true });
    for (const again of [1, 2]) {
      const message = await provokes('R1016', () => session.run('run', feeds));
      expect(message, `run ${again}`).toMatch(
        /^1 of 1 families of kernels are wrong on the adapter swiftshader \(rotary by /,
      );
    }
    const trusting = await openPlan({ plan: ROTARY, weights, device });
    await trusting.run('run', feeds);
    device.destroy();
    const sound = await openPlan({ plan: ROTARY, weights, device: right, selfTest: true });
    expect(sound).toBeInstanceOf(Session);
    await sound.run('run', feeds);
    await sound.dispose();
  });
});

function compileFamilies() {
  return { model: compileOk(KERNELS_FILE, memory({ [KERNELS_FILE]: KERNELS })) };
}
