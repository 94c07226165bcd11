/** Five steps of AdamW on TinyGPT-V as the released code takes them: losses, and parameters after steps 1, 2 and 5. */
import { describe, expect, test } from 'vitest';
import { openGraphs } from '../../src/compiler/workbench/session.ts';
import type { WeightProvider } from '../../src/compiler/workbench/weights/provider.ts';
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

const expected = readTensors(tinyFile('optim'));

function providerOf(read: (key: string) => HostTensor): WeightProvider {
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

const TARGETS = [
  { backend: 'reference', opset: 17 },
  { backend: 'onnx', opset: 17 },
  { backend: 'onnx', opset: 23 },
] as const;

describe.each(['stage1', 'stage2'])('%s', (name) => {
  test.each(TARGETS)('on $backend, opset $opset', async ({ backend, opset }) => {
    const model = tinyModel(name !== 'stage1');
    const read = tinyWeights(model);
    const stage = model.stages.find((candidate) => candidate.name === name)!;
    const { plan, graphs } = buildStage(model, stage, { lr: 1e-3 })!;
    const session = await openGraphs(graphs, providerOf(read), { backend, opset });
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
        expect(
          relativeError(found.data, expected.get(`${name}/step${step}/${key}`)!.data),
          `step ${step} ${key}`,
        ).toBeLessThan(2e-5);
      }
    }
  });
});
