/** WebGPU: one plan for all entries, its kernels as text; constants and parameters that several use are in it once. */
import type { CachePort, TensorPort, WeightsOrigin } from '../../shared/artifact.ts';
import { isQuantised, type PackedStorage } from '../../shared/quantisation.ts';
import { changedTensors } from '../../shared/training.ts';
import { ownOutputs, type ParameterStorage, PLAN_VERSION, type WebGpuPlan } from '../../shared/webgpu.ts';
import {
  DEFAULT_LIMITS,
  KERNEL_PASSES,
  type KernelReport,
  loweredEntry,
  PlanTables,
  type WeightStorage,
} from '../backends/wgsl/index.ts';
import type { FinishedGraph, Graphs } from '../graphs.ts';
import type { AfterPass } from '../ir/graph.ts';
import { entryManifest, manifestOf, modelManifest, sessionChecks } from '../ports.ts';
import { QuantiseProblem } from '../quantise/problem.ts';
import { adapterManifest } from '../swap-adapters.ts';
import { VERSION } from '../version.ts';
import { deviceWeights } from './packed-source.ts';
import { type StoredParameter, safetensorsShards } from './stored.ts';
import { type Artifact, type Made, type OpenedTarget, SHARD_BYTES, type TargetOptions } from './target.ts';

const PLAN = 'plan.json';
const WEIGHTS = 'weights';

export const webgpu = {
  name: 'webgpu',
  takes: ['weights', 'shardBytes', 'stage', 'adapters', 'caches'],
  // arenas of a quarter of a binding, in elements
  training: { fusedAttention: true, arenas: DEFAULT_LIMITS.maxStorageBufferBindingSize / 4 },
  passes: KERNEL_PASSES,
  compile,
  open: (artifact, weights, host) =>
    host.webgpu({ plan: artifact.plan!, weights: deviceWeights(artifact.plan!, weights, host) }),
} as const satisfies OpenedTarget;

/**
 * What the kernels of an entry compute, what they write and why they end there.
 * @throws LimitError, IntegerError
 */
export function kernelsOf(graphs: Graphs, entry: string): readonly KernelReport[] {
  let found: readonly KernelReport[] = [];
  const graph = graphs.entries.find(({ name }) => name === entry)!;
  entryPlan(graph, new PlanTables(storageOf('f32', graphs)), undefined, (kernels) => {
    found = kernels;
  });
  return found;
}

/** @throws LimitError, IntegerError */
function compile(
  graphs: Graphs,
  { weights: storage = 'f32', shardBytes = SHARD_BYTES, afterPass }: TargetOptions = {},
): Artifact & { plan: WebGpuPlan } {
  const plan = planOf(graphs, storageOf(storage, graphs), afterPass);
  const stored = safetensorsShards(WEIGHTS, storedParameters(plan), shardBytes);
  const files = stored.files.map(({ file, bytes }) => ({ file, bytes }));
  const entries = Object.fromEntries(
    Object.entries(plan.entries).map(([name, { buffers: _, steps: __, watched: ___, ...ports }]) => [
      name,
      { ...ports, outputs: ownOutputs(ports) },
    ]),
  );
  const written = (weights: WeightsOrigin | null, ownAdapter = false): WebGpuPlan => ({
    ...plan,
    ...(graphs.adapters ? { adapter: adapterOf(graphs, ownAdapter) } : {}),
    weights: weights && { origin: weights.origin, trained: weights.trained, files },
  });
  return {
    target: 'webgpu',
    graphs,
    label: 'webgpu',
    plan,
    weights: stored.files,
    made: Object.entries(plan.entries).map(madeOf),
    manifest: (weights, ownAdapter = false) =>
      manifestOf(graphs, entries, { webgpu: { plan: PLAN, weights: files } }, weights, ownAdapter),
    files: (weights, ownAdapter) =>
      new Map([
        [PLAN, new TextEncoder().encode(`${JSON.stringify(written(weights, ownAdapter))}\n`)],
        ...(weights && stored.index ? [[stored.index.name, stored.index.bytes] as const] : []),
      ]),
  };
}

