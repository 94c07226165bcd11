/** A stage run on each engine: the interpreter, ONNX Runtime at both opsets, WebGPU. */

import type { Model } from '../../src/compiler/elaborate/model.ts';
import type { Graphs } from '../../src/compiler/graphs.ts';
import type { PlanOptions } from '../../src/compiler/training/plan.ts';
import { openGraphs } from '../../src/compiler/workbench/session.ts';
import type { WeightProvider } from '../../src/compiler/workbench/weights/provider.ts';
import { Session } from '../../src/runtime/session.ts';
import { initialState, type StepRecord, type TrainState, train } from '../../src/runtime/train/index.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { changedTensors, type TrainingPlan } from '../../src/shared/training.ts';
import { unavailable } from '../support/adapter.ts';
import { buildStage, planOf, STAGE_ON_DEVICE } from '../support/build.ts';
import { backendOf, gpuOf, manifestOf } from '../support/webgpu.ts';

export const ENGINES = ['reference', 'onnx 17', 'onnx 23', ...(unavailable ? [] : ['webgpu'])];

type Feeds = Readonly<Record<string, HostTensor>>;

export interface Run {
  readonly stage: string;
  /** values by checkpoint key, for every parameter and buffer */
  readonly weights: (key: string) => HostTensor;
  /** by micro-batch, again from the first after the last */
  readonly batches: readonly Feeds[];
  readonly steps: number;
  readonly options?: PlanOptions;
  /** where to go on */
  readonly from?: TrainState;
}

export interface Ran {
  readonly plan: TrainingPlan;
  readonly records: readonly StepRecord[];
  readonly state: TrainState;
}

/** Trains a stage from the weights (or a state) to its last step. */
export async function runStageOn(engine: string, model: Model, run: Run): Promise<Ran> {
  const stage = model.stages.find(({ name }) => name === run.stage)!;
  const onDevice = engine === 'webgpu' ? STAGE_ON_DEVICE : {};
  const { plan, graphs } = buildStage(model, stage, { ...onDevice, ...run.options })!;
  const provider = providerOf(run.weights);
  const session = await openEngine(engine, graphs, provider);
  const records: StepRecord[] = [];
  try {
    const start =
      run.from ?? initialState(plan, new Map(changedTensors(plan).map(({ key }) => [key, run.weights(key)])));
    const state = await train(start, {
      plan,
      runner: session,
      data: {
        name: 'the batches of the test',
        batch: async (index) => ({ feeds: run.batches[index % run.batches.length]!, tokens: 0, rows: 0 }),
      },
      steps: run.steps,
      seed: 0,
      onRecord: (record) => {
        if ('loss' in record) records.push(record);
      },
    });
    return { plan, records, state };
  } finally {
    await session.dispose();
  }
}

export async function openEngine(engine: string, graphs: Graphs, provider: WeightProvider): Promise<Session> {
  if (engine !== 'webgpu') {
    const backend = engine === 'reference' ? 'reference' : 'onnx';
    return openGraphs(graphs, provider, { backend, opset: engine.endsWith('23') ? 23 : 17 });
  }
  const device = planOf(graphs);
  return Session.open(manifestOf(device), {
    backend: backendOf(await gpuOf('software'), device, (key) => provider.read(key)),
  });
}

export function providerOf(read: (key: string) => HostTensor): WeightProvider {
  return {
    origin: 'test',
    trained: true,
    read: async (key) => read(key),
    async *chunks(key) {
      const { data } = read(key);
      yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    },
    close: async () => {},
  };
}
