/**
 * The ONNX backend in a page: onnxruntime-web on WebAssembly (or WebGPU, when asked for).
 *
 * A page has no file system, so the weights that a graph refers to are handed over with it, under the names that
 * the graph uses. onnxruntime-web is imported with the first entry: a page whose model runs on WebGPU never loads it,
 * and need not even have it.
 */
import { loadError, onnxProgram } from './backend.onnx.ts';
import type { Backend, ModelSource } from './backend.ts';

export interface OnnxWebOptions {
  readonly executionProvider?: 'wasm' | 'webgpu';
  /** where ONNX Runtime's WebAssembly lies; beside the script when absent */
  readonly wasm?: string | URL;
  /** of ONNX Runtime; more than one wants a page that is cross-origin isolated. Its own choice when absent */
  readonly threads?: number;
}

type Ort = typeof import('onnxruntime-web');

/** ONNX Runtime's settings are global, and count until its first session. */
async function loadOrt({ wasm, threads }: OnnxWebOptions): Promise<Ort> {
  const ort = await import('onnxruntime-web');
  const page = (globalThis as { location?: { href: string } }).location?.href;
  if (wasm !== undefined) ort.env.wasm.wasmPaths = { wasm: new URL(wasm, page).href };
  if (threads !== undefined) ort.env.wasm.numThreads = threads;
  return ort;
}

/** Whether `text` occurs in `bytes`, as UTF-8. */
export function mentions(bytes: Uint8Array, text: string): boolean {
  const wanted = new TextEncoder().encode(text);
  for (let at = bytes.indexOf(wanted[0]!); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1)) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
}

export function onnxBackend(source: ModelSource, options: OnnxWebOptions = {}): Backend {
  const provider = options.executionProvider ?? 'wasm';
  const name = `onnxruntime-web (${provider})`;
  return {
    name,
    async loadEntry(entry) {
      const { file } = source.manifest.entries[entry]!;
      try {
        const { InferenceSession, Tensor } = await loadOrt(options);
        const graph = await source.read(file);
        // a weights file whose name does not occur in the graph's bytes is of another entry
        const used = (source.manifest.weights?.files ?? []).filter((weights) => mentions(graph, weights.file));
        const externalData = await Promise.all(
          used.map(async (weights) => ({
            path: weights.file,
            data: source.locate ? source.locate(weights.file) : await source.read(weights.file),
          })),
        );
        const session = await InferenceSession.create(graph, { executionProviders: [provider], externalData });
        return onnxProgram(Tensor, session, entry);
      } catch (error) {
        throw loadError(source, entry, name, error);
      }
    },
  };
}
