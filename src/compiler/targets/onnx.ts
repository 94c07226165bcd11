/**
 * ONNX: one graph per entry, and what lies where in the weights files. Nothing is written here; weights are named, not read.
 */
import type { Manifest, WeightFile } from '../../shared/artifact.ts';
import { changedTensors } from '../../shared/training.ts';
import { encodeModel, lowerToOnnx, planExternalData } from '../backends/onnx/index.ts';
import type { Model } from '../elaborate/model.ts';
import type { FinishedGraph, Graphs } from '../graphs.ts';
import { typeOf } from '../ir/graph.ts';
import { entryManifest, manifestOf, withNodes } from '../ports.ts';
import { QuantiseProblem } from '../quantise/problem.ts';
import { VERSION } from '../version.ts';
import { safetensorsFile } from './stored.ts';
import type { Artifact, OpenedTarget, StoredFile, TargetOptions } from './target.ts';

/** What training starts from: the graphs take it as inputs, so no weights file of theirs has it. */
const START = 'training.safetensors';

/** The file of an entry: some kinds of models have names that their clients load. */
const fileNames = ({ recipe }: Model): ((entry: string) => string) => {
  const names = recipe?.declaration.fileNames ?? {};
  return (entry) => (Object.hasOwn(names, entry) ? names[entry]! : `${entry}.onnx`);
};

export const onnx: OpenedTarget = {
  name: 'onnx',
  takes: ['opset', 'stage', 'adapters'],
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

/**
 * Each parameter is stored once, beside the first graph that uses it; the other graphs refer to it there, so that the
 * `loss` graph of a model costs no second copy of its weights.
 */
function compile(graphs: Graphs, { opset = 17 }: TargetOptions = {}): Artifact {
  const [key] = graphs.quantised.keys();
  if (key !== undefined && opset < 21) throw new QuantiseProblem('quantise_opset', { key, opset });
  const fileOf = fileNames(graphs.model);
  const plan = planExternalData(
    graphs.entries.map(({ name, guarded: { graph } }) => ({
      file: `${fileOf(name)}_data`,
      keys: graph.parameters.map(({ key, value }) => {
        const { dtype, shape } = typeOf(graph, value);
        return { key, dtype, shape: shape as readonly number[], quantisation: graphs.quantised.get(key) };
      }),
    })),
  );
  const metadata = metadataOf(graphs.model);
  const entries = graphs.entries.map((entry) => {
    const lowered = lowerToOnnx(entry.guarded.graph, {
      opset,
      metadata,
      version: VERSION,
      parameters: (key) => {
        const packed = plan.packed(key);
        return packed ? { kind: 'packed', ...packed } : { kind: 'external', ...plan.locate(key) };
      },
    });
    const guarded = withNodes(entry.guarded, (node) => lowered.names.get(node) ?? []);
    return { ...entry, guarded, file: fileOf(entry.name), bytes: encodeModel(lowered.model) };
  });
  const referred = plan.files.filter(({ bytes }) => bytes > 0);
  const start = graphs.training && safetensorsFile(START, changedTensors(graphs.training));
  const sizeOf = ({ file, bytes }: StoredFile): WeightFile => ({ file, bytes });
  const targets: Manifest['targets'] = {
    onnx: {
      opset,
      files: Object.fromEntries(entries.map(({ name, file }) => [name, file])),
      weights: referred.map(sizeOf),
      ...(start ? { training: graphs.training, start: sizeOf(start) } : {}),
    },
  };
  const ports = Object.fromEntries(entries.map((entry) => [entry.name, entryManifest(entry)]));
  return {
    target: 'onnx',
    graphs,
    label: `opset ${opset}`,
    weights: [...referred, ...(start ? [start] : [])],
    made: entries.map(madeOf),
    manifest: (weights, ownAdapter = false) => manifestOf(graphs, ports, targets, weights, ownAdapter),
    files: () => new Map(entries.map(({ file, bytes }) => [file, bytes])),
  };
}

function madeOf({
  name,
  file,
  bytes,
  guarded: { graph },
}: FinishedGraph & { readonly file: string; readonly bytes: Uint8Array }): Artifact['made'][number] {
  const counts = `${String(graph.nodes.length).padStart(6)} ops  ${String(graph.parameters.length).padStart(5)} parameters`;
  return { name: file, what: `${name.padEnd(14)} ${counts}`, bytes: bytes.length };
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
