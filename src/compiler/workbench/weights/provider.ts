/**
 * Where a compile's weights come from: a checkpoint or a seed. Tensors are given whole (for the interpreter) or in
 * chunks of their final bytes (for the weights files), never all at once.
 */

import { initialise } from '../../../runtime/init.ts';
import type { Checkpoint } from '../../../runtime/weights/checkpoint.ts';
import {
  allocate,
  convertInto,
  firstNonFinite,
  ITEM_BYTES,
  READ_AS,
  type StoredDType,
} from '../../../runtime/weights/dtypes.ts';
import type { PackedSource } from '../../../runtime/weights/packed.ts';
import type { HostTensor } from '../../../shared/tensor.ts';
import { narrow, sizeOf, widen } from '../../../shared/tensor.ts';
import type { ParameterInfo } from '../../elaborate/instance.ts';
import type { Model } from '../../elaborate/model.ts';
import { interpret } from '../../ir/interpreter.ts';
import { cliError } from '../errors.ts';
import { type Match, needed } from './match.ts';
import { resampleGrid } from './resample.ts';

export interface WeightProvider extends PackedSource {
  readonly origin: string;
  readonly trained: boolean;
  /** keys of the tensors that initialisers made; none where it is absent */
  readonly fresh?: ReadonlySet<string>;
  /** keys of tensors that are halves where they come from, so that f16 holds them exactly; none where it is absent */
  readonly halves?: ReadonlySet<string>;
  /** by key, how a file stores a tensor in blocks (`Q4_0`); none where it is absent */
  readonly encodings?: ReadonlyMap<string, string>;
  read(key: string): Promise<HostTensor>;
  close(): Promise<void>;
}

/** A checkpoint, or something put together that reads like one. */
export type CheckpointLike = Pick<Checkpoint, 'name' | 'tensors' | 'read' | 'stream' | 'streamFrom' | 'close'> &
  Partial<Pick<Checkpoint, 'packed'>>;

/** Elements per chunk: 4 MiB of f32. */
const CHUNK = 1 << 20;

/** Seeded random weights by each parameter's initialiser. */
export function seededWeights(model: Model, seed: number): WeightProvider {
  const raw: RawWeights = {
    read: async (parameter) => ({ dtype: parameter.dtype, shape: parameter.shape, data: seeded(parameter, seed) }),
    chunks: (parameter) => seededChunks(parameter, seed),
    close: async () => {},
  };
  return { ...provider(model, raw, `seed ${seed}`, false), fresh: new Set(needed(model).map(({ keys }) => keys[0])) };
}

function seeded(parameter: ParameterInfo, seed: number): HostTensor['data'] {
  const values = initialise(parameter.initializer, { seed, key: parameter.keys[0], shape: parameter.shape });
  if (parameter.dtype === 'f32') return values;
  return parameter.dtype === 'i64'
    ? BigInt64Array.from(Array.from(values, (x) => BigInt(Math.trunc(x))))
    : Uint8Array.from(values);
}

async function* seededChunks(parameter: ParameterInfo, seed: number): AsyncIterable<Uint8Array> {
  const { initializer, keys, shape } = parameter;
  if (parameter.dtype !== 'f32') {
    yield bytesOf(seeded(parameter, seed));
    return;
  }
  const size = sizeOf(shape);
  for (let start = 0; start < size; start += CHUNK) {
    yield bytesOf(initialise(initializer, { seed, key: keys[0], shape }, start, Math.min(CHUNK, size - start)));
  }
}

/** A stored tensor as the runtime's dtype, CHUNK elements at a time: F16, BF16 and F64 are converted on the way. */
async function* convertedChunks(
  key: string,
  dtype: StoredDType,
  checkpoint: CheckpointLike,
): AsyncIterable<Uint8Array> {
  let start = 0;
  for await (const bytes of checkpoint.stream(key, CHUNK * ITEM_BYTES[dtype])) {
    const values = allocate(READ_AS[dtype], bytes.byteLength / ITEM_BYTES[dtype]);
    convertInto(dtype, bytes, values, 0);
    if (values instanceof Float32Array) checkFinite(key, values, start);
    start += values.length;
    yield bytesOf(values);
  }
}