function planOf(graphs: Graphs, storage: WeightStorage, after: AfterPass | undefined): WebGpuPlan {
  const tables = new PlanTables(storage);
  const entries = Object.fromEntries(graphs.entries.map((entry) => [entry.name, entryPlan(entry, tables, after)]));
  return {
    format: 'mdl-webgpu',
    version: PLAN_VERSION,
    compiler: `mdl ${VERSION}`,
    model: modelManifest(graphs),
    needs: DEFAULT_LIMITS,
    ops: opsOf(graphs),
    kernels: tables.kernels,
    constants: tables.constants,
    parameters: tables.parameters,
    packs: tables.packs,
    entries,
    ...(graphs.adapters ? { adapter: adapterOf(graphs, false) } : {}),
    ...(graphs.training ? { training: graphs.training } : {}),
  };
}

const opsOf = ({ entries }: Graphs): readonly string[] =>
  [...new Set(entries.flatMap(({ guarded }) => guarded.graph.nodes.map(({ op }) => op)))].sort();

/** What is quantised is so whatever the others are. */
function storageOf(storage: WeightStorage, { entries, quantised }: Graphs): WeightStorage {
  if (quantised.size === 0) return storage;
  const keys = entries.flatMap(({ guarded: { graph } }) => graph.parameters.map(({ key }) => key));
  const others = storage === 'f16' ? keys.map((key) => [key, 'f16'] as const) : storage === 'f32' ? [] : storage;
  return new Map<string, PackedStorage>([...others, ...quantised]);
}

const packedAs = (storage: ParameterStorage): { readonly packed?: PackedStorage } =>
  storage === 'f16' || isQuantised(storage) ? { packed: storage } : {};

/** A kernel reads another row for an index outside its table, so the session checks what the graph cannot promise. */
function entryPlan(
  entry: FinishedGraph,
  tables: PlanTables,
  after: AfterPass | undefined,
  onKernels?: (kernels: readonly KernelReport[]) => void,
): WebGpuPlan['entries'][string] {
  const { guarded, cache, replaces: donations } = entry;
  const { inputs, adapters } = entryManifest(entry);
  checkWidths(inputs, cache);
  const ranges = new Map(inputs.flatMap((input) => (input.range ? [[input.name, input.range] as const] : [])));
  const { plan, requires } = loweredEntry(guarded.graph, tables, { cache, donations, ranges, after, onKernels });
  const needed = { ...guarded.graph, requires: [...guarded.graph.requires, ...requires] };
  return { ...plan, inputs, ...sessionChecks({ ...guarded, graph: needed }), ...(adapters ? { adapters } : {}) };
}

/** @throws QuantiseProblem for a cache whose rows are no fours */
function checkWidths(inputs: readonly TensorPort[], cache: readonly CachePort[]): void {
  for (const { past, stored } of cache) {
    const width = inputs.find(({ name }) => name === past)!.shape.at(-1)!;
    if (stored && (typeof width !== 'number' || width % 4 !== 0))
      throw new QuantiseProblem('cache_width', { port: past, stored, width: String(width) });
  }
}

function adapterOf({ adapters, entries }: Graphs, ownAdapter: boolean): NonNullable<WebGpuPlan['adapter']> {
  return adapterManifest(
    adapters!,
    entries.map(({ guarded }) => guarded.graph),
    ownAdapter,
  );
}

/** What the entries use, and what training changes besides: it starts from it. */
function storedParameters({ parameters, training }: WebGpuPlan): readonly StoredParameter[] {
  const used = new Set(parameters.map(({ key }) => key));
  const others = training ? changedTensors(training).filter(({ key }) => !used.has(key)) : [];
  return [
    ...parameters.map(({ key, dtype, shape, storage }) => ({ key, dtype, shape, ...packedAs(storage) })),
    ...others,
  ];
}

function madeOf([name, { steps }]: readonly [string, WebGpuPlan['entries'][string]]): Made {
  const kernels = new Set(steps.map(({ kernel }) => kernel)).size;
  // over no workgroups, where there is one new position
  const leftOut = steps.filter(({ alternatives = [] }) => alternatives.some(({ groups }) => groups[0].of === 0)).length;
  const cached = leftOut > 0 ? `, ${steps.length - leftOut} in a cached step` : '';
  return { name, what: `${String(steps.length).padStart(6)} dispatches of ${kernels} kernels${cached}` };
}
