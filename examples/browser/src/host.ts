/** A page as a host of targets: what is compiled in it is opened from its memory. The playground uses it too. */
import type { Artifact, Host, WeightReader } from 'mdl-compiler';
import { hostBackend, onnxBackend, packedParts, rounded, webgpuBackend } from 'mdl-compiler/runtime';

type OnnxWebOptions = NonNullable<Parameters<typeof onnxBackend>[1]>;

/** @param ort where ONNX Runtime's WebAssembly lies */
export const pageHost = (ort: OnnxWebOptions): Host => ({
  async place(artifact, weights) {
    const files = artifact.files(weights);
    return {
      location: 'memory',
      manifest: artifact.manifest(weights),
      async read(name) {
        const file = files.get(name);
        if (file) return file;
        const planned = artifact.weights.find(({ file: stored }) => stored === name);
        if (!planned) throw new Error(`the model has no file ${name}`);
        return storedBytes(planned, weights);
      },
      remove: async () => {},
    };
  },
  onnx: (source) => onnxBackend(source, ort),
  webgpu: (options) => webgpuBackend(options),
  rounded,
  packedParts,
  overHost: hostBackend,
});

/** A file of weights, whole. */
export async function storedBytes(
  { bytes: size, head, records, packed = [] }: Artifact['weights'][number],
  weights: WeightReader,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  if (head) bytes.set(head);
  for (const { key, offset } of records) {
    let at = offset;
    for await (const chunk of weights.chunks(key)) {
      bytes.set(chunk, at);
      at += chunk.byteLength;
    }
  }
  for (const { key, quantisation, offsets, unsigned } of packed) {
    const at = { ...offsets };
    for await (const { part, bytes: own } of packedParts(weights, key, quantisation, unsigned)) {
      bytes.set(own, at[part]);
      at[part] += own.byteLength;
    }
  }
  return bytes;
}
