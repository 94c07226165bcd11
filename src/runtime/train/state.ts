/**
 * Everything that changes while a stage trains: what a checkpoint holds and a resumed run starts from.
 *
 * On a backend with a device the tensors of a running stage live there, and each step's update overwrites them: a state
 * is then good until the next step. `hostState` copies one, for a checkpoint or the end.
 */
import type { HostTensor } from '../../shared/tensor.ts';
import type { TrainingPlan } from '../../shared/training.ts';
import { type AnyTensor, isOnDevice, release, toHost } from '../device-tensor.ts';
import { runtimeError } from '../errors.ts';
import type { Runner } from '../session.ts';
import { firstNonFinite } from '../weights/dtypes.ts';
import { initialLossScale, type LossScale } from './loss-scale.ts';

export interface TrainState<T extends AnyTensor = HostTensor> {
  readonly stage: string;
  /** steps done; also the position in the data and the seed of the next masks */
  readonly step: number;
  /** updates done: steps that were not skipped, the t of the optimiser */
  readonly updates: number;
  readonly lossScale: LossScale;
  /** steps in a row that a layer's gradient has been tiny */
  readonly vanishing: Readonly<Record<string, number>>;
  /** by checkpoint key */
  readonly parameters: ReadonlyMap<string, T>;
  /** by slot, then by checkpoint key */
  readonly slots: ReadonlyMap<string, ReadonlyMap<string, T>>;
}

/** A state whose tensors may be on a device. */
export type LiveState = TrainState<AnyTensor>;

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

async function mapTensors<T extends AnyTensor>(
  state: LiveState,
  change: (tensor: AnyTensor, name: string) => Promise<T>,
): Promise<TrainState<T>> {
  const map = async (tensors: ReadonlyMap<string, AnyTensor>, prefix: string): Promise<Map<string, T>> => {
    const changed = new Map<string, T>();
    for (const [key, tensor] of tensors) changed.set(key, await change(tensor, prefix + key));
    return changed;
  };
  const slots = new Map<string, Map<string, T>>();
  for (const [slot, tensors] of state.slots) slots.set(slot, await map(tensors, `${slot} of `));
  return { ...state, parameters: await map(state.parameters, ''), slots };
}

/** The state where the runner computes. */
export async function liveState(state: LiveState, runner: Runner): Promise<LiveState> {
  return runner.upload ? mapTensors(state, (tensor, name) => runner.upload!(tensor, name)) : state;
}

/**
 * A copy of the state on the host; the state itself where it is there already.
 * @throws RuntimeError R0801 when a parameter that comes from a device is not finite: no step has looked at it
 */
export async function hostState(state: LiveState): Promise<TrainState> {
  const onHost = ![...state.parameters.values()].some(isOnDevice);
  if (onHost) return state as TrainState;
  const copy = await mapTensors(state, toHost);
  for (const [key, { data }] of copy.parameters) {
    if (firstNonFinite(data as Float32Array) >= 0)
      throw runtimeError('R0801', {
        stage: state.stage,
        step: state.step,
        what: `the update of ${key}`,
        where: undefined,
      });
  }
  return copy;
}

/** Frees what of the state is on a device. */
export function releaseState({ parameters, slots }: LiveState): void {
  for (const tensors of [parameters, ...slots.values()]) for (const tensor of tensors.values()) release(tensor);
}
