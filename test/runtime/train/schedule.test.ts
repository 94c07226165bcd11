/** Learning rates against the released code's, at every step that the fixture lists. */
import { describe, expect, test } from 'vitest';
import { learningRate, scheduleLength } from '../../../src/runtime/train/schedule.ts';
import type { Schedule } from '../../../src/shared/training.ts';
import { readJson } from '../../support/reference.ts';

interface Case {
  readonly name: string;
  readonly run: {
    init_lr: number;
    min_lr: number;
    warmup_lr: number;
    warmup_steps: number;
    max_epoch: number;
    iters_per_epoch: number;
  };
  readonly total_steps: number;
  readonly max_lr: number;
  readonly max_lr_at: number;
  readonly min_lr_seen: number;
  readonly last_lr: number;
  readonly samples: readonly { readonly global_step: number; readonly lr: number }[];
}

const { stages } = readJson<{ stages: readonly Case[] }>('tinygptv-tiny/lr_schedules.json');

describe.each(stages)('$name', ({ run, samples, total_steps, ...seen }) => {
  const schedule: Schedule = {
    kind: 'linear_warmup_cosine',
    lr: run.init_lr,
    min_lr: run.min_lr,
    warmup_lr: run.warmup_lr ?? -1,
    warmup: run.warmup_steps,
    iters: run.iters_per_epoch,
    epochs: run.max_epoch,
  };
  test('has the rate of every sample', () => {
    expect(samples.length).toBeGreaterThanOrEqual(40);
    for (const { global_step, lr } of samples) {
      expect(Math.abs(learningRate(schedule, global_step) - lr), `step ${global_step}`).toBeLessThanOrEqual(1e-15);
    }
  });
  test('has its extremes', () => {
    expect(scheduleLength(schedule)).toBe(total_steps);
    const rates = Array.from({ length: total_steps }, (_, step) => learningRate(schedule, step));
    const highest = rates.reduce((best, rate, step) => (rate > rates[best]! ? step : best), 0);
    expect(highest).toBe(seen.max_lr_at);
    expect(rates[highest]).toBeCloseTo(seen.max_lr, 15);
    expect(rates.reduce((low, rate) => Math.min(low, rate))).toBeCloseTo(seen.min_lr_seen, 15);
    expect(rates.at(-1)).toBeCloseTo(seen.last_lr, 15);
  });
});

test('step decays by epoch after a warm-up in the first', () => {
  const schedule: Schedule = {
    kind: 'step',
    lr: 0.1,
    min_lr: 0.02,
    decay_rate: 0.5,
    warmup_lr: 0,
    warmup: 10,
    iters: 20,
    epochs: 5,
  };
  expect([0, 5, 10, 19].map((step) => learningRate(schedule, step))).toEqual([0, 0.05, 0.1, 0.1]);
  expect([20, 40, 60, 99].map((step) => learningRate(schedule, step))).toEqual([0.05, 0.025, 0.02, 0.02]);
});

test('past its end a schedule stays where it ended, as the formulas do at step iters · epochs', () => {
  const cosine: Schedule = {
    kind: 'linear_warmup_cosine',
    ...{ lr: 1e-2, min_lr: 1e-3, warmup_lr: 1e-4, warmup: 2, iters: 5, epochs: 2 },
  };
  // ½(1 + cos π) = 0
  for (const step of [10, 11, 15, 20, 1000]) expect(learningRate(cosine, step)).toBe(1e-3);
  expect(learningRate(cosine, 9)).toBeGreaterThan(1e-3);
  // a warm-up that is not over: the last step's rate, (1e-2 − 1e-4) · 4 / 20 + 1e-4
  for (const step of [9, 10, 19, 30]) expect(learningRate({ ...cosine, warmup: 20 }, step)).toBeCloseTo(0.00208, 12);
  const steps: Schedule = {
    kind: 'step',
    ...{ lr: 0.1, min_lr: 0, decay_rate: 0.5, warmup_lr: 0, warmup: 10, iters: 20, epochs: 3 },
  };
  expect([59, 60, 80, 500].map((step) => learningRate(steps, step))).toEqual([0.025, 0.025, 0.025, 0.025]);
});

test('constant is constant', () => {
  const schedule: Schedule = { kind: 'constant', lr: 3e-4, iters: 10, epochs: 2 };
  expect([0, 7, 500].map((step) => learningRate(schedule, step))).toEqual([3e-4, 3e-4, 3e-4]);
});