/** The weights of a checkpoint; what it lacks with leave is made from the parameter's initialiser, seed 0. */
export function checkpointWeights(model: Model, checkpoint: CheckpointLike, match: Match): WeightProvider {
  const read = async (parameter: ParameterInfo): Promise<HostTensor> => {
    const source = match.sources.get(parameter.keys[0]);
    if (source === undefined) return { dtype: parameter.dtype, shape: parameter.shape, data: seeded(parameter, 0) };
    const tensor = await checkpoint.read(source);
    if (tensor.data instanceof Float32Array) checkFinite(source, tensor.data, 0);
    return tensor.shape.join() === parameter.shape.join() ? tensor : resampleGrid(parameter, tensor);
  };
  const raw: RawWeights = {
    read,
    async *chunks(parameter) {
      const source = match.sources.get(parameter.keys[0]);
      const stored = source === undefined ? undefined : checkpoint.tensors.get(source);
      if (source === undefined || stored === undefined) yield* seededChunks(parameter, 0);
      else if (stored.shape.join() !== parameter.shape.join()) yield bytesOf((await read(parameter)).data);
      else yield* convertedChunks(source, stored.dtype, checkpoint);
    },
    close: () => checkpoint.close(),
  };
  const kept = asStored(model, checkpoint, match);
  const origin = checkpoint.name
    .split(' + ')
    .map((name) => name.split(/[/\\]/).at(-1))
    .join(' + ');
  return {
    ...provider(model, raw, origin, true),
    fresh: new Set([...match.missing, ...match.initial]),
    halves: halvesOf(kept, checkpoint),
    encodings: encodingsOf(kept, checkpoint),
    packed: (key, as) => {
      const source = kept.get(key);
      return source === undefined ? undefined : checkpoint.packed?.(source, as);
    },
  };
}

/** Keys of the checkpoint's tensors that are taken as they are, neither resampled nor merged, by the model's keys. */
function asStored(model: Model, checkpoint: CheckpointLike, { sources }: Match): ReadonlyMap<string, string> {
  const found = needed(model).flatMap(({ keys, shape, merged }) => {
    const source = sources.get(keys[0]);
    const stored = source === undefined ? undefined : checkpoint.tensors.get(source);
    return !merged && stored?.shape.join() === shape.join() ? [[keys[0], source!] as const] : [];
  });
  return new Map(found);
}

/** Those of them that are F16. */
function halvesOf(kept: ReadonlyMap<string, string>, checkpoint: CheckpointLike): ReadonlySet<string> {
  return new Set([...kept].flatMap(([key, source]) => (checkpoint.tensors.get(source)!.dtype === 'F16' ? [key] : [])));
}

/** How the file stores those that it does not store as a dtype. */
function encodingsOf(kept: ReadonlyMap<string, string>, checkpoint: CheckpointLike): ReadonlyMap<string, string> {
  const stored = [...kept].map(([key, source]) => [key, checkpoint.tensors.get(source)!.encoding] as const);
  return new Map(stored.filter((one): one is readonly [string, string] => one[1] !== undefined));
}

interface RawWeights {
  read(parameter: ParameterInfo): Promise<HostTensor>;
  chunks(parameter: ParameterInfo): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Adds the parameters that are computed from others: weights with an adapter merged in. */
function provider(model: Model, raw: RawWeights, origin: string, trained: boolean): WeightProvider {
  const byKey = new Map(needed(model).map((parameter) => [parameter.keys[0] as string, parameter]));
  const find = (key: string): ParameterInfo => {
    const parameter = byKey.get(key);
    if (!parameter) throw new Error(`the model has no parameter ${key}`);
    return parameter;
  };
  const merged = async (parameter: ParameterInfo): Promise<HostTensor> => {
    const graph = parameter.merged!;
    const inputs = new Map<string, HostTensor>();
    for (const { key } of graph.parameters) inputs.set(key, await raw.read(find(key)));
    const results = interpret(graph, { inputs: new Map(), parameters: (key) => widen(inputs.get(key)!) });
    return narrow([...results.values()][0]!);
  };
  return {
    origin,
    trained,
    read: (key) => {
      const parameter = find(key);
      return parameter.merged ? merged(parameter) : raw.read(parameter);
    },
    async *chunks(key) {
      const parameter = find(key);
      if (parameter.merged) yield bytesOf((await merged(parameter)).data);
      else yield* raw.chunks(parameter);
    },
    close: () => raw.close(),
  };
}

function checkFinite(key: string, values: Float32Array, start: number): void {
  const at = firstNonFinite(values);
  if (at >= 0) throw cliError('weight_not_finite', { key, index: start + at, value: String(values[at]) });
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
