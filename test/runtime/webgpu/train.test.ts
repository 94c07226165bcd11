/**
 * Training with everything on the device: the loop keeps parameters, slots and gradients there, reads scalars, gives the
 * numbers that the same formulas give on the host, and leaves nothing behind.
 *
 *     loss = Σ (w − x)² / 2, gradient = (w − x) · loss_scale; m ← m + g, w ← w − learning_rate · g
 */
import { describe, expect, it } from 'vitest';
import { type AnyTensor, isOnDevice } from '../../../src/runtime/device-tensor.ts';
import type { Runner } from '../../../src/runtime/session.ts';
import { decodeTraining, encodeTraining } from '../../../src/runtime/train/checkpoint.ts';
import type { StepRecord } from '../../../src/runtime/train/log.ts';
import { hostState, initialState } from '../../../src/runtime/train/state.ts';
import { type TrainOptions, train } from '../../../src/runtime/train/trainer.ts';
import { acquireDevice, openPlan } from '../../../src/runtime/webgpu/index.ts';
import { ModelTrainer } from '../../../src/runtime/webgpu/train-model.ts';
import type { HostTensor } from '../../../src/shared/tensor.ts';
import type { TrainingPlan } from '../../../src/shared/training.ts';
import type { EntryPlan, WebGpuPlan } from '../../../src/shared/webgpu.ts';
import { unavailable } from '../../support/adapter.ts';
import { provokes } from '../support.ts';
import { f32, kernel, PLAN, port, step, values } from './plans.ts';

const N = 5;
const READ = ['read', 'f32'] as const;
const WRITE = ['read_write', 'f32'] as const;

const KERNELS = [
  kernel(
    'gradient',
    { w: READ, x: READ, scale: READ, g: WRITE },
    0,
    `  if (i < ${N}) { g[i] = (w[i] - x[0]) * scale[0]; }`,
  ),
  kernel(
    'loss and statistics',
    { w: READ, x: READ, loss: WRITE, statistics: WRITE },
    0,
    `  if (i > 0) { return; }
  var squares = 0.0; var largest = 0.0;
  for (var k = 0u; k < ${N}; k++) { let g = w[k] - x[0]; squares += g * g; largest = max(largest, abs(g)); }
  loss[0] = squares / 2; statistics[0] = squares; statistics[1] = largest;
  statistics[2] = 0; statistics[3] = select(0.0, 1.0, bitcast<u32>(x[0]) == 0x7fc00000u);`,
  ),
  kernel(
    'update',
    { g: READ, rate: READ, scale: READ, w: WRITE, m: WRITE },
    0,
    `  if (i < ${N}) { let d = g[i] * scale[0]; m[i] += d; w[i] -= rate[0] * d; }`,
  ),
  kernel(
    'accumulate',
    { g: READ, before: READ, weight: READ, sum: WRITE, statistics: WRITE },
    0,
    `  if (i < ${N}) { sum[i] = before[0] * sum[i] + weight[0] * g[i]; }
  if (i < 4) { statistics[i] = 0; }`,
  ),
];

const gradient: EntryPlan = {
  inputs: [port('x', 'f32', 1), port('parameter.w', 'f32', N), port('loss_scale', 'f32')],
  outputs: [port('loss', 'f32'), port('gradient.w', 'f32', N), port('statistics', 'f32', 1, 4)],
  cache: [],
  buffers: [
    ...[0, 1, 2].map((one) => ({ kind: 'input' as const, port: one })),
    ...[0, 1, 2].map((one) => ({ kind: 'output' as const, port: one })),
  ],
  steps: [step(0, N, [1, 0, 2, 4], []), step(1, 1, [1, 0, 3, 5], [])],
};

