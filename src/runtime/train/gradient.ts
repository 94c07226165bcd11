/** The gradient of a step, over all of its micro-batches: one run of the gradient graph for each, summed by their weights. */
import type { HostTensor } from '../../shared/tensor.ts';
import { heldTensors, PORTS, type TrainingPlan } from '../../shared/training.ts';
import { type AnyTensor, type AnyTensors, release } from '../device-tensor.ts';
import { runtimeError } from '../errors.ts';
import { randomStream } from '../random.ts';
import { type Runner, runKeeping } from '../session.ts';
import type { DataSource } from './data-source.ts';
import type { LiveState } from './state.ts';
import { type GradientStatistics, readStatistics } from './statistics.ts';

type Tensors = ReadonlyMap<string, AnyTensor>;

export interface StepGradient {
  /** sums over the micro-batches, still under the loss scale */
  readonly gradients: Tensors;
  /** as the last micro-batch left them, by checkpoint key */
  readonly buffers: Tensors;
  /** what divides the sums, beside the loss scale */
  readonly divisor: number;
  readonly statistics: GradientStatistics;
  readonly loss: number;
  /** by name, of the plan's `metrics` */
  readonly metrics: Readonly<Record<string, number>>;
  readonly tokens: number;
  readonly feedSeconds: number;
  /** of the first micro-batch whose loss is not finite, or of the last */
  readonly feeds: AnyTensors;
}

interface Options {
  readonly plan: TrainingPlan;
  readonly runner: Runner;
  readonly data: DataSource;
  readonly seed: number;
}

/** Gradients so far: Σ weight · gradient / first, where `first` is the weight that the first one has not been given yet. */
interface Sum {
  readonly tensors: Tensors;
  readonly weight: number;
  readonly first: number;
  readonly statistics: HostTensor;
}

/** @throws RuntimeError R0802 when no label counts, in a micro-batch that is to count as much as the others or in all */
export async function stepGradient(state: LiveState, options: Options): Promise<StepGradient> {
  const { plan, runner } = options;
  const { combine } = plan;
  let sum: Sum | undefined;
  let fresh: Tensors | undefined;
  let [lossSum, tokens, feedSeconds] = [0, 0, 0];
  const metrics = new MeanByRows(plan.metrics ?? []);
  let feeds: AnyTensors = {};
  const noLabels = (): Error =>
    runtimeError('no_labels', { stage: plan.stage, step: state.step + 1, data: options.data.name });
  const held = heldTensors(plan);
  const keep = [...held.map(({ name }) => PORTS.gradient(name)), ...plan.buffers.map(({ key }) => PORTS.updated(key))];
  // each micro-batch goes on from the one before, as each forward of a training loop does
  let buffers: Tensors = new Map(plan.buffers.map(({ key }) => [key, state.parameters.get(key)!]));
  let ownsBuffers = false;
  try {
    for (let micro = 0; micro < plan.accumulate; micro++) {
      const index = state.step * plan.accumulate + micro;
      const began = performance.now();
      const batch = await options.data.batch(index);
      feedSeconds += (performance.now() - began) / 1000;
      feeds = gradientFeeds(state, buffers, options, batch.feeds, index);
      const results = await runKeeping(runner, 'gradient', feeds, { keep, borrow: true });
      fresh = new Map(held.map(({ name }) => [name, results[PORTS.gradient(name)]!]));
      const before = buffers;
      buffers = new Map(plan.buffers.map(({ key }) => [key, results[PORTS.updated(key)]!]));
      if (ownsBuffers) releaseAll(before);
      ownsBuffers = true;
      const counted = plan.countsTokens ? first(results[PORTS.tokens]) : batch.tokens;
      if (plan.countsTokens && counted === 0 && combine !== 'weighted') throw noLabels();
      tokens += counted;
      const weight = combine === 'weighted' ? first(results[PORTS.weight]) : 1;
      if (weight === 0) {
        // a mean over nothing is NaN, and no part of the whole
        releaseAll(fresh);
        fresh = undefined;
        continue;
      }
      lossSum += weight * first(results[PORTS.loss]);
      metrics.add((name) => first(results[PORTS.metric(name)]), batch.rows);
      const statistics = results[PORTS.statistics] as HostTensor;
      if (sum) sum = await added(options, sum, fresh, weight, state.lossScale.scale);
      else sum = { tensors: fresh, weight, first: weight, statistics };
      fresh = undefined;
      if (!Number.isFinite(lossSum)) break;
    }
    if (!sum) throw noLabels();
  } catch (error) {
    for (const tensors of [sum?.tensors, fresh, ownsBuffers ? buffers : undefined]) if (tensors) releaseAll(tensors);
    throw error;
  }
  return {
    gradients: sum.tensors,
    buffers,
    divisor: divisorOf(plan, sum),
    statistics: readStatistics(plan.trained, sum.statistics),
    loss: combine === 'sum' ? lossSum : lossSum / sum.weight,
    metrics: metrics.means(),
    tokens,
    feedSeconds,
    feeds,
  };
}

