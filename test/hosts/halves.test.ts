/**
 * Matrices stored as f16: right without shader-f16 on this machine's adapter, accepted with it by Dawn's front end (whose null
 * backend has every feature and runs nothing), and with it on lavapipe in Deno, where that is installed.
 */

import { beforeAll, describe, expect, it } from 'vitest';
import { create } from 'webgpu';
import { Gpu } from '../../src/runtime/webgpu/gpu.ts';
import { openPlan } from '../../src/runtime/webgpu/index.ts';
import { textFor } from '../../src/runtime/webgpu/pipelines.ts';
import { unavailable as noAdapter, testDevice } from '../support/adapter.ts';
import { PROFILES } from '../support/webgpu.ts';
import { lavapipe, unavailable as noDeno, openInDeno } from './deno.ts';
import { checkHalves, type Halves, halves, rounded } from './halves.ts';
import { bitDifference } from './place.ts';

let all: Halves;
beforeAll(() => {
  all = halves();
});

it('rounds as binary16 does', () => {
  const cases = [
    [1 / 3, 0.333251953125],
    [2049, 2048],
    [2051, 2052],
    [1e-9, 0],
    [2 ** -24, 2 ** -24],
    [-0.1, -0.0999755859375],
  ];
  for (const [x, half] of cases) expect(rounded(x!)).toBe(half);
});

it('all matrices are halves, and only they', () => {
  for (const { key, shape, storage } of all.plan.parameters)
    expect([key, storage]).toEqual([key, shape.length >= 2 ? 'f16' : 'f32']);
});

describe.skipIf(noAdapter)(`without shader-f16${noAdapter ? ` (${noAdapter})` : ''}`, () => {
  it.each(PROFILES)('kernels for %s', async (profile) => {
    // kernels for GPUs take a second each to compile on software
    const { plan, weights, ...model } = profile === 'software' ? all : halves(['decode']);
    const device = await testDevice();
    expect(device.features.has('shader-f16')).toBe(false);
    const session = await openPlan({
      plan,
      weights: async (key) => weights(key),
      device: Gpu.of(device, { profile }),
    });
    expect((await checkHalves(model, (entry, feeds) => session.run(entry, feeds))).wrong).toEqual([]);
    await session.dispose();
    device.destroy();
  });
});

it('with shader-f16, every kernel is WGSL', async () => {
  const dawn = create(['backend=null']);
  const device = await (await dawn.requestAdapter())!.requestDevice({ requiredFeatures: ['shader-f16'] });
  const native = all.plan.kernels.filter(({ halves }) => halves);
  expect(native.length).toBeGreaterThan(10);
  for (const kernel of native) {
    const code = textFor(kernel, device.features);
    expect(code).toMatch(/^enable f16;/);
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    expect(messages.map(({ message }) => message)).toEqual([]);
  }
  device.destroy();
});

const environment = lavapipe();
const noLavapipe =
  noDeno ?? (environment ? undefined : 'lavapipe is not installed: Debian has it in mesa-vulkan-drivers');

describe.skipIf(noLavapipe)(`with shader-f16${noLavapipe ? ` (${noLavapipe})` : ''}`, () => {
  it('right, and the same to the bit as without', { timeout: 300_000 }, async () => {
    const { plan, folder, ...model } = halves(['decode']);
    const results: Awaited<ReturnType<typeof checkHalves>>['results'][] = [];
    for (const packed of [false, true]) {
      const place = await openInDeno(plan, { folder, environment: environment!, profile: 'gpu', packed });
      expect(place.features.includes('shader-f16')).toBe(!packed);
      const checked = await checkHalves(model, place.run);
      await place.close();
      expect(checked.wrong).toEqual([]);
      results.push(checked.results);
    }
    results[0]!.forEach((result, at) => {
      expect(bitDifference(result, results[1]![at]!)).toBeUndefined();
    });
  });
});
