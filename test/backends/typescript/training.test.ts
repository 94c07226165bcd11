/**
 * A module that trains: what tsc accepts and refuses, and that its steps in Node are those of `mdl train`, on the same
 * backend to the bit and on ONNX Runtime closely.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type HostTensor, openCheckpoint } from '../../../src/runtime/index.ts';
import type { TrainStepOptions, TrainStepResult } from '../../../src/runtime/webgpu/index.ts';
import type { WebGpuPlan } from '../../../src/shared/webgpu.ts';
import { mdl } from '../../cli/support.ts';
import { unavailable } from '../../support/adapter.ts';
import { buildWebGpu } from '../../support/build.ts';
import { compileOk, memory } from '../../support/project.ts';
import { relativeError } from '../../support/reference.ts';
import { MICRO, micro, microBatch, microFolder } from '../../training/support.ts';
import { bundle, folderOf, generated, typeErrors } from './support.ts';

/** The plan with a stage of the micro model, whose stage one has no LoRA. */
function staged(name: 'one' | 'two'): WebGpuPlan {
  const model = micro(name === 'one' ? [{ name: 'lora', text: 'false' }] : []);
  return buildWebGpu(model, { stage: model.stages.find((stage) => stage.name === name)! })!;
}

interface Model {
  trainStep(batch: unknown, options?: TrainStepOptions): Promise<TrainStepResult>;
  trainedWeights(): Promise<ReadonlyMap<string, HostTensor>>;
  loss(inputs: unknown): Promise<{ loss: HostTensor }>;
  dispose(): Promise<void>;
}

describe('types', () => {
  it('a step takes the inputs of the loss entry', () => {
    const program = `
import { createMicro, type TrainBatch } from './micro.js';

const model = await createMicro(undefined, 'weights.safetensors');
const x = { dtype: 'f32', shape: [1, 8], data: new Float32Array(8) } as const;
const labels = { dtype: 'i32', shape: [1], data: new Int32Array(1) } as const;
const batch: TrainBatch = { x, labels };
const { loss, gradNorm, step, skipped } = await model.trainStep(batch, { lr: 1e-3, seed: 7 });
const numbers: number[] = [loss, gradNorm, step];
const trained = await model.trainedWeights();
console.log(numbers, skipped satisfies boolean, trained.get('head.weight')?.data.length);
await model.loss(batch);
const state = await model.trainingState();
await model.resumeTraining(structuredClone(state));

// REFUSED: a state is more than weights
await model.resumeTraining(trained);
// REFUSED: the labels are missing
await model.trainStep({ x });
// REFUSED: another dtype
await model.trainStep({ x, labels: x });
// REFUSED: this stage does not accumulate
await model.trainStep([batch]);
// REFUSED: no such option
await model.trainStep(batch, { rate: 1 });
// REFUSED: graphs of training are no methods
await model.gradient({});
`;
    expect(typeErrors(generated(staged('one')), program.replaceAll('REFUSED:', `@ts-expect-${'error'}`))).toBe('');
  });

  it('a list of micro-batches where the stage accumulates, and nothing where there is no stage', () => {
    const declarations = generated(staged('two')).files.get('micro.d.ts')!;
    expect(declarations).toContain('readonly trainStep: (batch: readonly TrainBatch[], options?');
    const plain = generated(buildWebGpu(micro())!);
    for (const text of plain.files.values()) expect(text).not.toMatch(/trainStep|ModelTrainer|TrainBatch/);
  });
});

it('the plan has the graphs of the stage, which update parameters in place', () => {
  const { entries, training } = staged('two');
  expect(Object.keys(entries)).toEqual(['loss', 'gradient', 'accumulate', 'update']);
  expect(training).toMatchObject({ stage: 'two', accumulate: 2, slots: ['exp_avg', 'exp_avg_sq'] });
  const donated = entries.update!.buffers.filter((buffer) => buffer.kind === 'output' && buffer.donated !== undefined);
  expect(training!.arenas).toHaveLength(1);
  expect(donated).toHaveLength(3);
  expect(Object.keys(staged('one').entries)).toEqual(['loss', 'gradient', 'update']);
});

