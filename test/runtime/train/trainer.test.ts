/** The loop over a model that is a few lines of JavaScript: loss scale, clipping, accumulation, statistics, errors. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RuntimeErrorCode } from '../../../src/runtime/errors.ts';
import { RuntimeError } from '../../../src/runtime/errors.ts';
import { checkFeeds, type Feeds } from '../../../src/runtime/feeds.ts';
import type { Runner } from '../../../src/runtime/session.ts';
import {
  checkSettings,
  decodeTraining,
  encodeTraining,
  type TrainingCheckpoint,
} from '../../../src/runtime/train/checkpoint.ts';
import { checkpointFolder } from '../../../src/runtime/train/checkpoints.node.ts';
import type { DataSource } from '../../../src/runtime/train/data-source.ts';
import { type LogRecord, logLine, type StepRecord } from '../../../src/runtime/train/log.ts';
import { INITIAL_SCALE, nextLossScale } from '../../../src/runtime/train/loss-scale.ts';
import { trainStages } from '../../../src/runtime/train/stages.ts';
import { hostState, initialState, type TrainState } from '../../../src/runtime/train/state.ts';
import { readStatistics, watchVanishing } from '../../../src/runtime/train/statistics.ts';
import { type TrainOptions, train } from '../../../src/runtime/train/trainer.ts';
import type { HostTensor } from '../../../src/shared/tensor.ts';
import type { TrainingPlan } from '../../../src/shared/training.ts';
import { folderWith } from '../../support/folder.ts';
import { TINY } from '../support.onnx.ts';

const f32 = (...data: number[]): HostTensor => ({ dtype: 'f32', shape: [data.length], data: Float32Array.from(data) });
const numbers = (tensor: HostTensor | undefined): number[] => Array.from(tensor!.data as Float32Array);
const scalar = (value: number): HostTensor => ({ dtype: 'f32', shape: [], data: Float32Array.of(value) });

const PLAN: TrainingPlan = {
  stage: 'one',
  trained: [{ key: 'w', shape: [2], layer: 'layer', decay: false }],
  buffers: [],
  slots: ['m'],
  schedule: { kind: 'constant', lr: 0.5, iters: 10, epochs: 1 },
  accumulate: 1,
  combine: 'equal',
  clip: null,
  lossScale: 1,
  dropout: false,
  countsTokens: true,
};

interface Fake {
  readonly runner: Runner;
  /** feeds of each run, by entry */
  readonly runs: { readonly entry: string; readonly feeds: Feeds }[];
}

/** loss = target · w, so the gradient is the target; update: w − lr · scale · gradient, m counts updates. */
function fake(
  gradientAt: (run: number) => readonly [number, number] = () => [3, 4],
  lossAt: (run: number) => number = () => 1,
  tokens = 7,
): Fake {
  const runs: { entry: string; feeds: Feeds }[] = [];
  let count = 0;
  const statistics = (gradient: readonly number[]): HostTensor => {
    const squares = gradient.reduce((sum, g) => sum + g * g, 0);
    const row = [
      squares,
      Math.max(...gradient.map(Math.abs)),
      gradient.filter((g) => g === 0).length,
      gradient.filter((g) => !Number.isFinite(g)).length,
    ];
    return { dtype: 'f32', shape: [1, 4], data: Float32Array.from(row) };
  };
  const at = (feeds: Feeds, name: string, index = 0): number => Number(feeds[name]!.data[index]);
  const runner: Runner = {
    manifest: TINY,
    run: async (entry, feeds) => {
      runs.push({ entry, feeds });
      if (entry === 'gradient') {
        const gradient = gradientAt(count);
        const loss = lossAt(count++);
        const scaled = gradient.map((g) => g * at(feeds, 'loss_scale'));
        return {
          loss: scalar(loss),
          tokens: scalar(tokens),
          'gradient.w': f32(...scaled),
          statistics: statistics(gradient),
        };
      }
      if (entry === 'accumulate') {
        const sum = [0, 1].map((i) => at(feeds, 'sum.w', i) + at(feeds, 'gradient.w', i));
        return { 'new.sum.w': f32(...sum), statistics: statistics(sum.map((g) => g * at(feeds, 'inverse_scale'))) };
      }
      const scale = at(feeds, 'learning_rate') * at(feeds, 'gradient_scale');
      return {
        'new.parameter.w': f32(...[0, 1].map((i) => at(feeds, 'parameter.w', i) - scale * at(feeds, 'gradient.w', i))),
        'new.state.m.w': f32(at(feeds, 'step'), 0),
      };
    },
  };
  return { runner, runs };
}

