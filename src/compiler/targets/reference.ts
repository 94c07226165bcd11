/** The float64 interpreter: slow, obviously right, and the oracle of the other targets. It has no files. */
import type { HostBackend } from '../../runtime/backend.host.ts';
import type { Tensors } from '../../runtime/backend.ts';
import type { CacheStorage } from '../../shared/cache-storage.ts';
import { IndexOutside } from '../../shared/index-outside.ts';
import { type HostTensor, narrow, type WideTensor, widen } from '../../shared/tensor.ts';
import type { FinishedGraph, Graphs } from '../graphs.ts';
import { type Feeds, interpret, NodeError } from '../ir/interpreter.ts';
import { roundHalfEven, roundToHalf } from '../ops/pointwise.ts';
import { IndexRangeError } from '../ops/spec.ts';
import { entryManifest, manifestOf } from '../ports.ts';
import type { Artifact, Host, OpenedTarget, WeightReader } from './target.ts';

export const reference: OpenedTarget = {
  name: 'reference',
  takes: ['stage', 'adapters', 'caches'],
  training: {},
  passes: [],
  compile,
  open: async ({ graphs }, weights, host) => host.overHost(referenceBackend(graphs, weights, host)),
};

function compile(graphs: Graphs): Artifact {
  const entries = Object.fromEntries(graphs.entries.map((entry) => [entry.name, entryManifest(entry)]));
  return {
    target: 'reference',
    graphs,
    label: 'reference',
    weights: [],
    made: [],
    manifest: (weights, ownAdapter = false) => manifestOf(graphs, entries, {}, weights, ownAdapter),
    files: () => new Map(),
  };
}

type Entry = Pick<FinishedGraph, 'name' | 'guarded' | 'cache'>;

function referenceBackend(
  { entries, quantised }: Pick<Graphs, 'entries' | 'quantised'>,
  weights: WeightReader,
  host: Pick<Host, 'rounded'>,
): HostBackend {
  return {
    name: 'reference (float64)',
    async loadEntry(name) {
      const entry = entries.find((candidate) => candidate.name === name)!;
      const parameters = new Map<string, WideTensor>();
      for (const { key } of entry.guarded.graph.parameters) {
        const as = quantised.get(key);
        parameters.set(key, widen(await (as ? host.rounded(weights, key, as) : weights.read(key))));
      }
      return {
        run: async (feeds, fetch) => run(entry, parameters, feeds, fetch),
        dispose: async () => parameters.clear(),
      };
    },
  };
}

function run(
  entry: Entry,
  parameters: ReadonlyMap<string, WideTensor>,
  feeds: Tensors,
  fetch: readonly string[] | undefined,
): Tensors {
  const stored = new Map(entry.cache.map(({ past, stored: as }) => [past, as]));
  const inputs = new Map(
    Object.entries(feeds).map(([name, tensor]) => [name, roundedAs(stored.get(name), exactly(name, tensor))]),
  );
  const results = interpreted(entry, { inputs, parameters: (key) => parameters.get(key)! }, fetch);
  return Object.fromEntries([...results].map(([name, tensor]) => [name, narrow(tensor)]));
}

/** @throws IndexOutside */
function interpreted(
  { guarded: { graph } }: Entry,
  feeds: Feeds,
  fetch: readonly string[] | undefined,
): Map<string, WideTensor> {
  try {
    return interpret(graph, feeds, fetch ? { only: fetch } : {});
  } catch (error) {
    if (!(error instanceof NodeError && error.cause instanceof IndexRangeError)) throw error;
    const { op, origin } = error.node;
    const { index, size } = error.cause;
    throw new IndexOutside({ op, source: origin.source, found: String(index), size }, error);
  }
}

/** What is fed as a cache's past, as other targets store it. */
function roundedAs(stored: CacheStorage | undefined, tensor: WideTensor): WideTensor {
  if (stored === undefined) return tensor;
  const code = (x: number): number => (Number.isNaN(x) ? 0 : roundHalfEven(Math.max(-127, Math.min(127, x))));
  return { ...tensor, data: tensor.data.map(stored === 'f16' ? roundToHalf : code) };
}

/** @throws Error where float64 does not have an integer */
function exactly(name: string, tensor: HostTensor): WideTensor {
  const lost =
    tensor.dtype === 'i64' ? tensor.data.find((value) => BigInt(Number(value)) !== BigInt(value)) : undefined;
  if (lost === undefined) return widen(tensor);
  throw new Error(`the input ${name} holds ${lost}, which float64 does not have: run on the backend onnx`);
}
