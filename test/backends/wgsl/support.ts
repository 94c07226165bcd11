/** Runs IR graphs on the WebGPU target: graph → plan → program → the device of test/support/webgpu.ts. */
import { expect } from 'vitest';
import { type EntryOptions, lowerEntry, PlanTables } from '../../../src/compiler/backends/wgsl/index.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { interpret } from '../../../src/compiler/ir/interpreter.ts';
import { runPipeline } from '../../../src/compiler/passes/pipeline.ts';
import type { AnyTensors } from '../../../src/runtime/device-tensor.ts';
import type { Gpu, Profile } from '../../../src/runtime/webgpu/gpu.ts';
import { WebGpuProgram } from '../../../src/runtime/webgpu/program.ts';
import { ModelBuffers } from '../../../src/runtime/webgpu/weights.ts';
import { type HostTensor, narrow, type WideTensor } from '../../../src/shared/tensor.ts';
import { PLAN_VERSION, type WebGpuPlan } from '../../../src/shared/webgpu.ts';
import { buildCase, caseInputs, type ReferenceCase } from '../../ops/reference-cases.ts';
import { difference } from '../../support/compare.ts';
import { gpuOf } from '../../support/webgpu.ts';

export interface Lowered {
  readonly graph: Graph;
  readonly options?: EntryOptions;
}

/** A plan of finished graphs, without a model around it. */
export function planOfGraphs(entries: Readonly<Record<string, Lowered>>, tables = new PlanTables()): WebGpuPlan {
  const lowered = Object.entries(entries).map(
    ([name, { graph, options }]) => [name, lowerEntry(graph, tables, options).plan] as const,
  );
  return {
    format: 'mdl-webgpu',
    version: PLAN_VERSION,
    compiler: 'test',
    model: { name: 'test', source: 'test.mdl', config_name: 'test', flags: {}, config: {} },
    needs: tables.limits,
    kernels: tables.kernels,
    constants: tables.constants,
    parameters: tables.parameters,
    packs: tables.packs,
    entries: Object.fromEntries(lowered),
  };
}

/** The plan of one graph, after the passes, as entry `main`. */
export const planOfGraph = (graph: Graph, options: EntryOptions = {}): WebGpuPlan =>
  planOfGraphs({ main: { graph: runPipeline(graph), options } });

type Wide = ReadonlyMap<string, WideTensor>;

function found(tensors: Wide, key: string): WideTensor {
  const tensor = tensors.get(key);
  if (!tensor) throw new Error(`the test gives no numbers for parameter ${key}`);
  return tensor;
}

export async function openPlan(gpu: Gpu, plan: WebGpuPlan, parameters: Wide = new Map()): Promise<WebGpuProgram> {
  const buffers = new ModelBuffers(gpu, plan, async (key) => narrow(found(parameters, key)));
  return WebGpuProgram.open(gpu, plan, 'main', buffers);
}

/** The outputs by name, on the host. */
export async function runPlan(
  gpu: Gpu,
  plan: WebGpuPlan,
  feeds: Wide,
  parameters?: Wide,
): Promise<Record<string, HostTensor>> {
  const program = await openPlan(gpu, plan, parameters);
  try {
    const host: AnyTensors = Object.fromEntries([...feeds].map(([name, tensor]) => [name, narrow(tensor)]));
    return (await program.run(host)) as Record<string, HostTensor>;
  } finally {
    await program.dispose();
  }
}

/** The outputs of a graph that has been through the passes already, or needs none. */
export const runGraph = (gpu: Gpu, graph: Graph, feeds: Wide, parameters?: Wide): Promise<Record<string, HostTensor>> =>
  runPlan(gpu, planOfGraphs({ main: { graph } }), only(graph, feeds), parameters);

const only = ({ inputs }: Graph, feeds: Wide): Wide => new Map(inputs.map(({ name }) => [name, found(feeds, name)]));

/** Undefined when every output agrees with the float64 interpreter, else the first that does not and how. */
export async function disagreement(
  gpu: Gpu,
  graph: Graph,
  feeds: Wide,
  parameters: Wide = new Map(),
  f32Limit?: number,
): Promise<string | undefined> {
  const inputs = only(graph, feeds);
  const expected = interpret(graph, { inputs, parameters: (key) => found(parameters, key) });
  return differences(await runGraph(gpu, graph, feeds, parameters), expected, f32Limit);
}

/** @param f32Limit absolute; 1e-5 of the largest number by default */
export function differences(
  actual: Readonly<Record<string, HostTensor>>,
  expected: Wide,
  f32Limit?: number,
): string | undefined {
  for (const [name, tensor] of expected) {
    const off = difference(actual[name]!, tensor, f32Limit);
    if (off !== undefined) return `${name}: ${off}`;
  }
  return undefined;
}

/** A case of torch's on a device. @param batch the symbol of its first axis; static when absent */
export async function expectTorch(reference: ReferenceCase, profile: Profile, batch?: string): Promise<void> {
  const expected = new Map(reference.outputs.map(({ name, tensor }) => [name, tensor]));
  const graph = buildCase(reference, batch === undefined ? {} : { batch });
  const results = await runGraph(await gpuOf(profile), graph, caseInputs(reference));
  expect(differences(results, expected)).toBeUndefined();
}