const nan = (): readonly [number, number] => [Number.NaN, 0];
/** finite, until two halves of it are subtracted */
const huge = (): readonly [number, number] => [3.4e38, 0];
const data = { name: 'fake', batch: async (step: number) => ({ feeds: { x: f32(step) }, tokens: 2, rows: 1 }) };
const start = (plan = PLAN): TrainState => initialState(plan, new Map([['w', f32(0, 0)]]));

async function go(
  plan: TrainingPlan,
  { runner }: Fake,
  steps: number,
  more: Partial<TrainOptions> = {},
): Promise<{ state: TrainState; records: LogRecord[] }> {
  const records: LogRecord[] = [];
  const state = await train(start(plan), {
    plan,
    runner,
    data,
    steps,
    seed: 1,
    onRecord: (record) => void records.push(record),
    ...more,
  });
  return { state, records };
}

const steps = (records: readonly LogRecord[]): StepRecord[] =>
  records.filter((record): record is StepRecord => 'loss' in record);

async function provokes(code: RuntimeErrorCode, work: () => unknown, message: string): Promise<void> {
  const error = await Promise.resolve()
    .then(work)
    .catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(RuntimeError);
  expect((error as RuntimeError).code).toBe(code);
  expect((error as RuntimeError).message).toContain(message);
}

describe('a step', () => {
  test('updates by the gradient and logs what happened', async () => {
    const { state, records } = await go(PLAN, fake(), 2);
    expect(numbers(state.parameters.get('w'))).toEqual([-3, -4]);
    expect(numbers(state.slots.get('m')!.get('w'))).toEqual([2, 0]);
    expect([state.step, state.updates]).toEqual([2, 2]);
    expect(steps(records)[1]).toMatchObject({
      stage: 'one',
      step: 2,
      loss: 1,
      lr: 0.5,
      grad_norm: 5,
      tokens: 7,
      loss_scale: 1,
      layers: { layer: { norm: 5, max: 4, zero: 0 } },
    });
    expect(JSON.parse(logLine({ ...steps(records)[0]!, loss: Number.NaN })).loss).toBe('NaN');
  });

  test('clips by the global norm', async () => {
    const { state } = await go({ ...PLAN, clip: 1 }, fake(), 1);
    const [a, b] = Array.from(state.parameters.get('w')!.data as Float32Array);
    expect(Math.hypot(a!, b!)).toBeCloseTo(0.5, 5);
    const below = await go({ ...PLAN, clip: 10 }, fake(), 1);
    expect(numbers(below.state.parameters.get('w'))).toEqual([-1.5, -2]);
  });

  test('averages over micro-batches, each of its own', async () => {
    const model = fake(
      (run) => (run % 2 === 0 ? [2, 0] : [4, 2]),
      (run) => run,
    );
    const { state, records } = await go({ ...PLAN, accumulate: 2 }, model, 2);
    expect(numbers(state.parameters.get('w'))).toEqual([-3, -1]);
    expect(model.runs.filter(({ entry }) => entry === 'gradient').map(({ feeds }) => feeds.x!.data[0])).toEqual([
      0, 1, 2, 3,
    ]);
    expect(steps(records).map(({ loss, tokens, grad_norm }) => [loss, tokens, grad_norm])).toEqual(
      [
        [0.5, 14, Math.fround(Math.hypot(3, 1))],
        [2.5, 14, Math.fround(Math.hypot(3, 1))],
      ].map(([loss, tokens]) => [loss, tokens, expect.closeTo(Math.hypot(3, 1), 5)]),
    );
  });

  test('seeds each mask by seed, stage and micro-batch', async () => {
    const seeds = async (seed: number): Promise<unknown[]> => {
      const model = fake();
      await go({ ...PLAN, dropout: true }, model, 3, { seed });
      return model.runs.filter(({ entry }) => entry === 'gradient').map(({ feeds }) => feeds.dropout_seed!.data[0]);
    };
    const first = await seeds(1);
    expect(new Set(first).size).toBe(3);
    expect(await seeds(1)).toEqual(first);
    expect(await seeds(2)).not.toEqual(first);
  });

  test('stops at the signal', async () => {
    const controller = new AbortController();
    const { state } = await go(PLAN, fake(), 100, {
      signal: controller.signal,
      onState: ({ step }) => {
        if (step === 3) controller.abort();
      },
    });
    expect(state.step).toBe(3);
  });
});