/** Means of numbers that belong together, by the rows that each is of; every batch counts the same where rows are not known. */
class MeanByRows {
  private readonly names: readonly string[];
  private readonly sums: number[];
  private rows = 0;

  constructor(names: readonly string[]) {
    this.names = names;
    this.sums = names.map(() => 0);
  }

  add(numberOf: (name: string) => number, rows: number): void {
    const weight = rows > 0 ? rows : 1;
    for (const [i, name] of this.names.entries()) this.sums[i]! += weight * numberOf(name);
    this.rows += weight;
  }

  means(): Record<string, number> {
    return Object.fromEntries(this.names.map((name, i) => [name, this.sums[i]! / this.rows]));
  }
}

/** What makes the sum of weighted gradients the gradient of the step. */
const divisorOf = ({ combine }: TrainingPlan, { weight, first }: Pick<Sum, 'weight' | 'first'>): number =>
  combine === 'sum' ? 1 : weight / first;

async function added(
  { plan, runner }: Options,
  sum: Sum,
  fresh: Tensors,
  gradientWeight: number,
  lossScale: number,
): Promise<Sum> {
  const weighed = { weight: sum.weight + gradientWeight, first: 1 };
  const feeds: Record<string, AnyTensor> = {
    [PORTS.sumWeight]: scalar(sum.first),
    [PORTS.gradientWeight]: scalar(gradientWeight),
    [PORTS.inverseScale]: scalar(1 / (lossScale * divisorOf(plan, weighed))),
  };
  const held = heldTensors(plan);
  for (const { name } of held) {
    feeds[PORTS.sum(name)] = sum.tensors.get(name)!;
    feeds[PORTS.gradient(name)] = fresh.get(name)!;
  }
  const keep = held.map(({ name }) => PORTS.next(PORTS.sum(name)));
  const results = await runKeeping(runner, 'accumulate', feeds, { keep, borrow: true });
  releaseAll(sum.tensors);
  releaseAll(fresh);
  const tensors = new Map(held.map(({ name }) => [name, results[PORTS.next(PORTS.sum(name))]!]));
  return { ...weighed, tensors, statistics: results[PORTS.statistics] as HostTensor };
}

function gradientFeeds(
  state: LiveState,
  buffers: Tensors,
  { plan, seed }: Options,
  batch: Readonly<Record<string, HostTensor>>,
  index: number,
): AnyTensors {
  const feeds: Record<string, AnyTensor> = { ...batch, [PORTS.lossScale]: scalar(state.lossScale.scale) };
  for (const { name } of heldTensors(plan)) feeds[PORTS.parameter(name)] = state.parameters.get(name)!;
  for (const [key, tensor] of buffers) feeds[PORTS.buffer(key)] = tensor;
  if (plan.dropout) {
    const word = randomStream(seed, 'dropout').at(index);
    feeds[PORTS.dropoutSeed] = { dtype: 'i64', shape: [], data: BigInt64Array.of(BigInt(word)) };
  }
  return feeds;
}

const first = (tensor: AnyTensor | undefined): number => Number((tensor as HostTensor).data[0]);

export function releaseAll(tensors: Tensors): void {
  for (const tensor of tensors.values()) release(tensor);
}

export function scalar(value: number): HostTensor {
  return { dtype: 'f32', shape: [], data: Float32Array.of(value) };
}