it('an entry may not have the name of one of them', () => {
  const source = MICRO.replace(
    '\nadapt first',
    `\nstage three {\n  train head\n  schedule constant(lr = 1)\n}\n\nadapt first`,
  );
  const model = compileOk('m.mdl', memory({ 'm.mdl': source.replace('entry loss', ENTRY) }));
  const stage = model.stages.find(({ name }) => name === 'three')!;
  expect(() => buildWebGpu(model, { stage })).toThrow('the entry update has the name of a graph of training');
  expect(buildWebGpu(model, { stage, entries: ['loss'] })!.entries).toHaveProperty('update');
});
const ENTRY = 'entry update(x: [B, d]) -> (y: [B, d]) { first(x) }\n\n  entry loss';

describe.skipIf(unavailable)('on a device', () => {
  // the count of batches is read by no entry but the gradient
  const normed = MICRO.replace(/import \{/, 'import { BatchNorm1d,')
    .replace('  head = ', '  bn = BatchNorm1d(d)\n  head = ')
    .replace('head(h)', 'head(bn(relu(h)))');
  it.each([
    ['one', MICRO],
    ['two', MICRO],
    ['two', normed],
  ])('three steps of stage %s are those of mdl train', async (stage, source) => {
    const { folder } = microFolder(microBatch(), source);
    const settings = ['micro.mdl', '--init', '1', '--stage', stage];
    const compiled = await mdl(folder, 'compile', ...settings, '--entry', 'loss', '--target', 'webgpu', '--out', 'out');
    expect(compiled).toMatchObject({ code: 0, stderr: '' });
    const out = join(folder, 'out');
    const texts = readdirSync(out).filter((name) => name.endsWith('.js'));
    const module = folderOf(new Map(texts.map((name) => [name, readFileSync(join(out, name), 'utf8')])));
    await bundle(module, 'micro.js', 'node');
    const { createMicro } = (await import(pathToFileURL(join(module, 'bundle.mjs')).href)) as {
      createMicro: (device: undefined, weights: string) => Promise<Model>;
    };
    const model = await createMicro(undefined, join(out, 'weights.safetensors'));
    const batch = microBatch();
    const given = stage === 'two' ? [batch, batch] : batch;
    const before = await model.loss(batch);
    // not awaited one by one: calls wait for those before
    const steps = await Promise.all([1, 2, 3].map(() => model.trainStep(given)));
    expect(steps.map(({ step, skipped }) => [step, skipped])).toEqual([1, 2, 3].map((step) => [step, false]));
    expect(steps[2]!.loss).toBeLessThan(steps[0]!.loss);
    const trained = await model.trainedWeights();
    expect(await model.loss(batch)).toEqual(before); // entries keep the weights they were opened with

    for (const [backend, most] of [
      ['webgpu', 0],
      ['onnx', 1e-5],
    ] as const) {
      const files = ['--batch', 'batch.safetensors', '--log', `${backend}.jsonl`, '--save', `${backend}.safetensors`];
      const ran = await mdl(folder, 'train', ...settings, '--steps', '3', '--backend', backend, ...files);
      expect(ran.code, ran.stderr).toBe(0);
      const log = readFileSync(join(folder, `${backend}.jsonl`), 'utf8')
        .trim()
        .split('\n');
      const records = log.map((line) => JSON.parse(line) as { loss: number; grad_norm: number });
      expect(
        relativeError(
          steps.map(({ loss }) => loss),
          records.map(({ loss }) => loss),
        ),
      ).toBeLessThanOrEqual(most);
      const norms = [steps.map(({ gradNorm }) => gradNorm), records.map((record) => record.grad_norm)] as const;
      expect(relativeError(...norms)).toBeLessThanOrEqual(most);
      const saved = await openCheckpoint(join(folder, `${backend}.safetensors`));
      for (const [key, { data }] of trained)
        expect(relativeError(data, (await saved.read(key)).data), key).toBeLessThanOrEqual(10 * most);
      await saved.close();
    }

    expect(await model.trainStep(given, { lr: 0 })).toMatchObject({ step: 4 });
    const counts = { one: 'takes 1 batch and was given 3', two: 'takes 2 batches and was given 3' };
    await expect(model.trainStep([batch, batch, batch])).rejects.toThrow(counts[stage as 'one' | 'two']);
    await model.dispose();
  });
});
