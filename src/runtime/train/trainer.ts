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
import { randomStream } from '../random.ts';
import { type Runner, runKeeping } from '../session.ts';
import { firstNonFinite } from '../weights/dtypes.ts';
import type { DataSource } from './data-source.ts';
import type { LogRecord, StepRecord } from './log.ts';
import { nextLossScale } from './loss-scale.ts';
import { learningRate } from './schedule.ts';
import { hostState, type LiveState, liveState, releaseState, type TrainState } from './state.ts';
import {
  type GradientStatistics,
  readStatistics,
  VANISHING,
  type VanishingOptions,
  watchVanishing,
} from './statistics.ts';

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

/** One step: `accumulate` micro-batches and an update. What of the state is on a device is used up. @throws as `train` */
export async function trainStep(state: LiveState, options: TrainOptions): Promise<LiveState> {
  const { plan, runner } = options;
  const step = state.step + 1;
  const lr = learningRate(plan.schedule, state.step);
  const { scale } = state.lossScale;
  const began = performance.now();
  const sums = await gradients(state, options);
  const { statistics, loss, feeds } = sums;

  const bad = !Number.isFinite(loss)
    ? 'the loss'
    : statistics.firstNonFinite && `the gradient of ${statistics.firstNonFinite}`;
  const overflowed = bad !== undefined && Number.isFinite(loss) && state.lossScale.dynamic && scale > 1;
  if (bad !== undefined && !overflowed) {
    releaseAll(sums.gradients);
    return stop(bad, step, feeds, options);
  }

  const beforeUpdate = performance.now();
  let { parameters, slots } = state;
  if (!overflowed) {
    // torch's clip_grad_norm_: the 1e-6 keeps a zero norm from dividing
    const clip = plan.clip === null ? 1 : Math.min(1, plan.clip / (statistics.norm + 1e-6));
    const updateInputs = {
      ...updateFeeds(plan, state, sums.gradients),
      [PORTS.learningRate]: scalar(lr),
      [PORTS.step]: scalar(state.updates + 1),
      [PORTS.gradientScale]: scalar(clip / (scale * plan.accumulate)),
    };
    const results = await runKeeping(runner, 'update', updateInputs, { keep: 'all' });
    ({ parameters, slots } = updated(plan, results));
    releaseState(state); // what the update did not overwrite
    // on a device they are looked at when they are read: `hostState`
    const broken = brokenKey(plan, parameters);
    if (broken !== undefined) return stop(`the update of ${broken}`, step, feeds, options);
  }
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
  throw runtimeError('R0801', { stage: plan.stage, step, what, where });
}

interface Gradients {
  /** sums over the micro-batches, still under the loss scale */
  readonly gradients: Tensors;
  readonly statistics: GradientStatistics;
  readonly loss: number;
  readonly tokens: number;
  readonly feedSeconds: number;
  /** of the first micro-batch whose loss is not finite, or of the last */
  readonly feeds: AnyTensors;
}

async function gradients(state: LiveState, options: TrainOptions): Promise<Gradients> {
  const { plan, runner } = options;
  const { scale } = state.lossScale;
  let summed: Tensors | undefined;
  let fresh: Tensors | undefined;
  let statistics: HostTensor | undefined;
  let [loss, tokens, feedSeconds] = [0, 0, 0];
  let feeds: AnyTensors = {};
  const held = heldTensors(plan);
  const keep = held.map(({ name }) => PORTS.gradient(name));
  try {
    for (let micro = 0; micro < plan.accumulate; micro++) {
      const index = state.step * plan.accumulate + micro;
      const began = performance.now();
      const batch = await options.data.batch(index);
      feedSeconds += (performance.now() - began) / 1000;
      feeds = gradientFeeds(state, options, batch.feeds, index);
      const results = await runKeeping(runner, 'gradient', feeds, { keep });
      fresh = new Map(held.map(({ name }) => [name, results[PORTS.gradient(name)]!]));
      const counted = plan.countsTokens ? first(results[PORTS.tokens]) : batch.tokens;
      if (plan.countsTokens && counted === 0) {
        throw runtimeError('R0802', { stage: plan.stage, step: state.step + 1, data: options.data.name });
      }
      tokens += counted;
      loss += first(results[PORTS.loss]);
      statistics = results[PORTS.statistics] as HostTensor;
      if (summed) ({ summed, statistics } = await accumulated(options, summed, fresh, scale));
      else summed = fresh;
      fresh = undefined;
      if (!Number.isFinite(loss)) break;
    }
  } catch (error) {
    for (const tensors of [summed, fresh]) if (tensors) releaseAll(tensors);
    throw error;
  }
  return {
    gradients: summed!,
    statistics: readStatistics(plan.trained, statistics!),
    loss: loss / plan.accumulate,
    tokens,
    feedSeconds,
    feeds,
  };
}

async function accumulated(
  { plan, runner }: TrainOptions,
  sums: Tensors,
  fresh: Tensors,
  scale: number,
): Promise<{ summed: Tensors; statistics: HostTensor | undefined }> {
  const feeds: Record<string, AnyTensor> = { [PORTS.inverseScale]: scalar(1 / (scale * plan.accumulate)) };
  const held = heldTensors(plan);
  for (const { name } of held) {
    feeds[PORTS.sum(name)] = sums.get(name)!;
    feeds[PORTS.gradient(name)] = fresh.get(name)!;
  }
  const keep = held.map(({ name }) => PORTS.next(PORTS.sum(name)));
  const results = await runKeeping(runner, 'accumulate', feeds, { keep });
  releaseAll(sums);
  releaseAll(fresh);
  const summed = new Map(held.map(({ name }) => [name, results[PORTS.next(PORTS.sum(name))]!]));
  return { summed, statistics: results[PORTS.statistics] as HostTensor };
}

function gradientFeeds(state: LiveState, { plan, seed }: TrainOptions, batch: Feeds, index: number): AnyTensors {
  const feeds: Record<string, AnyTensor> = { ...batch, [PORTS.lossScale]: scalar(state.lossScale.scale) };
  for (const { name } of heldTensors(plan)) feeds[PORTS.parameter(name)] = state.parameters.get(name)!;
  if (plan.dropout) {
    const word = randomStream(seed, 'dropout').at(index);
    feeds[PORTS.dropoutSeed] = { dtype: 'i64', shape: [], data: BigInt64Array.of(BigInt(word)) };
  }
  return feeds;
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

const first = (tensor: AnyTensor | undefined): number => Number((tensor as HostTensor).data[0]);
const round = (seconds: number): number => Number(seconds.toPrecision(6));

/** The key of a parameter on the host that is not finite. */
function brokenKey(plan: TrainingPlan, parameters: Tensors): string | undefined {
  for (const [name, tensor] of parameters) {
    const element = isOnDevice(tensor) ? -1 : firstNonFinite(tensor.data as Float32Array);
    if (element >= 0) return keyAt(plan, name, element);
  }
  return undefined;
}

function releaseAll(tensors: Tensors): void {
  for (const tensor of tensors.values()) release(tensor);
}

async function hostFeeds(feeds: AnyTensors): Promise<Feeds> {
  const host: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(feeds)) host[name] = await toHost(tensor);
  return host;
}

function scalar(value: number): HostTensor {
  return { dtype: 'f32', shape: [], data: Float32Array.of(value) };
}
