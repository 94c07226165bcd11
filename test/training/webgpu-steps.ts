/** Five steps of AdamW on TinyGPT-V on WebGPU beside those of the authors' code. */
import { expect } from 'vitest';
import { Session } from '../../src/runtime/session.ts';
import {
  hostState,
  initialState,
  type LogRecord,
  type StepRecord,
  type TrainState,
  train,
} from '../../src/runtime/train/index.ts';
import type { Profile } from '../../src/runtime/webgpu/gpu.ts';
import { buildStage, planOf } from '../support/build.ts';
import { readTensors, relativeError } from '../support/reference.ts';
import { backendOf, gpuOf, manifestOf } from '../support/webgpu.ts';
import { tinyBatch, tinyFile, tinyModel, tinyWeights } from './support.ts';

/** @param arenas elements that an arena may have */
export async function expectSteps(name: 'stage1' | 'stage2', profile: Profile, arenas: number): Promise<void> {
  const expected = readTensors(tinyFile('optim'));
  const model = tinyModel(name !== 'stage1');
  const read = tinyWeights(model);
  const stage = model.stages.find((candidate) => candidate.name === name)!;
  const { plan, graphs } = buildStage(model, stage, { lr: 1e-3, arenas })!;
  const device = planOf(graphs);
  const session = Session.open(manifestOf(device), {
    backend: backendOf(await gpuOf(profile), device, async (key) => read(key)),
  });
  const [records, states] = [[] as LogRecord[], [] as TrainState[]];
  await train(initialState(plan, new Map(plan.trained.map(({ key }) => [key, read(key)]))), {
    plan,
    runner: session,
    data: { name: 'fixture', batch: async () => ({ feeds: tinyBatch(), tokens: 1, rows: 2 }) },
    steps: 5,
    seed: 0,
    onRecord: (record) => void records.push(record),
    onState: async (state) => {
      states.push(await hostState(state));
    },
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
