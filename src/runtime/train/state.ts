/**
 * Everything that changes while a stage trains: what a checkpoint holds and a resumed run starts from.
 *
 * On a backend with a device the tensors of a running stage live there, and each step's update overwrites them: a state
 * is then good until the next step. `hostState` copies one, for a checkpoint or the end. Where the plan has arenas, a
 * running stage has those in place of the trained tensors, and nobody else sees them.
 */
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';
import { changedTensors, slotShape, type TrainingPlan } from '../../shared/training.ts';
import { type AnyTensor, isOnDevice, release, toHost } from '../device-tensor.ts';
import { runtimeError } from '../errors.ts';
import { LentTensor } from '../lent.ts';
import type { Runner } from '../session.ts';
import { firstNonFinite } from '../weights/dtypes.ts';
import { packed, unpacked } from './arenas.ts';
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
  /** by checkpoint key: what trains, and the buffers that steps update */
  readonly parameters: ReadonlyMap<string, T>;
  /** by slot, then by checkpoint key */
  readonly slots: ReadonlyMap<string, ReadonlyMap<string, T>>;
}

/** A state whose tensors may be on a device. */
export interface LiveState extends TrainState<AnyTensor> {
  /** its tensors are the arenas of this plan, by name */
  readonly packedBy?: Pick<TrainingPlan, 'arenas' | 'trained' | 'buffers'>;
}

/** @param parameters all that `changedTensors` names, by checkpoint key */
export function initialState(plan: TrainingPlan, parameters: ReadonlyMap<string, HostTensor>): TrainState {
  const zeros = (slot: string): Map<string, HostTensor> =>
    new Map(
      plan.trained.map(({ key, shape: own }) => {
        const shape = slotShape(plan, slot, own);
        return [key, { dtype: 'f32', shape, data: new Float32Array(sizeOf(shape)) }];
      }),
    );
  return {
    stage: plan.stage,
    step: 0,
    updates: 0,
    lossScale: initialLossScale(plan.lossScale),
    vanishing: {},
    parameters,
    slots: new Map(plan.slots.map((slot) => [slot, zeros(slot)])),
  };
}

/** @throws RuntimeError R0803 when a state is not one of this plan's stage, parameters and optimiser */
export function checkState(state: TrainState, plan: TrainingPlan): void {
  const { stage, trained, slots } = plan;
  const expect = (what: string, found: string | undefined, expected: string): void => {
    if (found !== expected)
      throw runtimeError('checkpoint_of_another_run', { file: 'the state', what, found: found ?? 'missing', expected });
  };
  expect('stage', state.stage, stage);
  expect('optimiser state', [...state.slots.keys()].join(', '), slots.join(', '));
  for (const [name, tensors] of [['', state.parameters] as const, ...state.slots]) {
    const wanted = name === '' ? changedTensors(plan) : trained;
    for (const { key, shape: own } of wanted) {
      const shape = name === '' ? own : slotShape(plan, name, own);
      const found = tensors.get(key)?.shape.join(', ');
      expect(`${name} ${key}`.trim(), found === undefined ? found : `[${found}]`, `[${shape.join(', ')}]`);
    }
    expect(`number of tensors`, String(tensors.size), String(wanted.length));
  }
}

type Tensors = ReadonlyMap<string, AnyTensor>;

/** @param change is told what the tensors are, for messages: `exp_avg of ` */
async function mapTensors<T extends AnyTensor>(
  { stage, step, updates, lossScale, vanishing, ...state }: LiveState,
  change: (tensors: Tensors, of: string) => Promise<Map<string, T>>,
): Promise<TrainState<T>> {
  const slots = new Map<string, Map<string, T>>();
  for (const [slot, tensors] of state.slots) slots.set(slot, await change(tensors, `${slot} of `));
  return { stage, step, updates, lossScale, vanishing, parameters: await change(state.parameters, ''), slots };
}

/** The buffers among a state's tensors; slots have none. */
function buffersIn<T extends AnyTensor>(
  tensors: ReadonlyMap<string, T>,
  { buffers }: Pick<TrainingPlan, 'buffers'>,
): (readonly [string, T])[] {
  return buffers.flatMap(({ key }) => {
    const tensor = tensors.get(key);
    return tensor ? [[key, tensor] as const] : [];
  });
}

/** The state where the runner computes, as the plan's graphs take it. */
export async function liveState(state: LiveState, runner: Runner, plan: TrainingPlan): Promise<LiveState> {
  const arenas = state.packedBy ? undefined : plan.arenas;
  if (!arenas && !runner.upload) return state;
  const live = await mapTensors(state, async (tensors, of) => {
    const there = new Map<string, AnyTensor>();
    const put = async (name: string, tensor: AnyTensor): Promise<void> => {
      there.set(name, runner.upload ? await runner.upload(tensor, of + name) : tensor);
    };
    for await (const [name, tensor] of arenas ? packed(arenas, tensors) : tensors) await put(name, tensor);
    if (arenas) for (const [name, tensor] of buffersIn(tensors, plan)) await put(name, tensor);
    return there;
  });
  return plan.arenas ? { ...live, packedBy: plan } : live;
}

/**
 * A copy of the state on the host, by checkpoint key; the state itself where it is that already.
 * @throws RuntimeError R0801 when a parameter that comes from a device is not finite: no step has looked at it
 */
export async function hostState(state: LiveState): Promise<TrainState> {
  const own = (tensor: AnyTensor): boolean => !isOnDevice(tensor) && !(tensor instanceof LentTensor);
  const onHost = [...state.parameters.values()].every(own);
  if (onHost && !state.packedBy) return state as TrainState;
  const { packedBy } = state;
  const copy = await mapTensors(state, async (tensors) => {
    const here = new Map<string, HostTensor>();
    for (const [name, tensor] of tensors) here.set(name, await toHost(tensor));
    if (!packedBy?.arenas) return here;
    const pieces = unpacked(packedBy.arenas, here);
    const trained = packedBy.trained.map(({ key }) => [key, pieces.get(key)!] as const);
    return new Map([...trained, ...buffersIn(here, packedBy)]);
  });
  for (const [key, { dtype, data }] of copy.parameters) {
    if (dtype === 'f32' && firstNonFinite(data as Float32Array) >= 0)
      throw runtimeError('not_finite', {
        stage: state.stage,
        step: state.step,
        what: `the update of ${key}`,
        where: undefined,
      });
  }
  return copy;
}

/** Frees what of the state is on a device, or lent. */
export function releaseState({ parameters, slots }: LiveState): void {
  for (const tensors of [parameters, ...slots.values()]) for (const tensor of tensors.values()) release(tensor);
}
