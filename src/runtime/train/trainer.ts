/**
 * The loop of a stage: batch → gradient graph → clip → update graph, with everything that changes in one TrainState.
 *
 * A step is a function of (state, step): its batch, its dropout masks and its learning rate depend on nothing else. So
 * a run that is killed and resumed from a checkpoint gives the same bytes as one that was left alone.
 *
 * On a backend with a device the parameters, the optimiser's state and the gradients stay there; a step reads its loss,
 * its count of tokens and its statistics.
 */
import type { HostTensor } from '../../shared/tensor.ts';
import { heldTensors, keyAt, PORTS, type TrainingPlan } from '../../shared/training.ts';
import { type AnyTensor, type AnyTensors, isOnDevice, release, toHost } from '../device-tensor.ts';
import { runtimeError } from '../errors.ts';
import { type Runner, runKeeping } from '../session.ts';
import { firstNonFinite } from '../weights/dtypes.ts';
import type { DataSource } from './data-source.ts';
import { releaseAll, scalar, stepGradient } from './gradient.ts';
import type { LogRecord, StepRecord } from './log.ts';
import { nextLossScale } from './loss-scale.ts';
import { learningRate } from './schedule.ts';
import { hostState, type LiveState, liveState, releaseState, type TrainState } from './state.ts';
import { VANISHING, type VanishingOptions, watchVanishing } from './statistics.ts';

type Feeds = Readonly<Record<string, HostTensor>>;
type Tensors = ReadonlyMap<string, AnyTensor>;

export interface TrainOptions {
  readonly plan: TrainingPlan;
  /** has the entries gradient, update and, where the plan accumulates, accumulate */
  readonly runner: Runner;
  readonly data: DataSource;
  /** steps of the stage in all, those done before a resume included */
  readonly steps: number;
  /** of the dropout masks; an integer from 0 to 2^53 − 1 */
  readonly seed: number;
  readonly vanishing?: VanishingOptions;
  /** stops after the step that is under way */
  readonly signal?: AbortSignal;
  /** called in order; awaited before the next step begins */
  readonly onRecord?: (record: LogRecord) => void | Promise<void>;
  /** called after each step with the state it left; `hostState` copies it where it is on a device */
  readonly onState?: (state: LiveState) => void | Promise<void>;
  /** finds the first value that is not finite, from the feeds of the gradient graph: `sqrt of ln_vision (…)` */
  readonly diagnose?: (feeds: Feeds) => Promise<string | undefined>;
}

/**
 * Trains from a state to the last step, or until the signal.
 * @returns the state after the last step done
 * @throws RuntimeError R0801 when the loss or a gradient is not finite, R0802 when a batch has no labels
 */
export async function train(start: LiveState, options: TrainOptions): Promise<TrainState> {
  let state = await liveState(start, options.runner, options.plan);
  try {
    while (state.step < options.steps && !options.signal?.aborted) {
      state = await trainStep(state, options);
      await options.onState?.(state);
    }
    return await hostState(state);
  } finally {
    if (state !== start) releaseState(state);
  }
}

