/** The ONNX backend in Node: onnxruntime-node on the CPU, loading graphs and weights by path. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { loadError, onnxProgram } from './backend.onnx.ts';
import type { Backend, ModelSource } from './backend.ts';

export interface OnnxNodeOptions {
  /** Threads inside one operator; ONNX Runtime's own choice when absent. */
  readonly threads?: number;
}

/** @param source must know paths: ONNX Runtime maps the external weights itself, relative to the graph */
export function onnxBackend(source: ModelSource, options: OnnxNodeOptions = {}): Backend {
  const name = 'onnxruntime-node (cpu)';
  return {
    name,
    async loadEntry(entry) {
      const { file } = source.manifest.entries[entry]!;
      const settings: InferenceSession.SessionOptions = {
        executionProviders: ['cpu'],
        logSeverityLevel: 4, // fatal only: errors are thrown as well, and warnings are not the user's
        ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
      };
      try {
        const session = source.locate
          ? await InferenceSession.create(source.locate(file), settings)
          : await InferenceSession.create(await source.read(file), settings);
        return onnxProgram(Tensor, session, entry);
      } catch (error) {
        throw loadError(source, entry, name, error);
      }
    },
  };
}
