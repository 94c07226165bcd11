/** A page as a host of targets: what is compiled in it is opened from its memory. The playground uses it too. */
import type { Host } from 'mdl-compiler';
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
        const bytes = new Uint8Array(planned.bytes);
        for (const { key, offset } of planned.records) {
          let at = offset;
          for await (const chunk of weights.chunks(key)) {
            bytes.set(chunk, at);
            at += chunk.byteLength;
          }
        }
        for (const { key, quantisation, offsets, unsigned } of planned.packed ?? []) {
          const at = { ...offsets };
          for await (const { part, bytes: own } of packedParts(weights, key, quantisation, unsigned)) {
            bytes.set(own, at[part]);
            at[part] += own.byteLength;
          }
        }
        return bytes;
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
