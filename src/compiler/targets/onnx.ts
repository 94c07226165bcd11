/**
 * ONNX: one graph per entry, and what lies where in the weights files. Nothing is written here; weights are named, not read.
 */
import type { CachePort, Manifest, WeightFile } from '../../shared/artifact.ts';
import { changedTensors, PORTS } from '../../shared/training.ts';
import {
  encodeModel,
  type LoweredOnnx,
  lowerToOnnx,
  planExternalData,
  type StoredTensor,
  storedUnsigned,
} from '../backends/onnx/index.ts';
import { type WasmKernels, wasmKernels } from '../backends/wasm/kernels.ts';
import { CLIENT_FOLDER, type ClientLayout, clientDims, clientLayout, namedFiles } from '../clients/layout.ts';
import type { Model } from '../elaborate/model.ts';
import type { FinishedGraph, Graphs } from '../graphs.ts';
import { type Graph, typeOf } from '../ir/graph.ts';
import { entryManifest, manifestOf, withNodes } from '../ports.ts';
import { QuantiseProblem } from '../quantise/problem.ts';
import { VERSION } from '../version.ts';
import { safetensorsFile } from './stored.ts';
import {
  type Artifact,
  type ClientFile,
  type OpenedTarget,
  SHARD_BYTES,
  type StoredFile,
  type TargetOptions,
} from './target.ts';

/** What training starts from: the graphs take it as inputs, so no weights file of theirs has it. */
const START = 'training.safetensors';

/** The optimiser in one pass over memory, beside its graph for other programs. */
const UPDATE = { entry: 'update', file: 'update.wasm' } as const;

/** The file of an entry: some kinds of models have names that their clients load. */
const fileNames = (model: Model): ((entry: string) => string) => {
  const names = namedFiles(model);
  return (entry) => (Object.hasOwn(names, entry) ? names[entry]! : `${entry}.onnx`);
};

export const onnx: OpenedTarget = {
  name: 'onnx',
  takes: ['opset', 'clients', 'contrib', 'shardBytes', 'stage', 'adapters', 'caches'],
  training: {},
  passes: [],
  compile,
  async open(artifact, weights, host) {
    // a session is fed what trains
    const read = artifact.weights.filter(({ head }) => head === undefined);
    const { remove, ...source } = await host.place({ ...artifact, weights: read }, weights);
    const backend = host.onnx(source);
    return { ...backend, dispose: () => backend.dispose().then(remove) };
  },
};

/** A graph and the file that it becomes. */
interface Planned {
  /** of the graph, without the folder */
  readonly file: string;
  readonly graph: Graph;
  /** loaded with its own weights file alone */
  readonly whole: boolean;
}

/**
 * Each parameter is stored once, beside the first graph that uses it; the other graphs refer to it there, so that the
 * `loss` graph of a model costs no second copy of its weights. Graphs that other programs load come first and keep all of their
 * weights beside them.
 */