describe('loss scale', () => {
  const dynamic: TrainingPlan = { ...PLAN, lossScale: 'dynamic' };

  test('halves on an overflow and skips that step', async () => {
    const model = fake((run) => (run === 1 ? [Number.POSITIVE_INFINITY, 1] : [1, 1]));
    const { state, records } = await go(dynamic, model, 3);
    expect(steps(records).map(({ loss_scale, skipped }) => [loss_scale, skipped])).toEqual([
      [INITIAL_SCALE, undefined],
      [INITIAL_SCALE, true],
      [INITIAL_SCALE / 2, undefined],
    ]);
    expect([state.step, state.updates]).toEqual([3, 2]);
    expect(numbers(state.parameters.get('w'))).toEqual([-1, -1]);
    expect(model.runs.filter(({ entry }) => entry === 'update').map(({ feeds }) => feeds.step!.data[0])).toEqual([
      1, 2,
    ]);
  });

  test('doubles after 2000 good steps and starts counting anew', () => {
    let scale = { dynamic: true, scale: 8, good: 0 };
    for (let step = 0; step < 1999; step++) scale = { ...nextLossScale(scale, false) };
    expect(scale).toEqual({ dynamic: true, scale: 8, good: 1999 });
    expect(nextLossScale(scale, false)).toEqual({ dynamic: true, scale: 16, good: 0 });
    expect(nextLossScale(scale, true)).toEqual({ dynamic: true, scale: 4, good: 0 });
  });

  test('is constant where it is a number', async () => {
    const { state, records } = await go({ ...PLAN, lossScale: 8 }, fake(), 2);
    expect(steps(records).map(({ loss_scale }) => loss_scale)).toEqual([8, 8]);
    expect(numbers(state.parameters.get('w'))).toEqual([-3, -4]);
  });
});

describe('statistics', () => {
  test('are summed by layer', () => {
    const trained = ['a', 'b', 'c'].map((key, i) => ({ key, shape: [4], layer: i < 2 ? 'x' : 'y', decay: false }));
    const rows = [9, 3, 2, 0, 16, 2, 0, 1, 1, 1, 4, 0];
    const read = readStatistics(trained, { dtype: 'f32', shape: [3, 4], data: Float32Array.from(rows) });
    expect(read).toEqual({
      norm: Math.sqrt(26),
      firstNonFinite: 'b',
      layers: { x: { norm: 5, max: 3, zero: 0.25 }, y: { norm: 1, max: 1, zero: 1 } },
    });
  });

  test('report a layer whose gradient vanishes, once', async () => {
    const { records } = await go(
      PLAN,
      fake(() => [1e-9, 0]),
      8,
      { vanishing: { threshold: 1e-7, patience: 3 } },
    );
    const events = records.filter((record) => 'event' in record);
    expect(events).toEqual([
      {
        stage: 'one',
        step: 3,
        event: 'vanishing',
        detail: 'the gradient norm of layer has been below 1e-7 for 3 steps',
      },
    ]);
    const alive = { norm: 1, firstNonFinite: undefined, layers: { layer: { norm: 1, max: 1, zero: 0 } } };
    expect(watchVanishing({ layer: 2 }, alive, { threshold: 1e-7, patience: 3 })).toEqual({ runs: {}, vanished: [] });
  });
});

describe('errors', () => {
  test('a loss that is not finite stops the run and names the operation', async () => {
    const records: LogRecord[] = [];
    const model = fake(undefined, (run) => (run === 2 ? Number.NaN : 1));
    const run = () =>
      go(PLAN, model, 5, {
        diagnose: async () => 'log of head (m.mdl:3:4)',
        onRecord: (record) => void records.push(record),
      });
    await provokes('R0801', run, 'the loss is not finite at step 3 of one, first in log of head (m.mdl:3:4), so ');
    expect(records.at(-1)).toMatchObject({ event: 'non_finite', step: 3 });
    expect(model.runs.filter(({ entry }) => entry === 'update')).toHaveLength(2);
  });
  const staged = (runner: Runner, source: DataSource, diagnose?: TrainOptions['diagnose']) => () =>
    trainStages([
      {
        name: 'one',
        data: source,
        seed: 1,
        open: async () => ({
          plan: PLAN,
          runner,
          read: async () => f32(0, 0),
          close: async () => {},
          ...(diagnose ? { diagnose } : {}),
        }),
      },
    ]);
  test('a batch that is not finite is named with its row, and no operation is looked for', async () => {
    const x: HostTensor = { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, 2, 3, Number.NaN) };
    const bad = { name: 'moe.npz', batch: async () => ({ feeds: { x }, tokens: 2, rows: 2 }) };
    const named = { ...bad, rowName: (step: number, row: number) => `row ${step + row} of moe.npz` };
    const run = (source: DataSource) =>
      staged(fake(undefined, () => Number.NaN).runner, source, async () => 'log of head');
    const said = 'first in the input x, which holds NaN in row 1 of moe.npz, so nothing was updated; check it or lower';
    await provokes('R0801', run(named), said);
    await provokes('R0801', run(bad), 'holds NaN in row 1 of the batch');
    await provokes('R0801', run(data), 'first in log of head, so nothing was updated;');
  });
  test('an integer outside of its table is named with its row', async () => {
    const range = { low: 0, high: 3 };
    const y: HostTensor = { dtype: 'i64', shape: [2], data: BigInt64Array.of(1n, 7n) };
    const gradient = { ...TINY.entries.run!, inputs: [{ name: 'y', dtype: 'i64' as const, shape: ['B'], range }] };
    const runner: Runner = {
      manifest: { ...TINY, entries: { gradient } },
      run: async (entry, feeds) => {
        checkFeeds(entry, { ...gradient, cache: [] }, { y: feeds.y! });
        return {};
      },
    };
    const bad = { name: 'a', batch: async () => ({ feeds: { y }, tokens: 2, rows: 2 }) };
    const named = { ...bad, rowName: (step: number, row: number) => `row ${step + row} of rows.mjs` };
    const said = 'and integers from 0 to 2 are expected, so check what made it: row 1 of rows.mjs';
    await provokes('R0222', staged(runner, named), said);
    await provokes('R0222', staged(runner, bad), 'the input y of gradient holds 7 at [1], and');
  });
  test('a gradient that is not finite stops a run without a dynamic scale', async () => {
    const model = fake(() => [Number.NaN, 0]);
    await provokes('R0801', () => go(PLAN, model, 5), 'the gradient of w is not finite at step 1 of one');
  });
  test('a dynamic scale does not hide a gradient that is never finite', async () => {
    const run = () => go({ ...PLAN, lossScale: 'dynamic' }, fake(nan), 50);
    await provokes('R0801', run, 'the gradient of w is not finite at step 17 of one');
  });
  test('an update that is not finite is not kept', async () => {
    const states: TrainState[] = [];
    const run = () => go(PLAN, fake(huge), 5, { onState: async (state) => void states.push(await hostState(state)) });
    await provokes('R0801', run, 'the update of w is not finite at step 3 of one');
    expect(states).toHaveLength(2);
  });
  test('a batch without labels is an error', async () => {
    const run = () => go(PLAN, fake(undefined, undefined, 0), 5);
    await provokes('R0802', run, 'the batch of step 1 of one has no label that counts (fake)');
  });
});

