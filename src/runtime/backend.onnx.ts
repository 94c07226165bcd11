/**
 * What the two ONNX backends share: programs over an ONNX Runtime session, and tensors in and out.
 *
 * onnxruntime-node and onnxruntime-web have one API; its types come from the Node package, as types only.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { CachePort, OnnxSection, TensorPort } from '../shared/artifact.ts';
import type { CacheStorage } from '../shared/cache-storage.ts';
import type { HostTensor } from '../shared/tensor.ts';
import type { HostProgram } from './backend.host.ts';
import type { EntryPorts, ModelSource, Tensors } from './backend.ts';
import { reasonOf, runtimeError } from './errors.ts';
import { kernelProgram } from './host-kernels.ts';
import { Lender, type LentTensor } from './lent.ts';
import { toStored } from './stored.ts';
import { StoredTensor } from './stored-tensor.ts';

type TensorClass = typeof Tensor;

/** What a cache is to ONNX Runtime. */
const STORED_TYPES = { f16: 'float16', int8: 'int8' } as const;

function storedToOnnx(OnnxTensor: TensorClass, tensor: HostTensor | StoredTensor, as: CacheStorage): Tensor {
  const data = tensor instanceof StoredTensor ? tensor.stored : toStored(as, tensor.data as Float32Array);
  return new OnnxTensor(STORED_TYPES[as], data as Uint16Array, tensor.shape);
}

function toOnnx(OnnxTensor: TensorClass, { dtype, shape, data }: HostTensor): Tensor {
  switch (dtype) {
    case 'f32':
      return new OnnxTensor('float32', data as Float32Array, shape);
    case 'i64':
      return new OnnxTensor('int64', data as BigInt64Array, shape);
    case 'bool':
      return new OnnxTensor('bool', data as Uint8Array, shape);
  }
}

const HOST_DTYPES = { float32: 'f32', int64: 'i64', bool: 'bool' } as const;

/** @throws RuntimeError R0212 for a dtype the compiler never writes */
async function fromOnnx(tensor: Tensor, entry: string, output: string): Promise<HostTensor> {
  const dtype = (HOST_DTYPES as Readonly<Record<string, HostTensor['dtype']>>)[tensor.type];
  if (dtype === undefined) throw runtimeError('bad_output', { entry, output, reason: `as ${tensor.type}` });
  return { dtype, shape: tensor.dims, data: (await tensor.getData()) as HostTensor['data'] };
}

/** Where Float16Array exists, halves come in one. */
async function storedFromOnnx(tensor: Tensor, as: CacheStorage, name: string): Promise<StoredTensor> {
  const { buffer, byteOffset, length } = (await tensor.getData()) as Uint16Array<ArrayBuffer>;
  const data = as === 'f16' ? new Uint16Array(buffer, byteOffset, length) : new Int8Array(buffer, byteOffset, length);
  return new StoredTensor(name, tensor.dims, as, data);
}

type LendablePort = TensorPort & { readonly shape: readonly number[] };

/** Whether an output has the same size in every run. */
const isLendable = (port: TensorPort): port is LendablePort =>
  port.dtype === 'f32' && port.shape.length > 0 && port.shape.every((dim) => typeof dim === 'number' && dim > 0);

/**
 * A program over a session of ONNX Runtime.
 * @param cache of the entry
 * @param lends the ports of outputs that may lie in memory which is given to the runtime, where it writes there
 */
