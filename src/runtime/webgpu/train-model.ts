/**
 * Training of a generated module: one step per call, over the state that the calls before left on the device.
 *
 * The trainer of src/runtime/train does the work; this holds its state, starts it from the model's weights, and puts
 * calls in order, because each step uses up the state before it.
 */
import type { HostTensor } from '../../shared/tensor.ts';
import { changedTensors, type TrainingPlan } from '../../shared/training.ts';
import { runtimeError } from '../errors.ts';
import type { AnyFeeds } from '../feeds.ts';
import type { Session } from '../session.ts';
import type { Batch } from '../train/data-source.ts';
import type { StepRecord } from '../train/log.ts';
import {
  checkState,
  hostState,
  initialState,
  type LiveState,
  liveState,
  releaseState,
  type TrainState,
} from '../train/state.ts';
import { trainStep } from '../train/trainer.ts';
import { readWeight, type Weights } from './stored.ts';

export interface TrainStepOptions {
  /** a learning rate for this step instead of the stage's schedule */
  readonly lr?: number;
  /** of the dropout masks, which differ from step to step; 0 by default */
  readonly seed?: number;
}

export interface TrainStepResult {
  /** before the update; the mean over the micro-batches */
  readonly loss: number;
  /** before clipping */
  readonly gradNorm: number;
  /** from 1 */
  readonly step: number;
  /** the gradient overflowed under the loss scale, and nothing was updated */
  readonly skipped: boolean;
}

export class ModelTrainer {
  private readonly session: Session;
  private readonly plan: TrainingPlan;
  private readonly weights: Weights;
  private state: LiveState | undefined;
  /** the last call; the next begins when it has settled */
  private queue: Promise<unknown> = Promise.resolve();

  /** @param plan the session's plan or manifest; its `training` is there */
  constructor(session: Session, plan: { readonly training: TrainingPlan }, weights: Weights) {
    this.session = session;
    this.plan = plan.training;
    this.weights = weights;
  }

  /**
   * One step: gradient, clip and update.
   * @param batch inputs of the loss entry; a list of as many as the stage accumulates, where it does
   * @throws RuntimeError R0801, R0802, R0806, R1008 (after the loss of a device), R02xx for the batch's tensors
   */
  step(batch: object | readonly object[], options: TrainStepOptions = {}): Promise<TrainStepResult> {
    const batches = (Array.isArray(batch) ? batch : [batch]) as readonly AnyFeeds[];
    return this.inOrder(async () => {
      const { stage, accumulate, schedule } = this.plan;
      if (batches.length !== accumulate)
        throw runtimeError('batch_count', { stage, found: batches.length, expected: accumulate });
      const { lr, seed = 0 } = options;
      const plan: TrainingPlan =
        lr === undefined
          ? this.plan
          : { ...this.plan, schedule: { kind: 'constant', iters: schedule.iters, epochs: schedule.epochs, lr } };
      const state = await this.started();
      const done: StepRecord[] = [];
      this.state = await trainStep(state, {
        plan,
        runner: this.session,
        // the session takes what it takes elsewhere: 32-bit integers and tensors on the device as well
        data: {
          name: 'the batch given',
          batch: async (index) => ({ feeds: batches[index % accumulate] as Batch['feeds'], tokens: 0, rows: 0 }),
        },
        steps: state.step + 1,
        seed,
        onRecord: (record) => {
          if ('loss' in record) done.push(record);
        },
      });
      const { loss, grad_norm: gradNorm, step, skipped = false } = done[0]!;
      return { loss, gradNorm, step, skipped };
    });
  }

  /** Copies of the trained tensors and of updated buffers, by checkpoint key. @throws RuntimeError R0801 when one is not finite, R1008 */
  trained(): Promise<ReadonlyMap<string, HostTensor>> {
    return this.inOrder(async () => (await hostState(await this.started())).parameters);
  }

  /** A copy of the state on the host: parameters, optimiser, loss scale, counts. @throws as `trained` */
  save(): Promise<TrainState> {
    return this.inOrder(async () => hostState(await this.started()));
  }

  /**
   * Goes on from a state that `save` gave, as if nothing had come between.
   * @throws RuntimeError R0803 when it is of another stage or other weights
   */
  resume(saved: TrainState): Promise<void> {
    return this.inOrder(async () => {
      checkState(saved, this.plan);
      const state = await liveState(saved, this.session, this.plan);
      if (this.state) releaseState(this.state);
      this.state = state;
    });
  }

  /** Frees the state, once the calls before are done; the session stays. */
  dispose(): Promise<void> {
    return this.inOrder(async () => {
      if (this.state) releaseState(this.state);
      this.state = undefined;
    });
  }

  /** The state, from the model's weights at the first call. */
  private async started(): Promise<LiveState> {
    if (this.state) return this.state;
    const parameters = new Map<string, HostTensor>();
    for (const tensor of changedTensors(this.plan)) parameters.set(tensor.key, await readWeight(this.weights, tensor));
    this.state = await liveState(initialState(this.plan, parameters), this.session, this.plan);
    return this.state;
  }

  private inOrder<T>(work: () => Promise<T>): Promise<T> {
    const next = this.queue.then(work);
    this.queue = next.catch(() => undefined);
    return next;
  }
}
