/** The gradients of TinyGPT-V's loss on WebGPU beside those of the authors' code. */
import { expect } from 'vitest';
import { differentiate } from '../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { Session } from '../../src/runtime/session.ts';
import type { Profile } from '../../src/runtime/webgpu/gpu.ts';
import { planOfGraphs } from '../support/build.ts';
import { readTensors, relativeError } from '../support/reference.ts';
import { backendOf, gpuOf, manifestOf } from '../support/webgpu.ts';
import { tinyBatch, tinyFile, tinyModel, tinyWeights } from './support.ts';

/** @param name a stage, or `all` for every parameter */
export async function expectGradients(name: 'stage1' | 'stage2' | 'all', profile: Profile): Promise<void> {
  const expected = readTensors(tinyFile('grads'));
  const model = tinyModel(name !== 'stage1');
  const { graph } = model.entry('loss')!;
  const stage = model.stages.find((candidate) => candidate.name === name);
  const keys = stage ? stage.trained.map((parameter) => parameter.keys[0]!) : graph.parameters.map(({ key }) => key);
  const backward = runPipeline(differentiate(graph, { output: 'loss', parameters: new Set(keys) }));
  const plan = planOfGraphs(model, [{ name: 'gradient', graph: backward }]);
  const read = tinyWeights(model);
  const session = Session.open(manifestOf(plan), {
    backend: backendOf(await gpuOf(profile), plan, async (key) => read(key)),
  });
  const results = await session.run('gradient', tinyBatch());
  await session.dispose();
  expect(relativeError(results.loss!.data, expected.get(`${name}/loss`)!.data)).toBeLessThan(2e-6);
  for (const key of keys) {
    const { data } = results[`gradient.${key}`]!;
    // zero in exact arithmetic, because softmax does not see a shift of all scores
    if (/Qformer\..*key\.bias$/.test(key))
      expect(Math.max(...Array.from(data as Float32Array, Math.abs))).toBeLessThan(1e-6);
    else expect(relativeError(data, expected.get(`${name}/${key}`)!.data), key).toBeLessThan(1e-5);
  }
}
