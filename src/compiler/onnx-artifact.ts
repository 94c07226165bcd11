/**
 * A model → the files of its ONNX artifact: one graph per entry, a manifest, and the plan of the weights files.
 * Nothing is written here; weights are named, not read.
 */
import type { Manifest, WeightFile } from '../shared/artifact.ts';
import type { PlannedFile } from './backends/onnx/external-data.ts';
import type { OnnxOpset } from './backends/onnx/file.ts';
import { encodeModel, lowerToOnnx, planExternalData } from './backends/onnx/index.ts';
import { type Guarded, guard } from './checks/index.ts';
import type { EntryGraph, Model } from './elaborate/model.ts';
import { type Graph, typeOf } from './ir/graph.ts';
import { runPipeline } from './passes/pipeline.ts';
import { entryManifest, modelManifest, withNodes } from './ports.ts';
import { adapterManifest, adapterPorts, promoteAdapters, swappableAdapters } from './swap-adapters.ts';
import { VERSION } from './version.ts';

export interface ArtifactOptions {
  readonly opset: OnnxOpset;
  /** only these entries; all of them by default */
  readonly entries?: readonly string[];
  /** paths whose values become outputs of every entry that has them */
  readonly taps?: readonly string[];
  /** parameters of LoRA adapters become inputs, for a session to swap; SwapError when the model's cannot */
  readonly swapAdapters?: boolean;
  /** what `mdl ir --print-after` and the tests look at */
  readonly afterPass?: (pass: string, graph: Graph) => void;
  /** called before each entry is compiled */
  readonly onEntry?: (entry: string) => void;
}

export interface BuiltEntry {
  readonly name: string;
  readonly file: string;
  readonly traced: EntryGraph;
  /** after the passes, with what checks its indices */
  readonly graph: Graph;
  readonly guarded: Guarded;
  /** the .onnx file */
  readonly bytes: Uint8Array;
}

export interface Artifact {
  readonly entries: readonly BuiltEntry[];
  /** what goes where in the weights files */
  readonly weights: readonly PlannedFile[];
  /** @param ownAdapter whether the weights came with an adapter, kept in DEFAULT_ADAPTER (with `swapAdapters`) */
  manifest(weights: { readonly origin: string; readonly trained: boolean } | null, ownAdapter?: boolean): Manifest;
}

/** File names that clients of the usual vision-language layout (transformers.js, Optimum) load. */
const FILE_NAMES: Readonly<Record<string, string>> = {
  encode_image: 'vision_encoder.onnx',
  embed_tokens: 'embed_tokens.onnx',
  decode: 'decoder_model_merged.onnx',
};

/**
 * Compiles entries to ONNX. Each parameter is stored once, beside the first graph that uses it; the other graphs
 * refer to it there, so that the `loss` graph of a model costs no second copy of its weights.
 *
 * @returns undefined when an entry has errors, which are then in the model's diagnostics
 */
export function buildOnnx(model: Model, options: ArtifactOptions): Artifact | undefined {
  const names = options.entries ?? model.entries;
  const swap = options.swapAdapters ? swappableAdapters(model) : undefined;
  const traced: { name: string; file: string; traced: EntryGraph; guarded: Guarded; graph: Graph }[] = [];
  for (const name of names) {
    options.onEntry?.(name);
    const entry = model.entry(name, options.taps);
    if (!entry) continue;
    const compiled = runPipeline(entry.graph, options.afterPass ? { after: options.afterPass } : {});
    const guarded = guard(swap ? promoteAdapters(compiled, swap) : compiled);
    traced.push({
      name,
      file: Object.hasOwn(FILE_NAMES, name) ? FILE_NAMES[name]! : `${name}.onnx`,
      traced: entry,
      guarded,
      graph: guarded.graph,
    });
  }
  if (traced.length < names.length) return undefined;
  const plan = planExternalData(
    traced.map(({ file, graph }) => ({
      file: `${file}_data`,
      keys: graph.parameters.map(({ key, value }) => {
        const { dtype, shape } = typeOf(graph, value);
        return { key, dtype, shape: shape as readonly number[] };
      }),
    })),
  );
  const metadata = metadataOf(model);
  const entries = traced.map((entry): BuiltEntry => {
    const lowered = lowerToOnnx(entry.graph, {
      opset: options.opset,
      metadata,
      version: VERSION,
      parameters: (key) => ({ kind: 'external', ...plan.locate(key) }),
    });
    const guarded = withNodes(entry.guarded, (node) => lowered.names.get(node) ?? []);
    return { ...entry, guarded, bytes: encodeModel(lowered.model) };
  });
  const weights = plan.files.filter(({ records }) => records.length > 0);
  return {
    entries,
    weights,
    manifest: (origin, ownAdapter = false) => ({
      format: 'mdl-onnx',
      version: 1,
      compiler: `mdl ${VERSION}`,
      model: modelManifest(model),
      opset: options.opset,
      entries: Object.fromEntries(
        entries.map((entry) => {
          const adapters = swap ? adapterPorts(entry.graph, swap) : [];
          return [
            entry.name,
            {
              ...entryManifest(entry.file, entry.guarded, entry.traced.cache),
              ...(adapters.length > 0 ? { adapters } : {}),
            },
          ];
        }),
      ),
      ...(swap && {
        adapter: adapterManifest(
          swap,
          entries.map(({ graph }) => graph),
          ownAdapter,
        ),
      }),
      weights: origin && { ...origin, files: weights.map(({ file, bytes }): WeightFile => ({ file, bytes })) },
    }),
  };
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
