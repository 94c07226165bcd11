/** Five steps of AdamW on TinyGPT-V as the released code takes them: losses, and parameters after steps 1, 2 and 5. */
import { expect } from 'vitest';
import type { Graphs } from '../../src/compiler/graphs.ts';
import type { PlanOptions } from '../../src/compiler/training/plan.ts';
import type { Session } from '../../src/runtime/session.ts';
import {
  hostState,
  initialState,
  type LogRecord,
  type StepRecord,
  type TrainState,
  train,
} from '../../src/runtime/train/index.ts';
import type { HostTensor } from '../../src/shared/tensor.ts';
import { buildStage } from '../support/build.ts';
import { readTensors, relativeError } from '../support/reference.ts';
import { tinyBatch, tinyFile, tinyModel, tinyWeights } from './support.ts';

export type Read = (key: string) => HostTensor;

export async function expectAdamW(
  name: 'stage1' | 'stage2',
  options: Pick<PlanOptions, 'arenas'>,
  open: (graphs: Graphs, read: Read) => Promise<Session>,
): Promise<void> {
  const expected = readTensors(tinyFile('optim'));
  const model = tinyModel(name !== 'stage1');
  const read = tinyWeights(model);
  const stage = model.stages.find((candidate) => candidate.name === name)!;
  const { plan, graphs } = buildStage(model, stage, { lr: 1e-3, ...options })!;
  const session = await open(graphs, read);
  const [records, states] = [[] as LogRecord[], [] as TrainState[]];
  const feeds = tinyBatch();
  await train(initialState(plan, new Map(plan.trained.map(({ key }) => [key, read(key)]))), {
    plan,
    runner: session,
    data: { name: 'fixture', batch: async () => ({ feeds, tokens: 1, rows: 2 }) },
    steps: 5,
    seed: 0,
    onRecord: (record) => void records.push(record),
    onState: async (state) => void states.push(await hostState(state)),
  });
  await session.dispose();
  const losses = records.map((record) => (record as StepRecord).loss);
  expect(relativeError(losses, expected.get(`${name}/losses`)!.data)).toBeLessThan(2e-6);
  for (const step of [1, 2, 5]) {
    for (const { key } of plan.trained) {
      const found = states[step - 1]!.parameters.get(key)!;
      const want = expected.get(`${name}/step${step}/${key}`)!.data;
      expect(relativeError(found.data, want), `step ${step} ${key}`).toBeLessThan(2e-5);
    }
  }
}
