/**
 * Dynamic loss scaling: half-precision gradients below 2⁻²⁴ vanish, so the loss is multiplied by a scale that grows
 * until something overflows. Micikevicius et al. 2018, arXiv:1710.03740; the constants are torch.cuda.amp.GradScaler's.
 */
export const INITIAL_SCALE = 65536;
const GROWTH = 2;
const BACKOFF = 0.5;
const GROWTH_INTERVAL = 2000;

export interface LossScale {
  readonly dynamic: boolean;
  readonly scale: number;
  /** steps since the scale last changed */
  readonly good: number;
}

export function initialLossScale(setting: 'dynamic' | number): LossScale {
  return setting === 'dynamic'
    ? { dynamic: true, scale: INITIAL_SCALE, good: 0 }
    : { dynamic: false, scale: setting, good: 0 };
}

/** After a step: halve on NaN or infinity (that step is skipped), double after 2000 good steps in a row. */
export function nextLossScale(before: LossScale, overflowed: boolean): LossScale {
  if (!before.dynamic) return before;
  if (overflowed) return { ...before, scale: before.scale * BACKOFF, good: 0 };
  const good = before.good + 1;
  return good < GROWTH_INTERVAL ? { ...before, good } : { ...before, scale: before.scale * GROWTH, good: 0 };
}
