/** A session over what was just compiled, on any target: its files, where it has some, are in a temporary folder until it is disposed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostBackend, onnxBackend, openModel, Session, webgpuBackend } from '../../runtime/index.ts';
import { rounded } from '../../runtime/weights/quantise.ts';
import { DiagnosticError } from '../diagnostics/diagnostic.ts';
import { type Graphs, type GraphsRequest, graphsOf } from '../graphs.ts';
import { TARGETS } from '../targets/index.ts';
import type { OpenedTargetName } from '../targets/names.ts';
import type { Host } from '../targets/target.ts';
import type { Loaded } from './model.ts';
import type { WeightProvider } from './weights/provider.ts';
import { writeArtifact } from './weights/write.ts';

/** What runs graphs. */
export interface Engine {
  readonly backend: OpenedTargetName;
  /** of the backend onnx */
  readonly opset: 17 | 23;
}

export type RunRequest = Engine & Pick<GraphsRequest, 'entries' | 'taps'>;

/** Node, with ONNX Runtime on the CPU. */
const HOST: Host = {
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
  overHost: hostBackend,
};

/** @throws DiagnosticError for what is wrong with an entry, and as `openGraphs` */
export async function openForRun(
  { model, compilation }: Loaded,
  weights: WeightProvider,
  { backend, opset, ...request }: RunRequest,
): Promise<Session> {
  const graphs = graphsOf(model, request);
  if (!graphs || compilation.bag.hasErrors) throw new DiagnosticError(compilation.diagnostics());
  return openGraphs(graphs, weights, { backend, opset });
}

/**
 * @param weights of what is no input of the graphs
 * @throws RuntimeError R1001, R1002 without a device for it; CliError C0105 when the temporary folder cannot be written
 */
export async function openGraphs(graphs: Graphs, weights: WeightProvider, engine: Engine): Promise<Session> {
  const target = TARGETS[engine.backend];
  const artifact = target.compile(graphs, target.takes.includes('opset') ? { opset: engine.opset } : {});
  const backend = await target.open(artifact, weights, HOST);
  return Session.open(artifact.manifest(weights), { backend });
}
