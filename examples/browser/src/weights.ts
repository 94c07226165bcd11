/**
 * Weights in the page's memory, by checkpoint key. They come from the files of the compiled model, which the compiler
 * here plans to the byte as the one on the command line did, and go into graphs that are compiled here.
 */
import type { PlannedFile } from 'mdl-compiler';
import type { HostTensor, ModelSource } from 'mdl-compiler/runtime';

export type Weights = ReadonlyMap<string, HostTensor>;

/** @param files where the model's compiler put each parameter */
export async function readWeights(
  source: ModelSource,
  files: readonly PlannedFile[],
): Promise<Map<string, HostTensor>> {
  const weights = new Map<string, HostTensor>();
  for (const { file, records } of files) {
    const bytes = await source.read(file);
    for (const { key, dtype, shape, offset, length } of records) {
      const { buffer } = bytes.slice(offset, offset + length);
      if (dtype === 'f32') weights.set(key, { dtype, shape, data: new Float32Array(buffer) });
    }
  }
  return weights;
}

/** Graphs and weights in memory as a model that a session opens. */
export function memorySource(
  manifest: ModelSource['manifest'],
  graphs: readonly { readonly file: string; readonly bytes: Uint8Array }[],
  files: readonly PlannedFile[],
  weights: Weights,
): ModelSource {
  return {
    location: 'memory',
    manifest,
    async read(name) {
      const graph = graphs.find(({ file }) => file === name);
      if (graph) return graph.bytes;
      const planned = files.find(({ file }) => file === name);
      if (!planned) throw new Error(`the model has no file ${name}`);
      const bytes = new Uint8Array(planned.bytes);
      for (const { key, offset } of planned.records) {
        const { data } = weights.get(key)!;
        bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
      }
      return bytes;
    },
  };
}
