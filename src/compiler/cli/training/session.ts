/** Graphs that were built for training (or to find a fault in it), as a session on ONNX Runtime, the interpreter or WebGPU. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnxBackend, openModel, Session } from '../../../runtime/index.ts';
import type { GraphArtifact } from '../../training/artifact.ts';
import { planOf, replacements } from '../../webgpu-artifact.ts';
import type { BackendName } from '../backends.ts';
import { openPlanned } from '../planned.ts';
import { referenceBackend } from '../session.ts';
import type { WeightProvider } from '../weights/provider.ts';
import { writeArtifact } from '../weights/write.ts';

export interface GraphSession {
  readonly session: Session;
  /** frees the session and its files */
  close(): Promise<void>;
}

/** @param weights of the frozen parameters; written to a temporary folder for ONNX Runtime */
export async function openGraphs(
  artifact: GraphArtifact,
  weights: WeightProvider,
  backend: BackendName,
): Promise<GraphSession> {
  const { manifest } = artifact;
  if (backend === 'reference') {
    const session = Session.open(manifest, { backend: referenceBackend(artifact, weights) });
    return { session, close: () => session.dispose() };
  }
  if (backend === 'webgpu') {
    const graphs = artifact.entries.map(({ name, graph }) => ({
      name,
      graph,
      options: { donations: replacements(graph) },
    }));
    const session = await openPlanned(planOf(artifact.model, graphs), weights);
    return { session, close: () => session.dispose() };
  }
  const folder = await mkdtemp(join(tmpdir(), 'mdl-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const files = new Map(artifact.entries.map((entry) => [entry.file, entry.bytes]));
    files.set('manifest.json', new TextEncoder().encode(JSON.stringify(manifest)));
    await writeArtifact(folder, files, artifact.weights, weights);
    const source = await openModel(folder);
    const session = Session.open(source.manifest, { backend: onnxBackend(source) });
    return {
      session,
      close: async () => {
        await session.dispose();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
