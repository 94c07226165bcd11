/**
 * WebGPU in Chromium is WebGPU in Node: on the same adapter the op matrix, forward and backward, and TinyGPT-V's answers and
 * training steps are the same to the bit, and right.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { differentiate } from '../../src/compiler/passes/autodiff/index.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import { buildStage } from '../../src/compiler/training/artifact.ts';
import { type PlannedGraph, planOf, replacements, STAGE_ON_DEVICE } from '../../src/compiler/webgpu-artifact.ts';
import { embedPrompt, encodeImage, encodeSafetensors, generate } from '../../src/runtime/index.ts';
import { initialState, train } from '../../src/runtime/train/index.ts';
import { narrow, type WideTensor } from '../../src/shared/tensor.ts';
import { differences, planOfGraphs } from '../backends/wgsl/support.ts';
import { buildCase, caseInputs, loadCases } from '../ops/reference-cases.ts';
import { loadGradientCases, withLoss } from '../passes/autodiff/support.ts';
import { unavailable as noAdapter } from '../support/adapter.ts';
import { readTensors, relativeError } from '../support/reference.ts';
import { ids, input, output, TINY } from '../tinygptv/support.ts';
import { tinyBatch, tinyFile, tinyModel, tinyWeights } from '../training/support.ts';
import { unavailable as noBrowser } from './chromium.ts';
import { bitDifference, openInChromium, openInNode, type Place, runnerOfBoth } from './plans.ts';

interface Case {
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, WideTensor>;
  readonly expected: ReadonlyMap<string, WideTensor>;
}

/** Every case of the matrix by name, and its gradient as another. */
function matrix(): Map<string, Case> {
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
  return cases;
}

const unavailable = noBrowser ?? noAdapter;

describe.skipIf(unavailable)(`in Node and in Chromium${unavailable ? ` (${unavailable})` : ''}`, () => {
  const open: Place[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'mdl-plans-'));
  afterAll(async () => {
    for (const place of open) await place.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** One after the other: either takes every core while it compiles kernels. */
  async function both(here: Promise<Place>, chromium: () => Promise<Place>): Promise<readonly [Place, Place]> {
    open.push(await here);
    open.push(await chromium());
    const places = open.slice(-2) as [Place, Place];
    expect(places[1].backend).toBe(places[0].backend);
    return places;
  }

  it('all ops and their gradients', { timeout: 300_000 }, async () => {
    const cases = matrix();
    expect(cases.size).toBe(176 + 171);
    const plan = planOfGraphs(Object.fromEntries([...cases].map(([name, { graph }]) => [name, { graph }])));
    const places = await both(
      openInNode(plan, async (key) => {
        throw new Error(`no case has a parameter, and this is ${key}`);
      }),
      () => openInChromium(plan),
    );
    const wrong: string[] = [];
    for (const [name, { graph, inputs, expected }] of cases) {
      const feeds = Object.fromEntries(graph.inputs.map((port) => [port.name, narrow(inputs.get(port.name)!)]));
      const [here, there] = await Promise.all([places[0].run(name, feeds), places[1].run(name, feeds)]);
      const different = bitDifference(here, there);
      if (different !== undefined) wrong.push(`${name}, here and there: ${different}`);
      const off = differences(there, expected);
      if (off !== undefined) wrong.push(`${name}: ${off}`);
    }
    expect(wrong).toEqual([]);
  });

  it('TinyGPT-V’s picture, tokens with a cache, and steps of AdamW', { timeout: 300_000 }, async () => {
    const model = tinyModel(true);
    const stage = model.stages.find(({ name }) => name === 'stage2')!;
    const built = buildStage(model, stage, 17, { lr: 1e-3, ...STAGE_ON_DEVICE })!;
    const graphs: PlannedGraph[] = built.artifact.entries.map(({ name, graph }) => ({
      name,
      graph,
      options: { donations: replacements(graph) },
    }));
    for (const name of ['encode_image', 'embed_tokens', 'decode']) {
      const { graph, cache } = model.entry(name)!;
      graphs.push({ name, graph: runPipeline(graph), options: { cache } });
    }
    const plan = planOf(model, graphs);
    const read = tinyWeights(model);
    const stored = new Map(plan.parameters.map(({ key }) => [key, read(key)]));
    writeFileSync(join(folder, 'weights.safetensors'), encodeSafetensors(stored));
    const places = await both(
      openInNode(plan, async (key) => read(key)),
      () => openInChromium(plan, folder),
    );
    const wrong: string[] = [];
    const runner = runnerOfBoth(plan, places, wrong);

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

    const losses: number[] = [];
    await train(initialState(built.plan, new Map(built.plan.trained.map(({ key }) => [key, read(key)]))), {
      plan: built.plan,
      runner,
      data: { name: 'fixture', batch: async () => ({ feeds: tinyBatch(), tokens: 1, rows: 2 }) },
      steps: 5,
      seed: 0,
      onRecord: (record) => void ('loss' in record && losses.push(record.loss)),
    });
    expect(relativeError(losses, readTensors(tinyFile('optim')).get('stage2/losses')!.data)).toBeLessThan(2e-6);
    expect(wrong).toEqual([]);
  });

  it('a bit that differs is seen', () => {
    const tensor = (x: number) => ({ y: { dtype: 'f32' as const, shape: [2], data: Float32Array.of(-2, x) } });
    expect(bitDifference(tensor(1), tensor(1))).toBeUndefined();
    expect(bitDifference(tensor(1), tensor(1 + 2 ** -23))).toBe('y is off by 6.0e-8');
    expect(bitDifference(tensor(1), {})).toBe('y has another type');
  });
});
