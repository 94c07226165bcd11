/**
 * What the compiler tells the trainer about a stage, beside the graphs themselves: which tensors train, which state
 * the optimiser keeps for each, and the settings of the loop.
 *
 * The graphs are three entries of an ordinary manifest:
 *   gradient    inputs of the loss entry + `parameter.<key>` + `buffer.<key>` + `loss_scale` (+ `dropout_seed`)
 *               → `loss`, `tokens` (where the loss counts labels), `weight` (where micro-batches have one), `gradient.<key>`,
 *               `statistics`, `updated.<key>` of each buffer, `metric.<name>` of the other scalars of the loss entry
 *   accumulate  `sum.<key>`, `gradient.<key>`, `sum_weight`, `gradient_weight`, `inverse_scale` → `new.sum.<key>`, `statistics`
 *   update      `parameter.<key>`, `gradient.<key>`, `state.<slot>.<key>`, `learning_rate`, `step`, `gradient_scale`
 *               → `new.parameter.<key>`, `new.state.<slot>.<key>`
 *   validate    inputs of the loss entry + `parameter.<key>` + `buffer.<key>` → `metric.<name>`, `weight.<name>` (where the mean of
 *               batches is weighted) of each scalar of the loss entry, as in inference; only where it was asked for
 *
 * Where the plan has arenas, `<key>` is an arena's name and its tensor is flat: the update is then one kernel for all that
 * trains. Everything outside of the graphs (states on the host, checkpoints, logs, statistics) speaks checkpoint keys.
 */
import type { DType } from './dtype.ts';
import { sizeOf } from './tensor.ts';

/** Names of the graphs' ports, for the side that writes them and the side that feeds them. */
export const PORTS = {
  parameter: (key: string) => `parameter.${key}`,
  gradient: (key: string) => `gradient.${key}`,
  sum: (key: string) => `sum.${key}`,
  state: (slot: string, key: string) => `state.${slot}.${key}`,
  /** the output that replaces an input */
  next: (port: string) => `new.${port}`,
  /** a buffer that the gradient graph updates, before and after */
  buffer: (key: string) => `buffer.${key}`,
  updated: (key: string) => `updated.${key}`,
  metric: (name: string) => `metric.${name}`,
  metricWeight: (name: string) => `weight.${name}`,
  loss: 'loss',
  tokens: 'tokens',
  weight: 'weight',
  statistics: 'statistics',
  lossScale: 'loss_scale',
  inverseScale: 'inverse_scale',
  sumWeight: 'sum_weight',
  gradientWeight: 'gradient_weight',
  dropoutSeed: 'dropout_seed',
  learningRate: 'learning_rate',
  step: 'step',
  gradientScale: 'gradient_scale',
} as const;

/** Columns of `statistics` [trained tensors, 4], of the gradient without its loss scale. */
export const STATISTICS = ['sum_of_squares', 'max', 'zeros', 'non_finite'] as const;

export interface TrainedParameter {
  /** checkpoint key */
  readonly key: string;
  readonly shape: readonly number[];
  /** what statistics are reported under: `llama_model.model.layers.3`, `llama_proj` */
  readonly layer: string;
  /** whether weight decay applies */
  readonly decay: boolean;
}

