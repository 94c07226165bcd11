/**
 * TinyGPT-V at small sizes with its matrices stored as f16: what every host has to compute from the rounded numbers, with
 * shader-f16 and without.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interpret } from '../../src/compiler/ir/interpreter.ts';
import { runPipeline } from '../../src/compiler/passes/pipeline.ts';
import type { Feeds } from '../../src/runtime/feeds.ts';
import { encodeSafetensors } from '../../src/runtime/index.ts';
import { type HostTensor, narrow, type WideTensor } from '../../src/shared/tensor.ts';
import type { WebGpuPlan } from '../../src/shared/webgpu.ts';
import { differences } from '../backends/wgsl/support.ts';
import { feedsOf } from '../language/feeds.ts';
import { SMALL } from '../language/flags.ts';
import { weightsOf } from '../language/support.ts';
import { planOfGraphs } from '../support/build.ts';
import { folderWith } from '../support/folder.ts';
import { compileOk, repository } from '../support/project.ts';

/**
 * The nearest number of IEEE 754's binary16, ties to even: 11 bits from the leading one on, none below 2^−24.
 * Written anew here, so that it does not share a mistake with the runtime's.
 */
export function rounded(x: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(x))));
  const unit = 2 ** (exponent - 10);
  const below = Math.floor(x / unit);
  const rest = x / unit - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  return x === 0 ? x : (below + (up ? 1 : 0)) * unit;
}

interface HalvesRun {
  readonly entry: string;
  readonly feeds: Feeds;
  readonly expected: ReadonlyMap<string, WideTensor>;
}

export interface Halves {
  readonly plan: WebGpuPlan;
  readonly runs: readonly HalvesRun[];
  /** with weights.safetensors, as f32 */
  readonly folder: string;
  /** not rounded */
  weights(key: string): HostTensor;
}

/** Token ids; a whole prompt, and a cached step of two rows (products of few rows have a text of their own); a loss. */
export function halves(entries: readonly string[] = ['embed_tokens', 'decode', 'loss']): Halves {
  const model = compileOk('models/tinygpt-v.mdl', repository, { config: 'nano', values: SMALL });
  const graphs = entries.map((name) => {
    const { graph, cache } = model.entry(name)!;
    return { name, graph: runPipeline(graph), cache };
  });
  const plan = planOfGraphs(model, graphs, 'f16');
  const weights = weightsOf(model);
  const stored = new Map(plan.parameters.map(({ key }) => [key, narrow(weights.get(key)!)]));
  const halved = new Set(plan.parameters.flatMap(({ key, storage }) => (storage === 'f16' ? [key] : [])));
  const read = (key: string): WideTensor => {
    const { dtype, shape, data } = weights.get(key)!;
    return {
      dtype,
      shape,
      data: halved.has(key) ? Float64Array.from(stored.get(key)!.data as Float32Array, rounded) : data,
    };
  };
  const run = (
    entry: string,
    sizes: Record<string, number>,
    fills: Parameters<typeof feedsOf>[2] = {},
  ): HalvesRun[] => {
    const graph = graphs.find(({ name }) => name === entry)?.graph;
    if (!graph) return [];
    const feeds = feedsOf(graph, sizes, fills);
    const expected = interpret(graph, { inputs: new Map(Object.entries(feeds)), parameters: read });
    const host = Object.fromEntries(Object.entries(feeds).map(([name, wide]) => [name, narrow(wide)]));
    return [{ entry, feeds: host, expected }];
  };
  const folder = folderWith();
  writeFileSync(join(folder, 'weights.safetensors'), encodeSafetensors(stored));
  return {
    plan,
    folder,
    weights: (key) => stored.get(key)!,
    runs: [
      ...run('embed_tokens', { B: 1, T: 3 }),
      ...run('decode', { B: 1, T: 7, P: 0 }),
      ...run('decode', { B: 2, T: 1, P: 5 }, { position_ids: () => 5 }),
      ...run('loss', { B: 2, N: 2, T: 6 }, { input_ids: (column) => (column < 2 ? -1 : column + 1) }),
    ],
  };
}

/** @returns a line for each run that is wrong, and all results */
export async function checkHalves(
  { runs }: Pick<Halves, 'runs'>,
  run: (entry: string, feeds: Feeds) => Promise<Record<string, HostTensor>>,
): Promise<{ wrong: string[]; results: Record<string, HostTensor>[] }> {
  const [wrong, results]: [string[], Record<string, HostTensor>[]] = [[], []];
  for (const { entry, feeds, expected } of runs) {
    const result = await run(entry, feeds);
    results.push(result);
    const off = differences(result, expected);
    if (off !== undefined) wrong.push(`${entry}: ${off}`);
  }
  return { wrong, results };
}