const update: EntryPlan = {
  inputs: [
    port('parameter.w', 'f32', N),
    port('gradient.w', 'f32', N),
    port('state.m.w', 'f32', N),
    port('learning_rate', 'f32'),
    port('step', 'f32'),
    port('gradient_scale', 'f32'),
  ],
  outputs: [port('new.parameter.w', 'f32', N), port('new.state.m.w', 'f32', N)],
  cache: [],
  buffers: [
    { kind: 'output', port: 0, donated: 0 },
    { kind: 'input', port: 1 },
    { kind: 'output', port: 1, donated: 2 },
    { kind: 'input', port: 3 },
    { kind: 'input', port: 5 },
  ],
  steps: [step(2, N, [1, 3, 4, 0, 2], [])],
};

const accumulate: EntryPlan = {
  inputs: [
    port('sum.w', 'f32', N),
    port('gradient.w', 'f32', N),
    port('sum_weight', 'f32'),
    port('gradient_weight', 'f32'),
    port('inverse_scale', 'f32'),
  ],
  outputs: [port('new.sum.w', 'f32', N), port('statistics', 'f32', 1, 4)],
  cache: [],
  buffers: [
    { kind: 'output', port: 0, donated: 0 },
    { kind: 'input', port: 1 },
    { kind: 'input', port: 2 },
    { kind: 'input', port: 3 },
    { kind: 'output', port: 1 },
  ],
  steps: [step(3, N, [1, 2, 3, 0, 4], [])],
};

const MODEL: WebGpuPlan = { ...PLAN, kernels: KERNELS, parameters: [], entries: { gradient, update, accumulate } };

const training = (accumulated: number): TrainingPlan => ({
  stage: 'tiny',
  trained: [{ key: 'w', shape: [N], layer: 'w', decay: true }],
  buffers: [],
  slots: ['m'],
  schedule: { kind: 'constant', iters: 10, epochs: 1, lr: 0.25 },
  accumulate: accumulated,
  combine: 'equal',
  clip: null,
  lossScale: 4,
  dropout: false,
  countsTokens: false,
});

/** The same on the host. */
const onHost: Runner = {
  manifest: { model: PLAN.model, weights: null, entries: MODEL.entries },
  async run(entry, feeds) {
    const numbers = (name: string): number[] => values(feeds[name]);
    const [g, w] = [
      feeds['gradient.w'] ? numbers('gradient.w') : [],
      feeds['parameter.w'] ? numbers('parameter.w') : [],
    ];
    const vector = (data: readonly number[]): HostTensor => f32([data.length], ...data);
    if (entry === 'accumulate') {
      const sum = numbers('sum.w').map((value, i) => value + g[i]!);
      return { 'new.sum.w': vector(sum), statistics: f32([1, 4], 0, 0, 0, 0) };
    }
    if (entry === 'gradient') {
      const d = w.map((value) => Math.fround(value - numbers('x')[0]!));
      const squares = d.reduce((sum, value) => Math.fround(sum + Math.fround(value * value)), 0);
      return {
        loss: f32([], squares / 2),
        'gradient.w': vector(d.map((value) => value * numbers('loss_scale')[0]!)),
        statistics: f32([1, 4], squares, Math.max(...d.map(Math.abs)), 0, 0),
      };
    }
    const d = g.map((value) => value * numbers('gradient_scale')[0]!);
    return {
      'new.parameter.w': vector(w.map((value, i) => value - numbers('learning_rate')[0]! * d[i]!)),
      'new.state.m.w': vector(numbers('state.m.w').map((value, i) => value + d[i]!)),
    };
  },
};

const start = () => initialState(training(1), new Map([['w', f32([N], 1, 2, 3, 4, 5)]]));
const options = (
  runner: Runner,
  plan: TrainingPlan,
  steps: number,
  extra: Partial<TrainOptions> = {},
): TrainOptions => ({
  plan,
  runner,
  data: { name: 'x', batch: async (i: number) => ({ feeds: { x: f32([1], i % 3) }, tokens: 1, rows: 1 }) },
  steps,
  seed: 0,
  ...extra,
});

