/** Entries on the device: what they compute, what they keep, and that nothing stays allocated. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AnyTensors, DeviceTensor } from '../../../src/runtime/device-tensor.ts';
import { bindSymbols } from '../../../src/runtime/webgpu/bindings.ts';
import { Gpu } from '../../../src/runtime/webgpu/gpu.ts';
import { layoutOf } from '../../../src/runtime/webgpu/layout.ts';
import { WebGpuProgram } from '../../../src/runtime/webgpu/program.ts';
import { GpuTensor, upload } from '../../../src/runtime/webgpu/tensors.ts';
import { ModelBuffers } from '../../../src/runtime/webgpu/weights.ts';
import type { WebGpuPlan } from '../../../src/shared/webgpu.ts';
import { testDevice, unavailable } from '../../support/adapter.ts';
import { provokes } from '../support.ts';
import { BIAS, f32, kernel, PLAN, port, step, values } from './plans.ts';

describe.skipIf(unavailable)('a program', () => {
  let gpu: Gpu;
  beforeEach(async () => {
    gpu = Gpu.of(await testDevice());
  });
  afterEach(() => {
    gpu.destroy();
    expect(gpu.buffers.counts()).toMatchObject({ live: 0, bytes: 0 });
  });

  const open = (entry: string, plan: WebGpuPlan = PLAN): Promise<WebGpuProgram> =>
    WebGpuProgram.open(gpu, plan, entry, new ModelBuffers(gpu, plan, BIAS));
  const device = (results: AnyTensors, name: string): GpuTensor => {
    expect(results[name]).toBeInstanceOf(GpuTensor);
    return results[name] as GpuTensor;
  };
  const read = async (tensor: DeviceTensor): Promise<number[]> => values(await tensor.read());

  it('computes with sizes that change from run to run', async () => {
    const relu = await open('relu');
    const x = f32([2, 4], 1, -1, 2, -2, 3, -3, 4, -4);
    const { y } = await relu.run({ x });
    expect(y!.shape).toEqual([2, 4]);
    expect(values(y as never)).toEqual([11, 20, 32, 40, 13, 20, 34, 40]);
    const one = await relu.run({ x: f32([1, 4], 1, 2, 3, 4) });
    expect(values(one.y as never)).toEqual([11, 22, 33, 44]);
    const none = await relu.run({ x: f32([0, 4]) });
    expect(none.y).toEqual(f32([0, 4]));
  });

  it('chains steps over scratch memory and reads several outputs', async () => {
    const chain = await open('chain');
    const { y, count } = await chain.run({ x: f32([2, 4], 0, 1, 2, 3, 4, 5, 6, 7) });
    expect(values(y as never)).toEqual([1, 3, 5, 7, 9, 11, 13, 15]);
    expect(count).toEqual({ dtype: 'i64', shape: [1], data: BigInt64Array.of(8n) });
    expect(Object.keys(await chain.run({ x: f32([1, 4], 0, 0, 0, 0) }, ['count']))).toEqual(['count']);
  });

  it('lets runs overlap', async () => {
    const chain = await open('chain');
    const runs = [1, 2, 3].map((v) => chain.run({ x: f32([1, 4], v, v, v, v) }, ['y']));
    expect((await Promise.all(runs)).map(({ y }) => values(y as never)[0])).toEqual([3, 5, 7]);
  });

  it('passes NaN and infinity on, which are data', async () => {
    const chain = await open('chain');
    const { y } = await chain.run({ x: f32([1, 4], Number.NaN, Number.POSITIVE_INFINITY, 0, 1) }, ['y']);
    expect(values(y as never).slice(1)).toEqual([Number.POSITIVE_INFINITY, 1, 3]);
    expect(values(y as never)[0]).toBeNaN();
  });

  it('folds a long launch into two axes', async () => {
    const chain = await open('chain');
    const rows = 16 * 65_535 + 5; // 64 elements per workgroup: 65,536 workgroups
    const { y } = await chain.run({ x: { dtype: 'f32', shape: [rows, 4], data: new Float32Array(4 * rows).fill(1) } });
    expect((y as { data: Float32Array }).data.every((value) => value === 3)).toBe(true);
  });

  it('keeps outputs on the device and takes them as feeds', async () => {
    const chain = await open('chain');
    const first = await chain.run({ x: f32([1, 4], 1, 2, 3, 4) }, ['count'], { keep: ['y'] });
    const y = device(first, 'y');
    expect(values(first.count as never)).toEqual([4]);
    const second = await chain.run({ x: y }, ['y']);
    expect(values(second.y as never)).toEqual([7, 11, 15, 19]);
    expect(await read(y)).toEqual([3, 5, 7, 9]);
    y.destroy();
    y.destroy();
    expect(await provokes('R1008', () => y.read())).toContain('y of chain cannot be used because it was destroyed');
    const all = await chain.run({ x: f32([1, 4], 1, 2, 3, 4) }, undefined, { keep: 'all' });
    expect(Object.values(all).every((tensor) => tensor instanceof GpuTensor)).toBe(true);
  });

  describe('a cache', () => {
    const x = (...row: number[]) => f32([1, row.length / 2, 2], ...row);

    it('is read and fed as a host tensor', async () => {
      const append = await open('append');
      const first = await append.run({ x: f32([2, 1, 2], 1, 2, 3, 4) });
      expect(first['present.0.key']).toEqual(f32([2, 1, 2], 1, 2, 3, 4));
      expect(values(first.total as never)).toEqual([3, 7]);
      const second = await append.run({ x: f32([2, 1, 2], 5, 6, 7, 8), 'past.0.key': first['present.0.key']! });
      expect(second['present.0.key']).toEqual(f32([2, 2, 2], 1, 2, 5, 6, 3, 4, 7, 8));
      expect(values(second.total as never)).toEqual([14, 22]);
    });

    it('stays on the device, is appended in place and grows', async () => {
      const append = await open('append');
      const keep = ['present.0.key'];
      const first = await append.run({ x: f32([2, 2, 2], 1, 2, 3, 4, 5, 6, 7, 8) }, ['total'], { keep });
      let cache = device(first, 'present.0.key');
      expect(cache.growing!.capacity).toBe(16);
      const { buffer } = cache;
      const expected = [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ];
      for (let t = 0; t < 20; t++) {
        const before = cache;
        const results = await append.run({ x: f32([2, 1, 2], t, 0, 0, t), 'past.0.key': before }, ['total'], { keep });
        cache = device(results, 'present.0.key');
        if (t < 14) expect(cache.buffer).toBe(buffer);
        expected[0]!.push(t, 0);
        expected[1]!.push(0, t);
        expect(await provokes('R1008', () => before.read())).toContain('was updated in place by append');
      }
      expect(cache.shape).toEqual([2, 22, 2]);
      expect(cache.growing!.capacity).toBe(32);
      expect(await read(cache)).toEqual(expected.flat());
    });

    it('is not used up by a run that does not keep it', async () => {
      const append = await open('append');
      const first = await append.run({ x: x(1, 2) }, [], { keep: ['present.0.key'], reserve: 5 });
      const cache = device(first, 'present.0.key');
      expect(cache.growing!.capacity).toBe(5);
      for (const value of [10, 20]) {
        const { total } = await append.run({ x: x(value, 0), 'past.0.key': cache }, ['total']);
        expect(values(total as never)).toEqual([3 + value]);
      }
      expect(await read(cache)).toEqual([1, 2]);
    });

    it('can be reordered, and taken as an ordinary input', async () => {
      const append = await open('append');
      const rows = await append.run({ x: f32([2, 1, 2], 1, 2, 3, 4) }, [], { keep: 'all' });
      expect(rows).toEqual({});
      const first = await append.run({ x: f32([2, 1, 2], 1, 2, 3, 4) }, ['present.0.key'], { keep: 'all' });
      const cache = device(first, 'present.0.key');
      const taken = cache.takeRows([1, 1, 0]);
      expect(taken.shape).toEqual([3, 1, 2]);
      expect(await read(taken)).toEqual([3, 4, 3, 4, 1, 2]);
      const wide = { ...PLAN.entries.chain!, inputs: [port('x', 'f32', 'B', 1, 2)] };
      const chain = await open('chain', {
        ...PLAN,
        entries: { chain: { ...wide, outputs: [port('y', 'f32', 'B', 2), port('count', 'i64', 1)] } },
      });
      expect(values((await chain.run({ x: taken }, ['y'])).y as never).slice(0, 6)).toEqual([7, 9, 7, 9, 3, 5]);
    });
  });

  it('updates donated inputs in place', async () => {
    const update = await open('update');
    const rate = f32([], 0.5);
    const host = f32([3], 1, 2, 3);
    const first = await update.run({ 'parameter.w': host, rate });
    expect(values(first['new.parameter.w'] as never)).toEqual([0.5, 1.5, 2.5]);
    expect(values(host)).toEqual([1, 2, 3]);
    let w = upload(gpu, host, 'w');
    const { buffer } = w;
    for (let i = 0; i < 3; i++) {
      const before = w;
      w = device(await update.run({ 'parameter.w': w, rate }, [], { keep: ['new.parameter.w'] }), 'new.parameter.w');
      expect(w.buffer).toBe(buffer);
      expect(await provokes('R1008', () => update.run({ 'parameter.w': before, rate }))).toContain('updated in place');
    }
    expect(await read(w)).toEqual([-0.5, 0.5, 1.5]);
    // a host tensor whose update is kept ends as one on the device
    const kept = await update.run({ 'parameter.w': host, rate }, undefined, { keep: 'all' });
    expect(await read(device(kept, 'new.parameter.w'))).toEqual([0.5, 1.5, 2.5]);
    expect(values(host)).toEqual([1, 2, 3]);
  });

  it('refuses to update a tensor in place that is fed twice', async () => {
    const update = await open('update');
    const w = upload(gpu, f32([1], 1), 'w');
    const twice = { 'parameter.w': w, rate: w };
    expect(await provokes('R1008', () => update.run(twice))).toContain('fed as parameter.w and as rate');
    expect(await read(w)).toEqual([1]);
  });

  it('takes the launch for software adapters on those', async () => {
    const kernels = [
      ...PLAN.kernels,
      kernel('x', { x: ['read', 'f32'], y: ['read_write', 'f32'] }, 1, '  y[i] = 7.0;'),
    ];
    const [first, ...rest] = PLAN.entries.chain!.steps;
    const constant = { ...first!, kernel: kernels.length - 1 };
    const steps = [{ ...first!, alternatives: [{ ...constant, profile: 'software' as const }] }, ...rest];
    const plan = { ...PLAN, kernels, entries: { chain: { ...PLAN.entries.chain!, steps } } };
    const run = async (profile: 'gpu' | 'software'): Promise<number> => {
      const other = Gpu.of(await testDevice(), { profile });
      const program = await WebGpuProgram.open(other, plan, 'chain', new ModelBuffers(other, plan, BIAS));
      const { y } = await program.run({ x: f32([1, 4], 0, 0, 0, 0) });
      other.destroy();
      return values(y as never)[0]!;
    };
    expect([await run('gpu'), await run('software')]).toEqual([1, 8]);
  });

  it('takes the launch for few rows where there are few', async () => {
    const kernels = [
      ...PLAN.kernels,
      kernel('x', { x: ['read', 'f32'], y: ['read_write', 'f32'] }, 1, '  y[i] = 7.0;'),
    ];
    const [first, ...rest] = PLAN.entries.chain!.steps;
    const few = { ...first!, kernel: kernels.length - 1, when: { size: 'B', atMost: 1 } };
    const steps = [{ ...first!, alternatives: [few] }, ...rest];
    const chain = await open('chain', { ...PLAN, kernels, entries: { chain: { ...PLAN.entries.chain!, steps } } });
    const run = async (rows: number): Promise<number> => {
      const { y } = await chain.run({ x: f32([rows, 4], ...new Array<number>(4 * rows).fill(0)) });
      return values(y as never)[0]!;
    };
    expect([await run(1), await run(2), await run(1)]).toEqual([8, 1, 8]);
  });

  it('frees what is its own', async () => {
    const chain = await open('chain');
    await chain.run({ x: f32([1, 4], 1, 2, 3, 4) });
    expect(gpu.buffers.counts().live).toBeGreaterThan(0);
    await chain.dispose();
    gpu.buffers.trim();
    expect(gpu.buffers.counts()).toMatchObject({ live: 0, bytes: 0, idle: 0 });
    expect(gpu.buffers.counts().peakBytes).toBeGreaterThan(0);
    await provokes('R0214', () => chain.run({ x: f32([1, 4], 1, 2, 3, 4) }));
  });

  it('says which step the device refused', async () => {
    const [first, ...rest] = PLAN.entries.chain!.steps;
    const steps = [first!, { ...rest[0]!, buffers: [2, 2] }]; // one buffer read and written
    const chain = await open('chain', { ...PLAN, entries: { chain: { ...PLAN.entries.chain!, steps } } });
    const message = await provokes('R1006', () => chain.run({ x: f32([1, 4], 1, 2, 3, 4) }));
    expect(message).toContain('add one, step of kernel 2 · test.mdl:1:1');
  });

  it('refuses a buffer that no device has, and integers of more than 32 bits', async () => {
    const update = await open('update');
    const huge = {
      ...PLAN.entries.chain!,
      buffers: PLAN.entries.chain!.buffers.with(1, { kind: 'scratch', elements: ['1073741824*B'] }),
    };
    const chain = await open('chain', { ...PLAN, entries: { chain: huge } });
    const message = await provokes('R1005', () => chain.run({ x: f32([1, 4], 1, 2, 3, 4) }));
    expect(message).toContain('an intermediate tensor of chain needs a buffer of 4294967296 bytes');
    const ids = { dtype: 'i64' as const, shape: [2], data: BigInt64Array.of(1n, 2n ** 32n) };
    expect(await provokes('R1009', () => update.run({ 'parameter.w': ids, rate: f32([], 1) }))).toContain('element 1');
  });

  it('refuses a size that no tensor on a device has', () => {
    const layout = layoutOf(PLAN, 'update', 'gpu');
    const w = { ...f32([0]), shape: [2 ** 30] };
    expect(() => bindSymbols(layout, { 'parameter.w': w, rate: f32([], 1) })).toThrow(
      expect.objectContaining({
        code: 'R1015',
        message: expect.stringContaining('axis 0 of parameter.w of update is 1073741824'),
      }),
    );
  });

  it('refuses plans that contradict themselves', async () => {
    const chain = PLAN.entries.chain!;
    const broken = (part: Partial<typeof chain>): WebGpuPlan => ({
      ...PLAN,
      entries: { chain: { ...chain, ...part } },
    });
    expect(await provokes('R1012', () => open('chain', broken({ steps: [step(9, 1, [], [])] })))).toContain('kernel 9');
    expect(await provokes('R1012', () => open('chain', broken({ steps: [step(1, 'Q', [0, 1], ['Q'])] })))).toContain(
      'of Q',
    );
    expect(await provokes('R1012', () => open('chain', broken({ steps: [step(1, 1, [0], [1])] })))).toContain('double');
    expect(await provokes('R1012', () => open('chain', broken({ buffers: [] })))).toContain('no buffer for y');
  });

  it('refuses a size below 0 before a kernel counts up to it', async () => {
    const scratch = { kind: 'scratch', elements: ['B - 3'] } as const;
    const chain = PLAN.entries.chain!;
    const plan = { ...PLAN, entries: { chain: { ...chain, buffers: [...chain.buffers, scratch] } } };
    const entry = await open('chain', plan);
    expect(await provokes('R1012', () => entry.run({ x: f32([2, 4], 0, 1, 2, 3, 4, 5, 6, 7) }))).toContain(
      'gives a tensor of chain the size B - 3, which is -1 here',
    );
  });
});
