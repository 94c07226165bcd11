/** A stage of the program → what the trainer needs: the tensors that train, the optimiser, the settings of the loop. */
import type { ConfigValue } from '../../shared/artifact.ts';
import type { Schedule, TrainedParameter, TrainingPlan } from '../../shared/training.ts';
import type { ParameterInfo } from '../elaborate/instance.ts';
import type { Stage, StageCall } from '../elaborate/stages.ts';
import { numberOf, OPTIMISERS, type Optimiser, type OptimiserName, type OptimiserSettings } from './optimisers.ts';
import { StageError } from './stage-error.ts';

export interface PlanOptions {
  /** a constant learning rate instead of the stage's schedule */
  readonly lr?: number;
  /** the stage's choice when absent */
  readonly recompute?: boolean;
  /** columns of the vocabulary that a cross entropy computes at a time; the stage's choice when absent */
  readonly lossChunk?: number;
  /** attention's gradients as one node: see GradientOptions */
  readonly fusedAttention?: boolean;
  /** trained tensors in arenas (see shared/training.ts) of at most so many elements each: for a target on a device */
  readonly arenas?: number;
  /** also the graph `validate` */
  readonly validates?: boolean;
}

const atLeast0 = (x: number): boolean => x >= 0;
const above0 = (x: number): boolean => x > 0;
const count = (x: number): boolean => Number.isInteger(x) && x > 0;

/** @throws StageError */
export function optimiserOf({ optimize }: Pick<Stage, 'optimize'>): Optimiser {
  const { name, arguments: settings }: StageCall = optimize ?? { name: 'adamw', arguments: {} };
  if (!Object.hasOwn(OPTIMISERS, name)) throw new StageError(`there is no optimiser ${name}`);
  return OPTIMISERS[name as OptimiserName](settings);
}

/** The stage's optimiser as data: all of its arguments. @throws StageError */
export function optimiserSettings(
  stage: Pick<Stage, 'optimize'>,
): OptimiserSettings & { readonly weightDecay: number } {
  const { settings, weightDecay } = optimiserOf(stage);
  return { ...settings, weightDecay };
}

/** @throws StageError when the stage gives no learning rate, or a setting is out of range */
export function scheduleOf({ schedule }: Pick<Stage, 'schedule'>, { lr }: PlanOptions = {}): Schedule {
  const settings = schedule?.arguments ?? {};
  const length = {
    iters: numberOf(settings, 'iters', 1, count, 'that is an integer above 0'),
    epochs: numberOf(settings, 'epochs', 1, count, 'that is an integer above 0'),
  };
  if (lr !== undefined) return { kind: 'constant', lr, ...length };
  if (!schedule) throw new StageError('it has no `schedule`, so give a learning rate with --lr');
  const base = { lr: numberOf(settings, 'lr', undefined, atLeast0, 'of at least 0'), ...length };
  const warm = () => ({
    min_lr: numberOf(settings, 'min_lr', 0, atLeast0, 'of at least 0'),
    warmup_lr: numberOf(settings, 'warmup_lr', -1, () => true, 'of any size'),
    warmup: numberOf(settings, 'warmup', 0, atLeast0, 'of at least 0'),
  });
  switch (schedule.name) {
    case 'linear_warmup_cosine':
      return { kind: 'linear_warmup_cosine', ...base, ...warm() };
    case 'step':
      return { kind: 'step', ...base, ...warm(), decay_rate: numberOf(settings, 'decay_rate', 1, above0, 'above 0') };
    case 'constant':
      return { kind: 'constant', ...base };
    default:
      throw new StageError(`there is no schedule ${schedule.name}`);
  }
}

/** @param stage whose `no_decay` keeps weight decay from some parameters */
export function trainedParameter(parameter: ParameterInfo, stage: Pick<Stage, 'noDecay'>): TrainedParameter {
  const { keys, path, shape } = parameter;
  return { key: keys[0], shape, layer: layerOf(path), decay: decays(parameter, stage) };
}

/** Matrices and larger decay, unless the stage says otherwise; biases and the weights of norms are vectors. */
export function decays(parameter: ParameterInfo, { noDecay }: Pick<Stage, 'noDecay'>): boolean {
  return parameter.shape.length >= 2 && !noDecay.has(parameter);
}

/**
 * @param trained the stage's parameters that the loss depends on
 * @throws StageError
 */
export function planOf(
  stage: Stage,
  trained: readonly TrainedParameter[],
  graphs: Pick<TrainingPlan, 'buffers' | 'dropout' | 'countsTokens' | 'combine' | 'metrics' | 'validation' | 'arenas'>,
  options: PlanOptions = {},
): TrainingPlan {
  const { clip } = stage.options;
  const optimiser = optimiserOf(stage);
  return {
    stage: stage.name,
    trained,
    slots: optimiser.slots,
    ...(optimiser.slotSizes ? { slotSizes: optimiser.slotSizes } : {}),
    schedule: scheduleOf(stage, options),
    accumulate: accumulateOf(stage),
    clip: clip === undefined ? null : numberOf({ clip }, 'clip', undefined, above0, 'above 0'),
    lossScale: lossScaleOf(stage),
    ...graphs,
  };
}

/** Micro-batches per step. @throws StageError */
function accumulateOf({ options: { accumulate } }: Stage): number {
  return accumulate === undefined ? 1 : positiveInt('accumulate', accumulate);
}

/** Whether a step averages over all samples of its micro-batches, and not over the micro-batches. @throws StageError */
export function weighsBatches(stage: Stage): boolean {
  return accumulateOf(stage) > 1 && stage.options.average !== 'batches';
}

/** Columns that a cross entropy computes at a time, as the stage says it. @throws StageError */
export function lossChunkOf({ options: { loss_chunk: value } }: Pick<Stage, 'options'>): number | undefined {
  return value === undefined ? undefined : positiveInt('loss_chunk', value);
}

/** Whether the stage's dropout drops: `dropout false` or `dropout 0` switches it off for the stage. */
export function dropsOut(stage: Stage): boolean {
  const { dropout } = stage.options;
  return dropout !== false && dropout !== 0;
}

/** @throws StageError */
export function positiveInt(name: string, value: ConfigValue): number {
  return numberOf({ [name]: value }, name, undefined, count, 'that is an integer above 0');
}

/** What the loss is multiplied by before it is differentiated; a number stays. @throws StageError */
export function lossScaleOf({ options: { loss_scale: value } }: Stage): 'dynamic' | number {
  if (value === undefined) return 1;
  if (value === 'dynamic') return 'dynamic';
  if (typeof value === 'number' && value > 0) return value;
  throw new StageError(`loss_scale is ${JSON.stringify(value)}, and "dynamic" or a number above 0 is expected`);
}

/** `llama_model.model.layers.3.self_attn.dense.lora_A` → `llama_model.model.layers.3`; `llama_proj.weight` → `llama_proj`. */
function layerOf(path: string): string {
  const parts = path.split('.');
  const index = parts.findIndex((part) => /^\d+$/.test(part));
  return parts.slice(0, index > 0 ? index + 1 : Math.max(parts.length - 1, 1)).join('.');
}
