/** A model → its WebGPU plan: every entry's graph through the pipeline, lowered into one set of kernels. */
import { PORTS } from '../shared/training.ts';
import { PLAN_VERSION, type WebGpuPlan } from '../shared/webgpu.ts';
import { DEFAULT_LIMITS, lowerEntry, PlanTables, type WeightStorage } from './backends/wgsl/index.ts';
import { guard } from './checks/index.ts';
import type { Model } from './elaborate/model.ts';
import type { Stage } from './elaborate/stages.ts';
import type { Graph } from './ir/graph.ts';
import { runPipeline } from './passes/pipeline.ts';
import { entryManifest, modelManifest, sessionChecks } from './ports.ts';
import { stageGraphs } from './training/artifact.ts';
import type { PlanOptions } from './training/plan.ts';
import { StageError } from './training/stage-error.ts';
import { VERSION } from './version.ts';

export interface WebGpuOptions {
  /** only these entries; all of them by default */
  readonly entries?: readonly string[];
  /** paths whose values become outputs of every entry that has them */
  readonly taps?: readonly string[];
  /** how matrices are stored on the device */
  readonly weights?: WeightStorage;
  /** a stage of the model, compiled under the stage's flags: its graphs become entries too */
  readonly stage?: Stage;
  readonly afterPass?: (pass: string, graph: Graph) => void;
}

/** How a stage's graphs are made for this target. */
export const STAGE_ON_DEVICE: Pick<PlanOptions, 'fusedAttention' | 'arenas'> = {
  fusedAttention: true,
  arenas: DEFAULT_LIMITS.maxStorageBufferBindingSize / 4,
};

/** An entry's graph, finished, with what the plan needs to know beside it. */
export interface PlannedGraph {
  readonly name: string;
  readonly graph: Graph;
  readonly options?: Parameters<typeof lowerEntry>[2];
}

/**
 * @returns undefined when an entry has errors, which are then in the model's diagnostics
 * @throws StageError when the stage cannot train, or an entry has the name of one of its graphs
 */
export function buildWebGpu(model: Model, options: WebGpuOptions = {}): WebGpuPlan | undefined {
  const names = options.entries ?? model.entries;
  const graphs: PlannedGraph[] = [];
  for (const name of names) {
    const traced = model.entry(name, options.taps);
    if (!traced) continue;
    const graph = runPipeline(traced.graph, options.afterPass ? { after: options.afterPass } : {});
    graphs.push({ name, graph, options: { cache: traced.cache } });
  }
  const staged = options.stage && stageGraphs(model, options.stage, STAGE_ON_DEVICE);
  if (graphs.length < names.length || (options.stage && !staged)) return undefined;
  if (!staged) return planOf(model, graphs, options.weights);
  for (const { name, graph } of staged.entries) {
    if (names.includes(name))
      throw new StageError(`the entry ${name} has the name of a graph of training: rename it, or leave it out`);
    graphs.push({ name, graph, options: { donations: replacements(graph) } });
  }
  return { ...planOf(model, graphs, options.weights), training: staged.plan };
}

/** Outputs that replace an input (`new.parameter.w` for `parameter.w`) take over its buffer. */
export function replacements(graph: Graph): ReadonlyMap<string, string> {
  const inputs = graph.inputs.map(({ name }) => name);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  return new Map(inputs.flatMap((input) => (outputs.has(PORTS.next(input)) ? [[PORTS.next(input), input]] : [])));
}

/** The plan of finished graphs; kernels, constants and parameters that several use are in it once. */
export function planOf(model: Model, graphs: readonly PlannedGraph[], weights: WeightStorage = 'f32'): WebGpuPlan {
  const tables = new PlanTables(weights);
  const entries = Object.fromEntries(
    graphs.map(({ name, graph, options }) => {
      // a kernel reads another row for an index outside its table
      const guarded = guard(graph);
      const { inputs } = entryManifest('', guarded);
      const ranges = new Map(inputs.flatMap((input) => (input.range ? [[input.name, input.range] as const] : [])));
      const { plan, requires } = lowerEntry(guarded.graph, tables, { ...options, ranges });
      const needed = { ...guarded.graph, requires: [...guarded.graph.requires, ...requires] };
      return [name, { ...plan, inputs, ...sessionChecks({ ...guarded, graph: needed }) }] as const;
    }),
  );
  return {
    format: 'mdl-webgpu',
    version: PLAN_VERSION,
    compiler: `mdl ${VERSION}`,
    model: modelManifest(model),
    needs: DEFAULT_LIMITS,
    kernels: tables.kernels,
    constants: tables.constants,
    parameters: tables.parameters,
    packs: tables.packs,
    entries,
  };
}
