/** A session over what was just compiled, on any target: its files, where it has some, are in a temporary folder until it is disposed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostBackend, onnxBackend, openModel, type Session, webgpuBackend } from '../../runtime/index.ts';
import { packedParts, rounded } from '../../runtime/weights/packed.ts';
import { DiagnosticError } from '../diagnostics/diagnostic.ts';
import { type Graphs, type GraphsRequest, graphsOf } from '../graphs.ts';
import type { Host } from '../targets/target.ts';
import type { Loaded } from './model.ts';
import { type Engine, openOn } from './open-on.ts';
import type { WeightProvider } from './weights/provider.ts';
import { writeArtifact } from './weights/write.ts';

export type RunRequest = Engine & Pick<GraphsRequest, 'entries' | 'taps' | 'caches'>;

/** Node as a host of targets: ONNX Runtime on the CPU, WebGPU where there is an adapter. */
export const NODE: Host = {
  async place(artifact, weights) {
    const folder = await mkdtemp(join(tmpdir(), 'mdl-'));
    const remove = () => rm(folder, { recursive: true, force: true });
    try {
      const manifest = new TextEncoder().encode(JSON.stringify(artifact.manifest(weights)));
      const files = new Map([...artifact.files(weights), ['manifest.json', manifest]]);
      await writeArtifact(folder, files, artifact.weights, weights);
      return { ...(await openModel(folder)), remove };
    } catch (error) {
      await remove();
      throw error;
    }
  },
  onnx: (source) => onnxBackend(source),
  webgpu: (options) => webgpuBackend(options),
  rounded,
  packedParts,
  overHost: hostBackend,
};

/** @throws DiagnosticError for what is wrong with an entry, and as `openGraphs` */
export async function openForRun(
  { model, compilation }: Loaded,
  weights: WeightProvider,
  { backend, opset, ...request }: RunRequest,
  host: Host = NODE,
): Promise<Session> {
  const graphs = graphsOf(model, request);
  if (!graphs || compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
  return openGraphs(graphs, weights, { backend, opset }, host);
}

/** As `openOn`, in Node. @throws CliError C0105 when the temporary folder cannot be written */
export function openGraphs(
  graphs: Graphs,
  weights: WeightProvider,
  engine: Engine,
  host: Host = NODE,
): Promise<Session> {
  return openOn(graphs, weights, engine, host);
}