/** State that the model itself updates in each micro-batch: running statistics, a moving average, a codebook. */
export interface UpdatedBuffer {
  /** checkpoint key */
  readonly key: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Trained tensors one after the other in a flat f32 tensor, each at a multiple of 4 elements; zeros in between. */
export interface Arena {
  /** as ports have it in place of a checkpoint key */
  readonly name: string;
  /** a multiple of 4 */
  readonly elements: number;
  /** weight decay applies to the elements before this one */
  readonly decayed: number;
  readonly pieces: readonly { readonly key: string; readonly shape: readonly number[]; readonly at: number }[];
}

/**
 * `iters` steps make an epoch. linear_warmup_cosine and step are the released code's LinearWarmupCosineLRScheduler and
 * LinearWarmupStepLRScheduler; a negative warmup_lr stands for lr, as there.
 */
export type Schedule = { readonly iters: number; readonly epochs: number; readonly lr: number } & (
  | {
      readonly kind: 'linear_warmup_cosine';
      readonly min_lr: number;
      readonly warmup_lr: number;
      readonly warmup: number;
    }
  | {
      readonly kind: 'step';
      readonly min_lr: number;
      readonly decay_rate: number;
      readonly warmup_lr: number;
      readonly warmup: number;
    }
  | { readonly kind: 'constant' }
);

export interface TrainingPlan {
  readonly stage: string;
  readonly trained: readonly TrainedParameter[];
  readonly buffers: readonly UpdatedBuffer[];
  /** how the graphs' ports hold the trained tensors; absent: each has its own */
  readonly arenas?: readonly Arena[];
  /** names of the tensors that the optimiser keeps per parameter, zero at first */
  readonly slots: readonly string[];
  /**
   * how many elements of a parameter, filled up to blocks of 256, are one of the slot: 3 codes of 8 bits share a number, 256 elements
   * their largest. Absent, of all or of a slot: it has the parameter's shape
   */
  readonly slotSizes?: Readonly<Record<string, number>>;
  readonly schedule: Schedule;
  /** micro-batches per step */
  readonly accumulate: number;
  /**
   * What their losses and gradients become: their mean by `weight`, an output of the gradient graph (the step is then that of
   * one batch of all rows); their mean; their sum
   */
  readonly combine: 'weighted' | 'equal' | 'sum';
  /** largest global gradient norm; null: not clipped */
  readonly clip: number | null;
  /** `dynamic`, or a constant (1: none) */
  readonly lossScale: 'dynamic' | number;
  /** the gradient graph takes `dropout_seed` */
  readonly dropout: boolean;
  /** the gradient graph gives `tokens` */
  readonly countsTokens: boolean;
  /** scalars of the loss entry beside the loss, which the gradient graph gives as `metric.<name>`; absent: none */
  readonly metrics?: readonly string[];
  /** the scalars of the graph `validate`, the loss first; absent: there is no such graph */
  readonly validation?: readonly ValidatedScalar[];
}

/** A scalar of the loss entry, and how those of several batches are one: see `combine`. */
export interface ValidatedScalar {
  readonly name: string;
  readonly combine: TrainingPlan['combine'];
}

/** Elements that share a maximum where state is of 8 bits. */
export const STATE_BLOCK = 256;

/** Elements of a slot that has one for `per` elements of a parameter, filled up to blocks. */
export const blockedSize = (per: number, shape: readonly number[]): number =>
  Math.ceil((STATE_BLOCK * Math.ceil(sizeOf(shape) / STATE_BLOCK)) / per);

/** The shape of a slot's tensor for a parameter of this shape. */
export function slotShape(
  { slotSizes }: Pick<TrainingPlan, 'slotSizes'>,
  slot: string,
  shape: readonly number[],
): readonly number[] {
  const per = slotSizes?.[slot];
  return per ? [blockedSize(per, shape)] : shape;
}

/** The tensors that the graphs' ports hold, with `name` where `<key>` stands in a port's name. */
export function heldTensors({
  trained,
  arenas,
}: Pick<TrainingPlan, 'trained' | 'arenas'>): readonly { readonly name: string; readonly shape: readonly number[] }[] {
  if (arenas) return arenas.map(({ name, elements }) => ({ name, shape: [elements] }));
  return trained.map(({ key, shape }) => ({ name: key, shape }));
}

/** Everything that a step changes, by checkpoint key, beside the optimiser's own state. */
export function changedTensors({
  trained,
  buffers,
}: Pick<TrainingPlan, 'trained' | 'buffers'>): readonly UpdatedBuffer[] {
  return [...trained.map(({ key, shape }) => ({ key, dtype: 'f32' as const, shape })), ...buffers];
}

/** Whose an element of such a tensor is: the checkpoint key. */
export function keyAt({ arenas }: Pick<TrainingPlan, 'arenas'>, name: string, element: number): string {
  const arena = arenas?.find((one) => one.name === name);
  return arena?.pieces.findLast(({ at }) => at <= element)?.key ?? name;
}
