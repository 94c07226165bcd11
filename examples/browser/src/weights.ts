/**
 * Weights by checkpoint key: those that the page came with, fetched once and whole (any web server can serve them), and
 * those of a lesson in front of them. They stay in the page's memory, so a new device after a loss gets them again.
 */
import type { Host, WeightReader } from 'mdl-compiler';
import {
  bytesSource,
  Checkpoint,
  type HostTensor,
  hostBackend,
  onnxBackend,
  packedParts,
  rounded,
  webgpuBackend,
} from 'mdl-compiler/runtime';
import { ORT } from './places.ts';

/** What lessons have changed. */
export type Learned = ReadonlyMap<string, HostTensor>;
export type Weights = (key: string) => Promise<HostTensor>;

const FILE = 'model/weights.safetensors';

let shipped: Promise<Checkpoint> | undefined;

async function fetchShipped(): Promise<Checkpoint> {
  const answer = await fetch(FILE);
  if (!answer.ok) throw new Error(`${FILE} is not there: the server answers ${answer.status}`);
  return Checkpoint.ofFiles(FILE, [bytesSource(new Uint8Array(await answer.arrayBuffer()), FILE)]);
}

/** @param learned stands before what the page came with */
export function weightsWith(learned: Learned): Weights {
  return async (key) => {
    const changed = learned.get(key);
    if (changed) return changed;
    shipped ??= fetchShipped();
    shipped.catch(() => {
      shipped = undefined; // the next one may try again
    });
    return (await shipped).read(key);
  };
}

/** Weights as what is compiled in the page is opened with them. */
export function readerOf(weights: Weights): WeightReader {
  return {
    origin: 'a lesson',
    trained: true,
    read: weights,
    async *chunks(key) {
      const { data } = await weights(key);
      yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    },
  };
}

/** The page as a host of targets: their files are in memory. */
export const PAGE: Host = {
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
        for (const { key, quantisation, offsets } of planned.packed ?? []) {
          const at = { ...offsets };
          for await (const { part, bytes: own } of packedParts(key, quantisation, weights.chunks(key))) {
            bytes.set(own, at[part]);
            at[part] += own.byteLength;
          }
        }
        return bytes;
      },
      remove: async () => {},
    };
  },
  onnx: (source) => onnxBackend(source, ORT),
  webgpu: (options) => webgpuBackend(options),
  rounded,
  overHost: hostBackend,
};