describe.skipIf(unavailable)('training on the device', () => {
  it.each([1, 2])('gives the numbers of the host (%i micro-batches)', async (micro) => {
    const gpu = await acquireDevice();
    const session = await openPlan({ plan: MODEL, weights: async () => f32([0]), device: gpu });
    const losses = (into: number[]) => (record: object) => void into.push((record as StepRecord).loss);
    const [here, there]: [number[], number[]] = [[], []];
    const live: AnyTensor[] = [];
    const plan = training(micro);
    const state = await train(
      start(),
      options(session, plan, 4, {
        onRecord: losses(there),
        onState: (after) => void live.push(after.parameters.get('w')!, after.slots.get('m')!.get('w')!),
      }),
    );
    const expected = await train(start(), options(onHost, plan, 4, { onRecord: losses(here) }));
    expect(there.map(Math.fround)).toEqual(here.map(Math.fround));
    expect(state).toEqual(expected);
    expect(live.every(isOnDevice)).toBe(true);
    await session.dispose();
    expect(gpu.buffers.counts()).toMatchObject({ live: 0, bytes: 0 });
    gpu.destroy();
  });

  it('goes on from a checkpoint, on the device or on the host', async () => {
    const session = await openPlan({ plan: MODEL, weights: async () => f32([0]) });
    const plan = training(1);
    let saved: ReturnType<typeof encodeTraining> | undefined;
    const whole = await train(
      start(),
      options(session, plan, 4, {
        onState: async (after) => {
          if (after.step !== 2) return;
          saved = encodeTraining({ state: await hostState(after), earlier: new Map(), settings: {}, logBytes: 0 });
        },
      }),
    );
    const { state } = decodeTraining('saved', saved!.tensors, new Map(Object.entries(saved!.metadata)));
    expect(await train(state, options(session, plan, 4))).toEqual(whole);
    expect(await train(state, options(onHost, plan, 4))).toEqual(whole);
    await session.dispose();
  });

  it('stops at a loss that is not finite, with the parameters intact for the diagnosis', async () => {
    const gpu = await acquireDevice();
    const session = await openPlan({ plan: MODEL, weights: async () => f32([0]), device: gpu });
    let seen: readonly number[] = [];
    const failing = options(session, training(1), 4, {
      data: {
        name: 'x',
        batch: async (i) => ({ feeds: { x: f32([1], i === 1 ? Number.NaN : 0) }, tokens: 1, rows: 1 }),
      },
      diagnose: async (feeds) => {
        seen = values(feeds['parameter.w']);
        return 'sub (tiny.mdl:1:1)';
      },
    });
    expect(await provokes('R0801', () => train(start(), failing))).toContain('the loss is not finite at step 2');
    expect(seen).toEqual([0.75, 1.5, 2.25, 3, 3.75]);
    await session.dispose();
    expect(gpu.buffers.counts().live).toBe(0);
    gpu.destroy();
  });

  it('leaves no gradient behind where the data fails in the middle of a step', async () => {
    const gpu = await acquireDevice();
    const session = await openPlan({ plan: MODEL, weights: async () => f32([0]), device: gpu });
    const failing = options(session, training(2), 4, {
      data: {
        name: 'x',
        batch: async (i) => {
          if (i === 3) throw new Error('the disk is gone');
          return { feeds: { x: f32([1], i) }, tokens: 1, rows: 1 };
        },
      },
    });
    await expect(train(start(), failing)).rejects.toThrow('the disk is gone');
    await session.dispose();
    expect(gpu.buffers.counts()).toMatchObject({ live: 0, bytes: 0 });
    gpu.destroy();
  });

  it('finds parameters that are not finite when they are read', async () => {
    const session = await openPlan({ plan: MODEL, weights: async () => f32([0]) });
    const plan: TrainingPlan = { ...training(1), schedule: { kind: 'constant', iters: 10, epochs: 1, lr: 1e39 } };
    expect(await provokes('R0801', () => train(start(), options(session, plan, 1)))).toContain('the update of w');
    await session.dispose();
  });
});

