/** A session over a model that was just compiled: ONNX Runtime on files in a temporary folder, the interpreter, or WebGPU. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runtimeError } from '../../runtime/errors.ts';
import { type Backend, onnxBackend, openModel, type Program, Session } from '../../runtime/index.ts';
import type { EntryManifest } from '../../shared/artifact.ts';
import { type HostTensor, narrow, type WideTensor, widen } from '../../shared/tensor.ts';
import { DiagnosticError } from '../diagnostics/diagnostic.ts';
import { type Feeds as InterpreterFeeds, interpret, NodeError } from '../ir/interpreter.ts';
import { type BuiltEntry, buildOnnx } from '../onnx-artifact.ts';
import { IndexRangeError } from '../ops/spec.ts';
import { buildWebGpu } from '../webgpu-artifact.ts';
import type { BackendName } from './backends.ts';
import type { Loaded } from './model.ts';
import { openPlanned } from './planned.ts';
import type { WeightProvider } from './weights/provider.ts';
import { writeArtifact } from './weights/write.ts';

export interface RunTarget {
  readonly backend: BackendName;
  readonly opset: 17 | 23;
  readonly entries?: readonly string[];
  readonly taps?: readonly string[];
}

export interface OpenedSession {
  readonly session: Session;
  /** to be removed after use */
  readonly folder: string | undefined;
}

export async function openForRun(
  { model, compilation }: Loaded,
  weights: WeightProvider,
  target: RunTarget,
): Promise<OpenedSession> {
  if (target.backend === 'webgpu') {
    const plan = buildWebGpu(model, {
      ...(target.entries ? { entries: target.entries } : {}),
      ...(target.taps ? { taps: target.taps } : {}),
    });
    if (!plan || compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
    return { session: await openPlanned(plan, weights), folder: undefined };
  }
  const artifact = buildOnnx(model, {
    opset: target.opset,
    ...(target.entries ? { entries: target.entries } : {}),
    ...(target.taps ? { taps: target.taps } : {}),
  });
  if (!artifact || compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
  const manifest = artifact.manifest({ origin: weights.origin, trained: weights.trained });
  if (target.backend === 'reference') {
    return { session: Session.open(manifest, { backend: referenceBackend(artifact, weights) }), folder: undefined };
  }
  const folder = await mkdtemp(join(tmpdir(), 'mdl-'));
  try {
    const files = new Map(artifact.entries.map((entry) => [entry.file, entry.bytes]));
    files.set('manifest.json', new TextEncoder().encode(JSON.stringify(manifest)));
    await writeArtifact(folder, files, artifact.weights, weights);
    const source = await openModel(folder);
    return { session: Session.open(source.manifest, { backend: onnxBackend(source) }), folder };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** What the interpreter needs of an entry. */
export type ReferenceEntry = Pick<BuiltEntry, 'name' | 'graph'>;

/** The float64 interpreter behind the runtime's interface. */
export function referenceBackend(
  artifact: { readonly entries: readonly ReferenceEntry[] },
  weights: WeightProvider,
): Backend {
  return {
    name: 'reference (float64)',
    loadEntry: async (name: string, _entry: EntryManifest): Promise<Program> => {
      const built = artifact.entries.find((entry) => entry.name === name)!;
      const parameters = await readParameters(built, weights);
      return {
        run: async (feeds, fetch) => runReference(built, parameters, feeds, fetch),
        dispose: async () => parameters.clear(),
      };
    },
  };
}

async function readParameters({ graph }: ReferenceEntry, weights: WeightProvider): Promise<Map<string, WideTensor>> {
  const parameters = new Map<string, WideTensor>();
  for (const { key } of graph.parameters) parameters.set(key, widen(await weights.read(key)));
  return parameters;
}

/** @throws RuntimeError R0224 for an index outside of its table, as a session says it of other backends */
function interpreted(
  { name, graph }: ReferenceEntry,
  feeds: InterpreterFeeds,
  fetch: readonly string[] | undefined,
): Map<string, WideTensor> {
  try {
    return interpret(graph, feeds, fetch ? { only: fetch } : {});
  } catch (error) {
    if (!(error instanceof NodeError && error.cause instanceof IndexRangeError)) throw error;
    const { op, origin } = error.node;
    const { index, size } = error.cause;
    throw runtimeError(
      'computed_index_range',
      { entry: name, op, source: origin.source, found: String(index), size },
      error,
    );
  }
}

/** @throws Error where float64 does not have an integer */
function exactly(name: string, tensor: HostTensor): WideTensor {
  const lost =
    tensor.dtype === 'i64' ? tensor.data.find((value) => BigInt(Number(value)) !== BigInt(value)) : undefined;
  if (lost === undefined) return widen(tensor);
  throw new Error(`the input ${name} holds ${lost}, which float64 does not have: run on the backend onnx`);
}

function runReference(
  built: ReferenceEntry,
  parameters: ReadonlyMap<string, WideTensor>,
  feeds: Readonly<Record<string, HostTensor>>,
  fetch: readonly string[] | undefined,
): Record<string, HostTensor> {
  const inputs = new Map(Object.entries(feeds).map(([name, tensor]) => [name, exactly(name, tensor)]));
  const results = interpreted(built, { inputs, parameters: (key) => parameters.get(key)! }, fetch);
  return Object.fromEntries([...results].map(([name, tensor]) => [name, narrow(tensor)]));
}