describe('checkpoints', () => {
  const checkpoint = (): TrainingCheckpoint => ({
    state: {
      ...start(),
      step: 12,
      updates: 11,
      lossScale: { dynamic: true, scale: 4, good: 7 },
      vanishing: { layer: 2 },
    },
    earlier: new Map([['a.b.weight', f32(5)]]),
    settings: { config: 'nano', seed: '1' },
    logBytes: 99,
  });

  test('come back as they were', () => {
    const { tensors, metadata } = encodeTraining(checkpoint());
    expect([...tensors.keys()]).toEqual(['parameter.w', 'state.m.w', 'earlier.a.b.weight']);
    expect(decodeTraining('f', tensors, new Map(Object.entries(metadata)))).toEqual(checkpoint());
  });
  test('of another run are refused', async () => {
    const { settings } = checkpoint();
    checkSettings('c.safetensors', settings, { seed: '1', config: 'nano' });
    const other = () => checkSettings('c.safetensors', settings, { config: 'full', seed: '1' });
    await provokes('R0803', other, 'c.safetensors is of another run: its config is nano and this run has full');
  });
  test('that are none are refused', async () => {
    const decode = (header: Record<string, string>, tensors = new Map<string, HostTensor>()) =>
      decodeTraining('w.safetensors', tensors, new Map(Object.entries(header)));
    await provokes('R0804', () => decode({}), 'w.safetensors has no training state');
    await provokes('R0804', () => decode({ 'mdl.training': '{' }), 'has a header that is not JSON');
    await provokes('R0804', () => decode({ 'mdl.training': '{"version":2}' }), 'is of version 2');
    const { metadata } = encodeTraining(checkpoint());
    await provokes('R0804', () => decode({ ...metadata }, new Map([['what', f32(1)]])), 'holds what');
  });
  test('that do not exist are named', async () => {
    const folder = folderWith();
    const checkpoints = await checkpointFolder(folder, ['one'], 3);
    await provokes('R0805', () => checkpoints.latest(), `there is no checkpoint to resume from in ${folder}`);
  });
  test('are kept as many as asked for, and what a killed writer left goes', async () => {
    const folder = folderWith();
    const checkpoints = await checkpointFolder(folder, ['one'], 2);
    for (const step of [5, 10, 15]) await checkpoints.save({ ...checkpoint(), state: { ...checkpoint().state, step } });
    writeFileSync(join(folder, '00000-00000020-one.safetensors.abc.part'), 'half');
    const { file, checkpoint: newest } = await checkpoints.latest();
    expect(file).toContain('00000-00000015-one.safetensors');
    expect(newest).toEqual({ ...checkpoint(), state: { ...checkpoint().state, step: 15 } });
    expect(readdirSync(folder).sort()).toEqual(['00000-00000010-one.safetensors', '00000-00000015-one.safetensors']);
  });
});