function compile(graphs: Graphs, options: TargetOptions = {}): Artifact {
  const { opset = 17, clients = false, contrib = false, shardBytes = SHARD_BYTES } = options;
  const layout = clients ? clientLayout(graphs) : undefined;
  const folder = clients ? CLIENT_FOLDER : '';
  const fileOf = layout?.fileOf ?? fileNames(graphs.model);
  const whole = new Set(layout?.graphs.map(({ name }) => `${name}.onnx`));
  const joined = layout?.graphs.find(({ entry }) => entry === undefined);
  const planned: readonly Planned[] = [
    ...(joined ? [{ file: `${joined.name}.onnx`, graph: joined.graph, whole: true }] : []),
    ...graphs.entries.map(({ name, guarded: { graph } }) => ({
      file: fileOf(name),
      graph,
      whole: whole.has(fileOf(name)),
    })),
  ];
  const unsigned = contrib
    ? storedUnsigned(
        planned.map(({ graph }) => graph),
        graphs.quantised,
      )
    : new Map<string, never>();
  const key = [...graphs.quantised.keys()].find((quantised) => !unsigned.has(quantised));
  if (key !== undefined && opset < 21) throw new QuantiseProblem('quantise_opset', { key, opset });
  const inOrder = [...planned].sort((a, b) => Number(b.whole) - Number(a.whole));
  const plan = planExternalData(
    inOrder.map(({ file, graph, whole }) => ({
      file: `${file}_data`,
      whole,
      keys: storedOf(graph, graphs.quantised, unsigned),
    })),
    shardBytes,
  );
  const metadata = metadataOf(graphs.model);
  const lowered = ({ file, graph }: Planned, cache: readonly CachePort[]): LoweredOnnx =>
    lowerToOnnx(graph, {
      opset,
      cache,
      metadata,
      version: VERSION,
      ...(clients ? { dims: clientDims(graph, cache) } : {}),
      parameters: (key) => {
        const own = `${file}_data`;
        const packed = plan.packed(key, own);
        return packed ? { kind: 'packed', ...packed } : { kind: 'external', ...plan.locate(key, own) };
      },
    });
  const entries = graphs.entries.map((entry) => {
    const one = planned.find(({ graph }) => graph === entry.guarded.graph)!;
    const { model, names } = lowered(one, entry.cache);
    const guarded = withNodes(entry.guarded, (node) => names.get(node) ?? []);
    return { ...entry, guarded, file: folder + one.file, bytes: encodeModel(model) };
  });
  const more = joined && {
    file: `${folder}${joined.name}.onnx`,
    bytes: encodeModel(lowered(planned[0]!, joined.cache).model),
    graph: joined.graph,
  };
  const referred = plan.files.filter(({ bytes }) => bytes > 0).map((one) => ({ ...one, file: folder + one.file }));
  const start = graphs.training && safetensorsFile(START, changedTensors(graphs.training));
  const sizeOf = ({ file, bytes }: StoredFile): WeightFile => ({ file, bytes });
  const update = graphs.training && updateKernels(graphs);
  const targets: Manifest['targets'] = {
    onnx: {
      opset,
      files: Object.fromEntries(entries.map(({ name, file }) => [name, file])),
      weights: referred.map(sizeOf),
      ...(start ? { training: graphs.training, start: sizeOf(start) } : {}),
      ...(update ? { kernels: { file: UPDATE.file, calls: { [UPDATE.entry]: update.calls } } } : {}),
    },
  };
  const ports = Object.fromEntries(entries.map((entry) => [entry.name, entryManifest(entry)]));
  return {
    target: 'onnx',
    graphs,
    label: `opset ${opset}`,
    weights: [...referred, ...(start ? [start] : [])],
    ...(layout
      ? { clients: clientsOf(layout, (file) => referred.filter(({ shardOf }) => shardOf === file).length) }
      : {}),
    made: [...(more ? [madeOf({ ...more, what: 'for other programs' })] : []), ...entries.map(madeOfEntry)],
    manifest: (weights, ownAdapter = false) => manifestOf(graphs, ports, targets, weights, ownAdapter),
    files: () =>
      new Map([
        ...(more ? [[more.file, more.bytes] as const] : []),
        ...entries.map(({ file, bytes }) => [file, bytes] as const),
        ...(update ? [[UPDATE.file, update.bytes] as const] : []),
      ]),
  };
}

function updateKernels({ entries }: Graphs): WasmKernels | undefined {
  const { graph } = entries.find(({ name }) => name === UPDATE.entry)!.guarded;
  const replaced = new Map(graph.inputs.map(({ name }) => [PORTS.next(name), name]));
  return wasmKernels(graph, (output) => replaced.get(output));
}

function storedOf(
  graph: Graph,
  quantised: Graphs['quantised'],
  unsigned: ReturnType<typeof storedUnsigned>,
): readonly StoredTensor[] {
  return graph.parameters.map(({ key, value }) => {
    const { dtype, shape } = typeOf(graph, value);
    return {
      key,
      dtype,
      shape: shape as readonly number[],
      quantisation: quantised.get(key),
      unsigned: unsigned.get(key),
    };
  });
}

function clientsOf(
  { graphs, reason }: ClientLayout,
  shardsOf: (file: string) => number,
): NonNullable<Artifact['clients']> {
  const files = graphs.map(({ name, graph, cache }): ClientFile => {
    const { inputs, outputs } = entryManifest({ guarded: { graph, ranges: new Map() }, cache, adapters: [] });
    return { name, inputs, outputs, cache, shards: shardsOf(`${name}.onnx_data`) };
  });
  return { files, ...(reason === undefined ? {} : { reason }) };
}

const madeOfEntry = ({ name, file, bytes, guarded: { graph } }: FinishedGraph & Pick<Written, 'file' | 'bytes'>) =>
  madeOf({ file, bytes, graph, what: name });

interface Written {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly graph: Graph;
  readonly what: string;
}

function madeOf({ file, bytes, graph, what }: Written): Artifact['made'][number] {
  const counts = `${String(graph.nodes.length).padStart(6)} ops  ${String(graph.parameters.length).padStart(5)} parameters`;
  return { name: file, what: `${what.padEnd(14)} ${counts}`, bytes: bytes.length };
}

/** What made the graph, readable in any viewer. */
function metadataOf(model: Model): Record<string, string> {
  return {
    'mdl.version': VERSION,
    'mdl.model': model.name,
    'mdl.source': model.program.root.source.path,
    'mdl.config': model.settings.configName,
    'mdl.flags': JSON.stringify(Object.fromEntries(model.settings.flags)),
    'mdl.config_values': JSON.stringify(model.config()),
  };
}