/** One step: `accumulate` micro-batches and an update. What of the state is on a device, or lent, is used up. @throws as `train` */
export async function trainStep(state: LiveState, options: TrainOptions): Promise<LiveState> {
  const { plan, runner } = options;
  const step = state.step + 1;
  const lr = learningRate(plan.schedule, state.step);
  const { scale } = state.lossScale;
  const began = performance.now();
  const sums = await stepGradient(state, options);
  const { statistics, loss, feeds } = sums;

  const bad = !Number.isFinite(loss)
    ? 'the loss'
    : statistics.firstNonFinite && `the gradient of ${statistics.firstNonFinite}`;
  const overflowed = bad !== undefined && Number.isFinite(loss) && state.lossScale.dynamic && scale > 1;
  if (bad !== undefined && !overflowed) {
    for (const tensors of [sums.gradients, sums.buffers]) releaseAll(tensors);
    return stop(bad, step, feeds, options);
  }

  const beforeUpdate = performance.now();
  // a step that is skipped has run its forward part all the same, which is what buffers follow
  let parameters: Tensors = new Map([...state.parameters, ...sums.buffers]);
  let { slots } = state;
  if (!overflowed) {
    // torch's clip_grad_norm_: the 1e-6 keeps a zero norm from dividing
    const clip = plan.clip === null ? 1 : Math.min(1, plan.clip / (statistics.norm + 1e-6));
    const updateInputs = {
      ...updateFeeds(plan, state, sums.gradients),
      [PORTS.learningRate]: scalar(lr),
      [PORTS.step]: scalar(state.updates + 1),
      [PORTS.gradientScale]: scalar(clip / (scale * sums.divisor)),
    };
    const results = await runKeeping(runner, 'update', updateInputs, { keep: 'all', borrow: true });
    const next = updated(plan, results);
    ({ slots } = next);
    parameters = new Map([...next.parameters, ...sums.buffers]);
    // on a device they are looked at when they are read: `hostState`
    const broken = brokenKey(plan, parameters);
    if (broken !== undefined) return stop(`the update of ${broken}`, step, feeds, options);
    releaseState(state); // what the update did not overwrite
  } else for (const { key } of plan.buffers) release(state.parameters.get(key)!);
  releaseAll(sums.gradients);
  const ended = performance.now();

  const { runs, vanished } = overflowed
    ? { runs: state.vanishing, vanished: [] }
    : watchVanishing(state.vanishing, statistics, options.vanishing ?? VANISHING);
  const record: StepRecord = {
    stage: plan.stage,
    step,
    loss,
    lr,
    grad_norm: statistics.norm,
    tokens: sums.tokens,
    tokens_per_second: round(sums.tokens / ((ended - began) / 1000)),
    seconds: {
      feed: round(sums.feedSeconds),
      step: round((beforeUpdate - began) / 1000 - sums.feedSeconds),
      update: round((ended - beforeUpdate) / 1000),
    },
    loss_scale: scale,
    ...(plan.metrics ? { metrics: sums.metrics } : {}),
    ...(overflowed ? { skipped: true as const } : {}),
    layers: statistics.layers,
  };
  await options.onRecord?.(record);
  for (const layer of vanished) {
    const { threshold, patience } = options.vanishing ?? VANISHING;
    const detail = `the gradient norm of ${layer} has been below ${threshold} for ${patience} steps`;
    await options.onRecord?.({ stage: plan.stage, step, event: 'vanishing', detail });
  }
  return {
    stage: state.stage,
    step,
    updates: state.updates + (overflowed ? 0 : 1),
    lossScale: nextLossScale(state.lossScale, overflowed),
    vanishing: runs,
    parameters,
    slots,
    ...(state.packedBy ? { packedBy: state.packedBy } : {}),
  };
}

/** @throws RuntimeError R0801, always */
async function stop(
  what: string,
  step: number,
  feeds: AnyTensors,
  { plan, diagnose, onRecord }: TrainOptions,
): Promise<never> {
  const where = diagnose && (await diagnose(await hostFeeds(feeds)));
  const detail = where === undefined ? what : `${what}: ${where}`;
  await onRecord?.({ stage: plan.stage, step, event: 'non_finite', detail });
  throw runtimeError('not_finite', { stage: plan.stage, step, what, where });
}

function updateFeeds(plan: TrainingPlan, state: LiveState, sums: Tensors): Record<string, AnyTensor> {
  const feeds: Record<string, AnyTensor> = {};
  for (const { name } of heldTensors(plan)) {
    feeds[PORTS.parameter(name)] = state.parameters.get(name)!;
    feeds[PORTS.gradient(name)] = sums.get(name)!;
    for (const slot of plan.slots) feeds[PORTS.state(slot, name)] = state.slots.get(slot)!.get(name)!;
  }
  return feeds;
}

function updated(plan: TrainingPlan, results: AnyTensors): Pick<LiveState, 'parameters' | 'slots'> {
  const next = (portOf: (name: string) => string): Tensors =>
    new Map(heldTensors(plan).map(({ name }) => [name, results[PORTS.next(portOf(name))]!]));
  const slots = plan.slots.map((slot) => [slot, next((name) => PORTS.state(slot, name))] as const);
  return { parameters: next(PORTS.parameter), slots: new Map(slots) };
}

const round = (seconds: number): number => Number(seconds.toPrecision(6));

/** The key of a parameter on the host that is not finite. */
function brokenKey(plan: TrainingPlan, parameters: Tensors): string | undefined {
  for (const [name, tensor] of parameters) {
    const element = isOnDevice(tensor) || tensor.dtype !== 'f32' ? -1 : firstNonFinite(tensor.data as Float32Array);
    if (element >= 0) return keyAt(plan, name, element);
  }
  return undefined;
}

async function hostFeeds(feeds: AnyTensors): Promise<Feeds> {
  const host: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(feeds)) host[name] = await toHost(tensor);
  return host;
}
