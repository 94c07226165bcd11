/**
 * The ONNX backend in a page: onnxruntime-web on WebAssembly (or WebGPU, when asked for).
 *
 * A page has no file system, so the weights that a graph refers to are handed over with it, under the names that
 * the graph uses. onnxruntime-web is imported with the first entry: a page whose model runs on WebGPU never loads it,
 * and need not even have it.
 */
import { hostBackend } from './backend.host.ts';
import { externalFiles, graphFile, loadError, onnxProgram, ownProgram, sectionOf } from './backend.onnx.ts';
import type { Backend, ModelSource } from './backend.ts';
import { reasonOf, runtimeError } from './errors.ts';

export interface OnnxWebOptions {
  readonly executionProvider?: 'wasm' | 'webgpu';
  /** where ONNX Runtime's WebAssembly lies; beside the script when absent */
  readonly wasm?: string | URL;
  /** of ONNX Runtime; more than one wants a page that is cross-origin isolated. Its own choice when absent */
  readonly threads?: number;
}

type Ort = typeof import('onnxruntime-web');

/**
 * ONNX Runtime's settings are global, and count until its first session.
 * @throws RuntimeError R0235 where the package cannot be loaded
 */
async function loadOrt({ wasm, threads }: OnnxWebOptions): Promise<Ort> {
  let ort: Ort;
  try {
    ort = await import('onnxruntime-web');
  } catch (error) {
    throw runtimeError('library_missing', { library: 'onnxruntime-web', reason: reasonOf(error) }, error);
  }
  const page = (globalThis as { location?: { href: string } }).location?.href;
  if (wasm !== undefined) ort.env.wasm.wasmPaths = { wasm: new URL(wasm, page).href };
  if (threads !== undefined) ort.env.wasm.numThreads = threads;
  return ort;
}

/** ONNX Runtime as the backend of a session over a compiled folder. Entries load when they first run. @throws RuntimeError R0235 then, where the package is absent */
export function onnxBackend(source: ModelSource, options: OnnxWebOptions = {}): Backend {
  const provider = options.executionProvider ?? 'wasm';
  const name = `onnxruntime-web (${provider})`;
  const section = sectionOf(source.manifest);
  return hostBackend({
    name,
    async loadEntry(entry, ports) {
      const own = await ownProgram(source, section, entry, ports);
      if (own) return own;
      const file = graphFile(section, source.manifest, entry);
      const { InferenceSession, Tensor } = await loadOrt(options);
      try {
        const graph = await source.read(file);
        const { locate } = source;
        const externalData = await externalFiles<string | Uint8Array>(
          source,
          graph,
          locate ? (weights) => locate(weights) : (weights) => source.read(weights),
        );
        const session = await InferenceSession.create(graph, { executionProviders: [provider], externalData });
        return onnxProgram(Tensor, session, entry, ports.cache);
      } catch (error) {
        throw loadError(source, entry, name, error);
      }
    },
  });
}
