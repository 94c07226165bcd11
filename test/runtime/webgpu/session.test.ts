/** Sessions over a plan: the same API as over ONNX Runtime, tensors that stay on the device, loss and recovery. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type DeviceTensor, isOnDevice, openSession, Session } from '../../../src/runtime/index.ts';
import { manifestOf } from '../../../src/runtime/webgpu/backend.webgpu.ts';
import {
  acquireDevice,
  chromeTrace,
  Gpu,
  openPlan,
  parsePlan,
  webgpuBackend,
} from '../../../src/runtime/webgpu/index.ts';
import { encodeSafetensors } from '../../../src/runtime/weights/encode.ts';
import type { WebGpuPlan } from '../../../src/shared/webgpu.ts';
import { testAdapter, testDevice, unavailable } from '../../support/adapter.ts';
import { folderWith } from '../../support/folder.ts';
import { TINY, writeTinyModel } from '../support.onnx.ts';
import { provokes } from '../support.ts';
import { BIAS, f32, PLAN, values } from './plans.ts';

const X = f32([1, 4], 1, -1, 2, -2);
const Y = [11, 20, 32, 40];

describe('a plan file', () => {
  it('is believed only after a look', async () => {
    const text = JSON.stringify(PLAN);
    expect(parsePlan(text, 'plan.json')).toEqual(PLAN);
    const refuses = async (change: object | string, reason: string): Promise<void> => {
      const changed = typeof change === 'string' ? change : JSON.stringify({ ...PLAN, ...change });
      expect(await provokes('R1012', () => parsePlan(changed, 'plan.json'))).toContain(reason);
    };
    await refuses('{', 'is not JSON');
    // 1 is from before the grid had two axes: its kernels would leave out what lies past the first
    await refuses({ version: 1 }, 'has format "mdl-webgpu" version 1, not mdl-webgpu version 2');
    await refuses({ version: 3 }, 'version 3');
    await refuses({ kernels: [{ label: 'x' }] }, 'a damaged kernel x');
    await refuses({ entries: { relu: { ...PLAN.entries.relu, steps: [{}] } } }, 'a damaged step in relu');
    const [step] = PLAN.entries.relu!.steps;
    const withStep = (change: object) => ({
      entries: { relu: { ...PLAN.entries.relu, steps: [{ ...step, ...change }] } },
    });
    await refuses(withStep({ alternatives: [{ ...step, profile: 'fast' }] }), 'a damaged step in relu');
    await refuses(withStep({ alternatives: [{ kernel: 0 }] }), 'a damaged step in relu');
    await refuses(withStep({ alternatives: [{ ...step, when: { size: 'T' } }] }), 'a damaged step in relu');
    await refuses(withStep({ beside: [[]] }), 'a damaged step in relu');
    await refuses({ constants: [{ kind: 'else' }] }, 'a damaged constant');
    await refuses({ packs: [{ elements: 4, parts: [{ parameter: 99, at: 0 }] }] }, 'a damaged pack');
    await refuses({ entries: { relu: { ...PLAN.entries.relu, buffers: [null] } } }, 'a damaged buffer in relu');
    await refuses({ weights: { origin: 'x', files: [{ file: '../x', bytes: 1 }] } }, 'not a file beside it');
    await refuses({ training: { stage: 'one', trained: [{}] } }, 'a damaged training');
    const training = { stage: 'one', schedule: {}, slots: [], trained: [], buffers: [], accumulate: 1, combine: 'sum' };
    await refuses({ training }, 'training without the entry gradient');
    await refuses({ training: { ...training, arenas: [{ name: 'arena.0', elements: 4 }] } }, 'a damaged training');
  });
});

describe.skipIf(unavailable)('a session over WebGPU', () => {
  it('runs entries, keeps tensors and says what it is', async () => {
    const gpu = await acquireDevice();
    const session = await openPlan({ plan: PLAN, weights: BIAS, device: gpu });
    expect(values((await session.run('relu', { x: X })).y)).toEqual(Y);
    const { y } = await session.run('chain', { x: X }, { keep: ['y'], fetch: [] });
    expect(isOnDevice(y!)).toBe(true);
    expect(values((await session.run('relu', { x: y! })).y)).toEqual([13, 20, 35, 40]);
    await provokes('R0210', () => session.run('update', { 'parameter.w': y!, rate: f32([], 1) }));
    await provokes('R0209', () =>
      session.run('relu', { x: { dtype: 'i64', shape: [0, 4], data: new BigInt64Array(0) } }),
    );
    await provokes('R0213', () => session.run('chain', { x: X }, { keep: ['z'] }));
    expect(session.info()).toMatchObject({
      model: 'tiny',
      weights: null,
      entries: { relu: { loaded: true, runs: 2 } },
    });
    expect(session.info().backend).toMatch(/^webgpu \(.+\)$/);
    (y as DeviceTensor).destroy();
    await session.dispose();
    expect(gpu.buffers.counts()).toMatchObject({ live: 0, bytes: 0 });
    gpu.destroy();
  });

  it('takes a device as it is, and one of its own', async () => {
    const device = await testDevice();
    const session = await openPlan({ plan: PLAN, weights: BIAS, device });
    expect(values((await session.run('relu', { x: X })).y)).toEqual(Y);
    await session.dispose();
    expect(device.createBuffer({ size: 4, usage: 4 }).size).toBe(4); // still there
    device.destroy();
    const own = await openPlan({ plan: PLAN, weights: BIAS });
    expect(values((await own.run('relu', { x: X })).y)).toEqual(Y);
    await own.dispose();
    await provokes('R0214', () => own.run('relu', { x: X }));
  });

  it('goes on after the loss of its device', async () => {
    const gpu = await acquireDevice();
    const session = await openPlan({ plan: PLAN, weights: BIAS, device: gpu });
    const kept = await session.run('chain', { x: X }, { keep: 'all' });
    await session.recover(); // nothing was lost: nothing happens
    expect(values(await (kept.y as DeviceTensor).read())).toEqual([3, -1, 5, -3]);
    gpu.device.destroy();
    await gpu.device.lost;
    await provokes('R1003', () => session.run('relu', { x: X }));
    const acquired = vi.spyOn(Gpu, 'of');
    await Promise.all([session.recover(), session.recover()]); // two are one
    expect(acquired).toHaveBeenCalledTimes(1);
    acquired.mockRestore();
    expect(values((await session.run('relu', { x: X })).y)).toEqual(Y);
    await provokes('R1008', () => session.run('relu', { x: kept.y! }));
    await session.dispose();
  });

  it('profiles its steps', async () => {
    const session = await openPlan({ plan: PLAN, weights: BIAS });
    await session.run('chain', { x: X }, { profile: true });
    await session.run('chain', { x: X });
    const times = await session.takeProfile();
    expect(times.map(({ entry, label, flops }) => [entry, label, flops])).toEqual([
      ['chain', 'double', 4],
      ['chain', 'add one', 4],
      ['chain', 'count', 1],
    ]);
    for (const { start, ms } of times) expect(start >= 0 && ms >= 0).toBe(true);
    expect(await session.takeProfile()).toEqual([]);
    const trace = JSON.parse(chromeTrace(times)) as { traceEvents: Record<string, unknown>[] };
    expect(trace.traceEvents[1]).toMatchObject({ name: 'add one', cat: 'chain', ph: 'X', args: { flops: 4 } });
    await session.dispose();
  });
});

describe('a folder', () => {
  let root: string;
  const folder = (name: string): string => join(root, name);
  const bias = encodeSafetensors(new Map([['bias', f32([4], 10, 20, 30, 40)]]));
  const files = [{ file: 'weights.safetensors', bytes: bias.length }];
  const plan: WebGpuPlan = { ...PLAN, weights: { origin: 'seed 0', trained: false, files } };

  beforeAll(async () => {
    root = folderWith();
    await writeTinyModel(folder('onnx'));
    await writeTinyModel(folder('both'), { plan: true });
    for (const name of ['webgpu', 'both', 'short']) {
      await mkdir(folder(name), { recursive: true });
      await writeFile(join(folder(name), 'plan.json'), JSON.stringify(plan));
      await writeFile(join(folder(name), 'weights.safetensors'), name === 'short' ? bias.subarray(8) : bias);
    }
    await mkdir(folder('bare'));
    await writeFile(join(folder('bare'), 'plan.json'), JSON.stringify(PLAN));
  });

  const backendOf = async (name: string, backend?: string): Promise<readonly [string, string | undefined]> => {
    const session = await openSession(folder(name), backend === undefined ? {} : { backend });
    const { backend: used, why } = session.info();
    await session.dispose();
    return [used.split(' ')[0]!, why];
  };

  it('for ONNX Runtime only does not run on WebGPU', async () => {
    expect(await provokes('R0216', () => openSession(folder('onnx'), { backend: 'webgpu' }))).toContain(
      'there is no plan for it in',
    );
    expect(await provokes('R0216', () => openSession(folder('onnx'), { backend: 'tpu' }))).toContain(
      'onnx, webgpu, auto',
    );
    expect(await backendOf('onnx', 'auto')).toEqual(['onnxruntime-node', 'the model was not compiled for webgpu']);
  });

  it.skipIf(unavailable)('for WebGPU runs with the weights beside it, or those given', async () => {
    for (const path of [folder('webgpu'), join(folder('webgpu'), 'plan.json')]) {
      const session = await openSession(path);
      expect(values((await session.run('relu', { x: X })).y)).toEqual(Y);
      expect(session.info().weights).toBe('seed 0');
      await session.dispose();
    }
    const given = await openSession(folder('bare'), { weights: BIAS });
    expect(values((await given.run('relu', { x: X })).y)).toEqual(Y);
    await given.dispose();
    await provokes('R0205', () => openSession(folder('bare')));
    await provokes('R0204', () => openSession(folder('short')));
    await provokes('R0203', () => openSession(folder('webgpu'), { backend: 'onnx' }));
    const source = { location: 'memory', plan, read: async () => bias, open: async () => Promise.reject(new Error()) };
    await provokes('R0216', () => openSession(source, { backend: 'onnx' }));
  });

  it('for WebGPU does not run on ONNX Runtime, whatever entry is asked for', async () => {
    const targets = { webgpu: { plan: 'plan.json', weights: [] } };
    await mkdir(folder('planned'));
    await writeFile(join(folder('planned'), 'manifest.json'), JSON.stringify({ ...TINY, targets }));
    expect(await provokes('R0216', () => openSession(folder('planned'), { backend: 'onnx' }))).toContain(
      'tiny was compiled for webgpu only',
    );
    const both = { ...TINY.targets, ...targets, onnx: { ...TINY.targets.onnx!, files: { scale: 'scale.onnx' } } };
    await writeTinyModel(folder('part'));
    await writeFile(join(folder('part'), 'manifest.json'), JSON.stringify({ ...TINY, targets: both }));
    const session = await openSession(folder('part'));
    await session.load('scale');
    expect(await provokes('R1100', () => session.load('append'))).toBe(
      'the entry append was compiled for webgpu and not for onnx: compile it with --target onnx into the same folder',
    );
    await session.dispose();
  });

  it.skipIf(unavailable)('for both runs where it is fast, and says why', async () => {
    expect(await backendOf('both')).toEqual(['onnxruntime-node', undefined]);
    expect((await backendOf('both', 'webgpu'))[0]).toBe('webgpu');
    const [used, why] = await backendOf('both', 'auto');
    const probe = await acquireDevice();
    if (probe.profile === 'software') {
      expect(used).toBe('onnxruntime-node');
      expect(why).toMatch(/has only the software adapter/);
      expect(await backendOf('webgpu', 'auto')).toEqual(['webgpu', 'the model was not compiled for onnx']);
    } else {
      expect(used).toBe('webgpu');
      expect(why).toMatch(/^there is a hardware adapter/);
    }
    probe.destroy();
  });
});

describe.skipIf(unavailable)('where the host has a hardware adapter', () => {
  const info = { vendor: 'acme', architecture: 'gen-1', device: '', description: '', isFallbackAdapter: false };
  /** The adapter of this machine under another name: what `navigator.gpu` gives in Deno, Bun and pages. */
  const navigator = {
    gpu: {
      async requestAdapter() {
        const adapter = await testAdapter();
        const requestDevice = async (descriptor: GPUDeviceDescriptor): Promise<GPUDevice> =>
          Object.defineProperty(await adapter.requestDevice(descriptor), 'adapterInfo', { value: info });
        return { info, limits: adapter.limits, features: adapter.features, requestDevice };
      },
    },
  };
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  beforeAll(() => void Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true }));
  afterAll(() => {
    if (before) Object.defineProperty(globalThis, 'navigator', before);
    else Reflect.deleteProperty(globalThis, 'navigator');
  });

  it('auto runs on it, with the kernels for GPUs, and says so', async () => {
    const root = folderWith();
    const bias = encodeSafetensors(new Map([['bias', f32([4], 10, 20, 30, 40)]]));
    await writeTinyModel(root, { plan: true });
    const plan = {
      ...PLAN,
      weights: { origin: 'x', trained: true, files: [{ file: 'w.safetensors', bytes: bias.length }] },
    };
    await writeFile(join(root, 'plan.json'), JSON.stringify(plan));
    await writeFile(join(root, 'w.safetensors'), bias);
    const session = await openSession(root, { backend: 'auto' });
    expect(session.info()).toMatchObject({
      backend: expect.stringMatching(/^webgpu \(acme gen-1/),
      why: 'there is a hardware adapter, acme gen-1',
    });
    expect(values((await session.run('relu', { x: X })).y)).toEqual(Y);
    await session.dispose();
    const gpu = await acquireDevice({ hardwareOnly: true });
    expect(gpu.profile).toBe('gpu');
    gpu.destroy();
  });
});

it.skipIf(unavailable)('an outer manifest can be given to the backend’s session', async () => {
  const backend = await webgpuBackend({ plan: PLAN, weights: BIAS });
  const session = Session.open({ ...manifestOf(PLAN), model: TINY.model }, { backend, why: 'a test' });
  expect(session.info()).toMatchObject({ model: 'tiny', why: 'a test' });
  await session.dispose();
});