export function onnxProgram(
  OnnxTensor: TensorClass,
  session: InferenceSession,
  entry: string,
  cache: readonly CachePort[],
  lends: readonly TensorPort[] = [],
): HostProgram {
  const stored = new Map(
    cache.flatMap(({ past, present, stored: as }) => (as ? [past, present].map((name) => [name, as] as const) : [])),
  );
  const lender = new Lender();
  const shapes = new Map(lends.flatMap((port) => (isLendable(port) ? [[port.name, port.shape] as const] : [])));
  return {
    async run(feeds: Tensors, fetch?: readonly string[], keep?: readonly string[] | 'all') {
      const inputs = Object.fromEntries(
        Object.entries(feeds).map(([name, tensor]) => {
          const as = stored.get(name);
          return [name, as ? storedToOnnx(OnnxTensor, tensor, as) : toOnnx(OnnxTensor, tensor)];
        }),
      );
      const wanted = fetch ?? session.outputNames;
      const kept = new Set(keep === 'all' ? wanted : keep);
      const lent = new Map<string, LentTensor>();
      for (const name of kept) {
        const shape = shapes.get(name);
        if (shape) lent.set(name, lender.take(name, shape));
      }
      const places = wanted.map((name) => {
        const tensor = lent.get(name);
        return [name, tensor ? toOnnx(OnnxTensor, tensor) : null] as const;
      });
      try {
        const outputs = await session.run(inputs, Object.fromEntries(places));
        const results: Record<string, HostTensor | StoredTensor> = {};
        for (const [name, tensor] of Object.entries(outputs)) {
          const as = stored.get(name);
          const own = as && (await storedFromOnnx(tensor as Tensor, as, `${name} of ${entry}`));
          if (own) results[name] = kept.has(name) ? own : await own.read();
          else results[name] = lent.get(name) ?? (await fromOnnx(tensor as Tensor, entry, name));
        }
        return results as Tensors;
      } catch (error) {
        for (const tensor of lent.values()) tensor.release();
        throw error;
      }
    },
    dispose: () => session.release(),
  };
}

/** An entry that the compiler wrote as functions too, where this engine takes them. */
export async function ownProgram(
  source: ModelSource,
  { kernels }: OnnxSection,
  entry: string,
  ports: EntryPorts,
): Promise<HostProgram | undefined> {
  if (!kernels || !Object.hasOwn(kernels.calls, entry)) return undefined;
  return kernelProgram(await source.read(kernels.file), kernels.calls[entry]!, ports);
}

/** Whether a graph names a file: a text of protobuf follows its length, so `a.onnx_data` is not found in `a.onnx_data_1`. */
export function names(bytes: Uint8Array, file: string): boolean {
  const text = new TextEncoder().encode(file);
  // as a varint; longer names than the compiler writes have more bytes before the last
  const wanted = new Uint8Array([text.length < 128 ? text.length : text.length >> 7, ...text]);
  for (let at = bytes.indexOf(wanted[0]!); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1)) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
}

/** What the model has for ONNX Runtime. @throws RuntimeError R0216 when it was compiled for other targets only */
export function sectionOf({ model, targets }: ModelSource['manifest']): OnnxSection {
  if (targets.onnx) return targets.onnx;
  const reason = `${model.name} was compiled for ${Object.keys(targets).join(', ')} only`;
  throw runtimeError('backend_unavailable', { backend: 'onnx', reason, known: Object.keys(targets) });
}

/** The graph of an entry. @throws RuntimeError R1100 where the entry is another target's only */
export function graphFile({ files }: OnnxSection, { targets }: ModelSource['manifest'], entry: string): string {
  if (Object.hasOwn(files, entry)) return files[entry]!;
  const others = Object.keys(targets).filter((name) => name !== 'onnx');
  throw runtimeError('entry_of_other_target', { entry, target: 'onnx', others });
}

/** The weights files that a graph refers to, under the names that it uses; one that it does not name is another entry's. */
export function externalFiles<Data>(
  { manifest }: ModelSource,
  graph: Uint8Array,
  dataOf: (file: string) => Data | Promise<Data>,
): Promise<{ path: string; data: Data }[]> {
  // a graph and its weights lie in one folder
  const used = (manifest.weights ? sectionOf(manifest).weights : [])
    .map(({ file }) => ({ file, path: file.slice(file.lastIndexOf('/') + 1) }))
    .filter(({ path }) => names(graph, path));
  return Promise.all(used.map(async ({ file, path }) => ({ path, data: await dataOf(file) })));
}

/** The error for a graph that did not load: missing weights are the usual reason, and have their own message. */
export function loadError(source: ModelSource, entry: string, backend: string, error: unknown): Error {
  const reason = reasonOf(error).split('\n')[0]!;
  if (source.manifest.weights === null) return runtimeError('no_weights', { entry, reason }, error);
  return runtimeError('entry_not_loaded', { entry, backend, reason }, error);
}
