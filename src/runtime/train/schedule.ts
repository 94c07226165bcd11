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
 *
 * From step n on the rate stays as the schedule ends: at min_lr, at the last epoch's rate, and at the last step's where
 * the warm-up is not over by then. The first two are LAVIS' schedulers (Li et al. 2023), which stop at step n.
 */
export function learningRate(schedule: Schedule, step: number): number {
  const { lr, iters } = schedule;
  const length = scheduleLength(schedule);
  const within = Math.min(step, length - 1);
  switch (schedule.kind) {
    case 'constant':
      return lr;
    case 'linear_warmup_cosine': {
      if (within < schedule.warmup) return warmingUp(schedule, within % iters);
      const { min_lr } = schedule;
      return (lr - min_lr) * 0.5 * (1 + Math.cos((Math.PI * Math.min(step, length)) / length)) + min_lr;
    }
    case 'step': {
      const epoch = Math.floor(within / iters);
      if (epoch === 0) return warmingUp(schedule, within);
      return Math.max(schedule.min_lr, lr * schedule.decay_rate ** epoch);
    }
    default:
      return schedule satisfies never;
  }
}

function warmingUp(schedule: Exclude<Schedule, { readonly kind: 'constant' }>, step: number): number {
  const { lr, warmup } = schedule;
  const from = schedule.warmup_lr < 0 ? lr : schedule.warmup_lr;
  return Math.min(lr, from + ((lr - from) * step) / Math.max(warmup, 1));
}