describe.skipIf(unavailable)("a model's trainer", () => {
  const W = f32([N], 1, 2, 3, 4, 5);
  const x = (value: number) => ({ x: f32([1], value) });

  it('steps in order from the weights, goes on after a refused batch, and leaves nothing behind', async () => {
    const gpu = await acquireDevice();
    const plan = { ...MODEL, training: training(1) };
    const session = await openPlan({ plan, weights: async () => W, device: gpu });
    const trainer = new ModelTrainer(session, plan, async () => W);
    const losses: number[] = [];
    const onRecord = (record: object) => void losses.push((record as StepRecord).loss);
    const expected = await train(start(), options(onHost, plan.training, 3, { onRecord }));
    const steps = [trainer.step(x(0)), trainer.step(x(1))];
    expect(await provokes('R0801', () => trainer.step(x(Number.NaN)))).toContain('at step 3');
    await provokes('R0806', () => trainer.step([x(0), x(1)]));
    await provokes('R0208', () => trainer.step({ ...x(2), y: W }));
    steps.push(trainer.step(x(2)));
    const done = await Promise.all(steps);
    expect(done.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(done.map(({ loss }) => Math.fround(loss))).toEqual(losses.map(Math.fround));
    expect(await trainer.trained()).toEqual(expected.parameters);
    await trainer.step(x(9), { lr: 0 });
    expect(await trainer.trained()).toEqual(expected.parameters);
    await trainer.dispose();
    await session.dispose();
    expect(gpu.buffers.counts()).toMatchObject({ live: 0, bytes: 0 });
    gpu.destroy();
  });

  it('takes as many micro-batches as the stage accumulates', async () => {
    const plan = { ...MODEL, training: training(2) };
    const session = await openPlan({ plan, weights: async () => W });
    const trainer = new ModelTrainer(session, plan, async () => W);
    const message = await provokes('R0806', () => trainer.step(x(0)));
    expect(message).toContain('takes 2 batches and was given 1, so give trainStep a list of 2');
    const expected = await train(start(), options(onHost, plan.training, 1));
    await trainer.step([x(0), x(1)]);
    expect(await trainer.trained()).toEqual(expected.parameters);
    await session.dispose();
  });

  it('goes on from a saved state as if nothing had come between, and refuses one of another run', async () => {
    const plan = { ...MODEL, training: training(1) };
    const session = await openPlan({ plan, weights: async () => W });
    const trainer = new ModelTrainer(session, plan, async () => W);
    await trainer.step(x(0));
    const saved = structuredClone(await trainer.save());
    expect(saved).toMatchObject({ stage: plan.training.stage, step: 1, updates: 1 });
    const later = [await trainer.step(x(1)), await trainer.step(x(2))];
    const after = await trainer.save();
    await session.dispose();

    const anew = await openPlan({ plan, weights: async () => W });
    const other = new ModelTrainer(anew, plan, async () => W);
    await other.step(x(7));
    for (const wrong of [
      { ...saved, stage: 'stage9' },
      { ...saved, parameters: new Map([['w', f32([1], 0)]]) },
      { ...saved, slots: new Map([['elsewhere', saved.parameters]]) },
      { ...saved, parameters: new Map([...saved.parameters, ['more', W]]) },
    ])
      expect(await provokes('R0803', () => other.resume(wrong))).toContain('the state is of another run');
    await other.resume(saved);
    expect([await other.step(x(1)), await other.step(x(2))]).toEqual(later);
    expect(await other.save()).toEqual(after);
    await anew.dispose();
  });

  it('says so when what trains is not in the weights, or was on a device that is lost', async () => {
    const gpu = await acquireDevice();
    const plan = { ...MODEL, training: training(1) };
    const session = await openPlan({ plan, weights: async () => W, device: gpu });
    const other = new ModelTrainer(session, plan, async () => f32([1], 0));
    expect(await provokes('R1010', () => other.step(x(0)))).toContain('w');
    const trainer = new ModelTrainer(session, plan, async () => W);
    await trainer.step(x(0));
    const saved = await trainer.save();
    const next = await trainer.step(x(1));
    gpu.device.destroy();
    await gpu.device.lost;
    await session.recover();
    await provokes('R1008', () => trainer.step(x(0)));
    await trainer.resume(saved);
    expect(await trainer.step(x(1))).toEqual(next);
    await trainer.dispose();
    await session.dispose();
  });
});
