/** Learning rates by step, as the released code computes them (minigpt4/common/optims.py). */
import type { Schedule } from '../../shared/training.ts';

/** Steps of the whole schedule. */
export function scheduleLength({ iters, epochs }: Schedule): number {
  return iters * epochs;
}

/**
 * The learning rate of a step, counted from 0. With g the step, s the step within its epoch, n = iters · epochs:
 *
 *   linear_warmup_cosine  g < warmup: min(lr, warmup_lr + (lr − warmup_lr) s / warmup)      it restarts every epoch
 *                         else        (lr − min_lr) · ½(1 + cos(π g / n)) + min_lr          from step 0, not from warmup
 *   step                  epoch 0:    as the warm-up above;  else max(min_lr, lr · decay_rate^epoch)
 *   constant              lr
 */
export function learningRate(schedule: Schedule, step: number): number {
  const { lr, iters } = schedule;
  const epoch = Math.floor(step / iters);
  switch (schedule.kind) {
    case 'constant':
      return lr;
    case 'linear_warmup_cosine': {
      if (step < schedule.warmup) return warmingUp(schedule, step % iters);
      const { min_lr } = schedule;
      return (lr - min_lr) * 0.5 * (1 + Math.cos((Math.PI * step) / scheduleLength(schedule))) + min_lr;
    }
    case 'step':
      if (epoch === 0) return warmingUp(schedule, step);
      return Math.max(schedule.min_lr, lr * schedule.decay_rate ** epoch);
    default:
      return schedule satisfies never;
  }
}

function warmingUp(schedule: Exclude<Schedule, { readonly kind: 'constant' }>, step: number): number {
  const { lr, warmup } = schedule;
  const from = schedule.warmup_lr < 0 ? lr : schedule.warmup_lr;
  return Math.min(lr, from + ((lr - from) * step) / Math.max(warmup, 1));
}
