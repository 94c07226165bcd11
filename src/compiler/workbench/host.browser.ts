/** A page as a host of targets: what was compiled stays in memory. */

import { hostBackend } from '../../runtime/backend.host.ts';
import { onnxBackend } from '../../runtime/backend.onnx.browser.ts';
import { runtimeError } from '../../runtime/errors.ts';
import { webgpuBackendWith } from '../../runtime/webgpu/backend.webgpu.ts';
import { acquireDevice } from '../../runtime/webgpu/device.browser.ts';
import { packedParts, rounded } from '../../runtime/weights/packed.ts';
import type { Artifact, Host, WeightReader } from '../targets/target.ts';

export const PAGE: Host = {
  async place(artifact, weights) {
    const manifest = artifact.manifest(weights);
    const files = artifact.files(weights);
    const read = async (name: string): Promise<Uint8Array> => files.get(name) ?? stored(artifact, weights, name);
    return { location: 'memory', manifest, read, remove: async () => {} };
  },
  onnx: (source) => onnxBackend(source),
  webgpu: (options) => webgpuBackendWith(acquireDevice, options),
  rounded,
  packedParts,
  overHost: hostBackend,
};

/** A weights file, whole. */
async function stored(artifact: Artifact, weights: WeightReader, name: string): Promise<Uint8Array> {
  const planned = artifact.weights.find(({ file }) => file === name);
  if (!planned) throw runtimeError('model_not_found', { file: name, reason: 'it is not among what was compiled' });
  const bytes = new Uint8Array(planned.bytes);
  bytes.set(planned.head ?? []);
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
      at[part] += own.length;
    }
  }
  return bytes;
}
