/** Everything that changes while a stage trains: what a checkpoint holds and a resumed run starts from. */
import type { HostTensor } from '../../shared/tensor.ts';
import type { TrainingPlan } from '../../shared/training.ts';
import { initialLossScale, type LossScale } from './loss-scale.ts';

export interface TrainState {
  readonly stage: string;
  /** steps done; also the position in the data and the seed of the next masks */
  readonly step: number;
  /** updates done: steps that were not skipped, the t of the optimiser */
  readonly updates: number;
  readonly lossScale: LossScale;
  /** steps in a row that a layer's gradient has been tiny */
  readonly vanishing: Readonly<Record<string, number>>;
  /** by checkpoint key */
  readonly parameters: ReadonlyMap<string, HostTensor>;
  /** by slot, then by checkpoint key */
  readonly slots: ReadonlyMap<string, ReadonlyMap<string, HostTensor>>;
}

/** @param parameters the trained tensors, by checkpoint key */
export function initialState(plan: TrainingPlan, parameters: ReadonlyMap<string, HostTensor>): TrainState {
  const zeros = (): Map<string, HostTensor> =>
    new Map(
      plan.trained.map(({ key, shape }) => [
        key,
        { dtype: 'f32', shape, data: new Float32Array(shape.reduce((product, dim) => product * dim, 1)) },
      ]),
    );
  return {
    stage: plan.stage,
    step: 0,
    updates: 0,
    lossScale: initialLossScale(plan.lossScale),
    vanishing: {},
    parameters,
    slots: new Map(plan.slots.map((slot) => [slot, zeros()])),
  };
}
