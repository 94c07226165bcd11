/** Runs graphs on a backend and on the float64 interpreter, and says how far apart they are. */
import { RuntimeError } from '../../../runtime/index.ts';
import { errorOf, LIMIT, worst } from '../../../runtime/self-test/compare.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import type { Model } from '../../elaborate/model.ts';
import { finish, type Graphs, graphsOf } from '../../graphs.ts';
import { compile } from '../../index.ts';
import { type AnyNode, type Graph, typeOf } from '../../ir/graph.ts';
import { made } from '../../ir/made.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { reasonOf } from '../errors.ts';
import { openGraphs } from '../session.ts';
import { seededWeights, type WeightProvider } from '../weights/provider.ts';
import { madeUpFeeds } from './feeds.ts';
import { KERNELS, KERNELS_FILE } from './kernels.ts';

export type Examined = 'onnx' | 'webgpu';
type Tensors = Readonly<Record<string, HostTensor>>;

export interface Finding {
  /** an entry */
  readonly what: string;
  /** max |difference| / max |oracle| of the entry's outputs; absent when it did not run */
  readonly error?: number;
  /** what a backend said in place of numbers */
  readonly failed?: string;
  /** why it was not run */
  readonly skipped?: string;
  /** the first place in the model whose value is off */
  readonly first?: Place;
}

export interface Place {
  /** of the module */
  readonly path: string;
  readonly op: string;
  /** `models/phi-2.mdl:42:9` */
  readonly source?: string;
  readonly error: number;
}

export const isFine = ({ error, failed, skipped }: Finding): boolean =>
  skipped !== undefined || (failed === undefined && error! <= LIMIT);

/** Every family of kernels on small data. */
export async function examineKernels(backend: Examined): Promise<Finding[]> {
  const { model, diagnostics } = compile(KERNELS_FILE, {
    read: (path) => (path === KERNELS_FILE ? KERNELS : undefined),
  });
  if (!model) throw new Error(`the program of kernels does not compile: ${diagnostics()[0]?.message}`);
  const weights = seededWeights(model, 0);
  const findings: Finding[] = [];
  for (const entry of model.entries) findings.push(await examineEntry(model, weights, { entry, backend }));
  return findings;
}

export interface Examination {
  readonly entry: string;
  readonly backend: Examined;
  /** made up when absent */
  readonly feeds?: Tensors;
}

/** An entry's outputs; and where they are off, its modules one after the other. @throws what the interpreter says of the feeds */
export async function examineEntry(
  model: Model,
  weights: WeightProvider,
  { entry, backend, feeds: given }: Examination,
): Promise<Finding> {
  const graphs = graphsOf(model, { entries: [entry] });
  if (!graphs) throw new Error(`the entry ${entry} has errors`);
  const { graph } = graphs.entries[0]!.guarded;
  const feeds = given ?? madeUpFeeds(graph);
  const expected = await runOn('reference', graphs, weights, entry, feeds);
  let found: Tensors;
  try {
    found = await runOn(backend, graphs, weights, entry, feeds);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    return { what: entry, failed: reasonOf(error) };
  }
  const error = worst(expected, found);
  if (error <= LIMIT) return { what: entry, error };
  const first = await firstOff(model, weights, { entry, backend, feeds });
  return { what: entry, error, ...(first ? { first } : {}) };
}

async function runOn(
  backend: Examined | 'reference',
  graphs: Graphs,
  weights: WeightProvider,
  entry: string,
  feeds: Tensors,
): Promise<Tensors> {
  const session = await openGraphs(graphs, weights, { backend, opset: 17 });
  try {
    return (await session.run(entry, feeds)) as Tensors;
  } finally {
    await session.dispose();
  }
}

/** The first module, in the order of computation, whose last value is off. Nothing when it is off only when fused with others. */
async function firstOff(
  model: Model,
  weights: WeightProvider,
  { entry, backend, feeds }: Required<Examination>,
): Promise<Place | undefined> {
  const graph = runPipeline(model.entry(entry)!.graph);
  const stations = lastOfEach(graph);
  const watched = finish(model, [{ name: entry, graph: watching(graph, stations) }]);
  const expected = await runOn('reference', watched, weights, entry, feeds);
  const found = await runOn(backend, watched, weights, entry, feeds);
  for (const [index, { op, origin }] of stations.entries()) {
    const error = errorOf(expected[nameOf(index)]!, found[nameOf(index)]);
    if (error > LIMIT)
      return { path: origin.path, op, ...(origin.source === undefined ? {} : { source: origin.source }), error };
  }
  return undefined;
}

const nameOf = (station: number): string => `station.${station}`;

/** The last node of each module, in order. */
function lastOfEach(graph: Graph): readonly AnyNode[] {
  const last = new Map<string, AnyNode>();
  for (const node of graph.nodes) {
    if (typeOf(graph, node.outputs[0]).dtype !== 'f32') continue;
    last.delete(node.origin.path);
    last.set(node.origin.path, node);
  }
  return [...last.values()];
}

function watching(graph: Graph, stations: readonly AnyNode[]): Graph {
  const outputs = stations.map(({ outputs }, index) => ({ name: nameOf(index), value: outputs[0] }));
  return made({ ...graph, outputs });
}
