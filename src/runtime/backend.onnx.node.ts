/**
 * The ONNX backend in Node: onnxruntime-node on the CPU.
 *
 * Graphs and weights that lie in files are loaded by path, and ONNX Runtime maps them; those of another source are
 * read into memory. The package is imported with the first entry: whoever runs models on WebGPU need not have it.
 */
import type { InferenceSession } from 'onnxruntime-node';
import { hostBackend } from './backend.host.ts';
import { externalFiles, graphFile, loadError, onnxProgram, ownProgram, sectionOf } from './backend.onnx.ts';
import type { Backend, ModelSource } from './backend.ts';
import { reasonOf, runtimeError } from './errors.ts';

export interface OnnxNodeOptions {
  /** Threads inside one operator; ONNX Runtime's own choice when absent. */
  readonly threads?: number;
}

type Ort = typeof import('onnxruntime-node');

/** @throws RuntimeError R0235 where the package is not installed */
async function loadOrt(): Promise<Ort> {
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    throw runtimeError(
      'library_missing',
      { library: 'onnxruntime-node', reason: reasonOf(error).split('\n')[0]! },
      error,
    );
  }
}

/** ONNX Runtime as the backend of a session over a compiled folder. Entries load when they first run. @throws RuntimeError R0235 then, where the package is absent */
export function onnxBackend(source: ModelSource, options: OnnxNodeOptions = {}): Backend {
  const name = 'onnxruntime-node (cpu)';
  const section = sectionOf(source.manifest);
  return hostBackend({
    name,
    async loadEntry(entry, ports) {
      const own = await ownProgram(source, section, entry, ports);
      if (own) return own;
      const { outputs, cache } = ports;
      const file = graphFile(section, source.manifest, entry);
      const { InferenceSession: Sessions, Tensor } = await loadOrt();
      const settings: InferenceSession.SessionOptions = {
        executionProviders: ['cpu'],
        logSeverityLevel: 4, // fatal only: errors are thrown as well, and warnings are not the user's
        ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
      };
      try {
        if (source.locate)
          return onnxProgram(Tensor, await Sessions.create(source.locate(file), settings), entry, cache, outputs);
        const graph = await source.read(file);
        const externalData = await externalFiles(source, graph, (weights) => source.read(weights));
        return onnxProgram(Tensor, await Sessions.create(graph, { ...settings, externalData }), entry, cache, outputs);
      } catch (error) {
        throw loadError(source, entry, name, error);
      }
    },
  });
}
