/** What every host has to get right: all ops and their gradients, and TinyGPT-V's picture, tokens and training steps. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { differentiate } from '../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { embedPrompt, encodeImage, encodeSafetensors, generate } from '../../src/package/runtime.ts';
import type { Feeds } from '../../src/runtime/feeds.ts';
import type { Runner } from '../../src/runtime/session.ts';
import { initialState, train } from '../../src/runtime/train/index.ts';
import { type HostTensor, narrow, type WideTensor } from '../../src/shared/tensor.ts';
import type { TrainingPlan } from '../../src/shared/training.ts';
import type { WebGpuPlan } from '../../src/shared/webgpu.ts';
import { differences, planOfGraphs } from '../backends/wgsl/support.ts';
import { buildCase, caseInputs, loadCases } from '../ops/reference-cases.ts';
import { loadGradientCases, withLoss } from '../passes/autodiff/support.ts';
import { buildWebGpu, STAGE_ON_DEVICE } from '../support/build.ts';
import { folderWith } from '../support/folder.ts';
import { readTensors, relativeError } from '../support/reference.ts';
import { ids, input, output, TINY } from '../tinygptv/support.ts';
import { tinyBatch, tinyFile, tinyModel, tinyWeights } from '../training/support.ts';

interface Case {
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, WideTensor>;
  readonly expected: ReadonlyMap<string, WideTensor>;
}

export interface Matrix {
  readonly cases: ReadonlyMap<string, Case>;
  /** an entry per case */
  readonly plan: WebGpuPlan;
}

/** Every case of the matrix by name, and its gradient as another. */
export function matrix(): Matrix {
  const cases = new Map<string, Case>();
  for (const reference of loadCases()) {
    const expected = new Map(reference.outputs.map(({ name, tensor }) => [name, tensor]));
    cases.set(reference.name, { graph: runPipeline(buildCase(reference)), inputs: caseInputs(reference), expected });
  }
  for (const { reference, tensors, gradients } of loadGradientCases()) {
    const request = { output: 'loss', parameters: new Set<string>(), inputs: new Set(gradients.keys()) };
    cases.set(`gradient of ${reference.name}`, {
      graph: runPipeline(differentiate(withLoss(buildCase(reference)), request)),
      inputs: tensors,
      expected: new Map([...gradients].map(([name, tensor]) => [`gradient.${name}`, tensor])),
    });
  }
  return { cases, plan: planOfGraphs(Object.fromEntries([...cases].map(([name, { graph }]) => [name, { graph }]))) };
}

/** Runs every case. @returns a line for each that is wrong */
export async function wrongCases(
  { cases }: Matrix,
  run: (entry: string, feeds: Feeds) => Promise<Record<string, HostTensor>>,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const [name, { graph, inputs, expected }] of cases) {
    const feeds = Object.fromEntries(graph.inputs.map((port) => [port.name, narrow(inputs.get(port.name)!)]));
    const off = differences(await run(name, feeds), expected);
    if (off !== undefined) wrong.push(`${name}: ${off}`);
  }
  return wrong;
}

export interface Tiny {
  readonly plan: WebGpuPlan;
  readonly training: TrainingPlan;
  /** with weights.safetensors */
  readonly folder: string;
  weights(key: string): HostTensor;
}

/** TinyGPT-V at the reference's sizes, with stage 2 as a program on the device. */
export function tiny(): Tiny {
  const model = tinyModel(true);
  const stage = model.stages.find(({ name }) => name === 'stage2')!;
  const training = { lr: 1e-3, ...STAGE_ON_DEVICE };
  const plan = buildWebGpu(model, { stage, training, entries: ['encode_image', 'embed_tokens', 'decode'] })!;
  const weights = tinyWeights(model);
  const folder = folderWith();
  const stored = new Map(plan.parameters.map(({ key }) => [key, weights(key)]));
  writeFileSync(join(folder, 'weights.safetensors'), encodeSafetensors(stored));
  return { plan, training: plan.training!, folder, weights };
}

/** The tokens that the reference's model says, with a cache. */
export async function expectTokens(runner: Runner): Promise<void> {
  const image = input('image');
  const size = image.data.length / 2;
  for (const row of [0, 1]) {
    const data = image.data.slice(row * size, (row + 1) * size) as Float32Array;
    const encoded = await encodeImage(runner, { dtype: 'f32', shape: [1, ...image.shape.slice(1)], data });
    const part = (name: string): number[] =>
      ids(`generate/prompt_${name}_ids`, row, Number(input(`generate/prompt_${name}_len`).data[row]));
    const picture = Array<number>(TINY.qformer.num_query_tokens).fill(-1);
    const embeds = await embedPrompt(runner, [...part('before'), ...picture, ...part('after')], [encoded]);
    const { rows } = await generate(runner, { embeds: [embeds] }, { max_new_tokens: 8 });
    expect(rows[0]!.tokens).toEqual(Array.from(output(`generate/single.${row}/ids`).data, Number));
  }
}

/** The losses of the reference's five steps of AdamW. */
export async function expectLosses(runner: Runner, { training, weights }: Tiny): Promise<void> {
  const losses: number[] = [];
  await train(initialState(training, new Map(training.trained.map(({ key }) => [key, weights(key)]))), {
    plan: training,
    runner,
    data: { name: 'fixture', batch: async () => ({ feeds: tinyBatch(), tokens: 1, rows: 2 }) },
    steps: 5,
    seed: 0,
    onRecord: (record) => void ('loss' in record && losses.push(record.loss)),
  });
  expect(relativeError(losses, readTensors(tinyFile('optim')).get('stage2/losses')!.data)).toBeLessThan(2e-6);
}
