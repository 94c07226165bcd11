/** Where parameters come from, read piece by piece: for the device, and whole for what trains. */
import { type HostTensor, sizeOf } from '../../shared/tensor.ts';
import type { ParameterPlan } from '../../shared/webgpu.ts';
import { runtimeError } from '../errors.ts';
import { allocate, convertInto, ITEM_BYTES, READ_AS, type StoredDType } from '../weights/dtypes.ts';

/** A checkpoint or a safetensors file, opened. */
export interface StoredWeights {
  readonly name: string;
  readonly tensors: ReadonlyMap<string, { readonly dtype: StoredDType; readonly shape: readonly number[] }>;
  stream(key: string, chunkBytes?: number): AsyncIterable<Uint8Array>;
  /** The same from a byte on, where only a part is wanted. */
  streamFrom?(key: string, byte: number, chunkBytes: number): AsyncIterable<Uint8Array>;
}

/** A checkpoint, or a function that gives one tensor at a time. */
export type Weights = StoredWeights | ((key: string) => Promise<HostTensor>);

/** What is asked for; anything else is an error. */
export type Wanted = Pick<ParameterPlan, 'key' | 'dtype' | 'shape'>;

/** Elements from `at` on. */
interface Chunk {
  readonly at: number;
  readonly data: HostTensor['data'];
}

/** Bytes of a chunk; a multiple of every element size, and of two elements. */
const CHUNK_BYTES = 1 << 23;

/** The tensor's elements in order, or at least those `from` … `to`. @throws RuntimeError R1010 when it is another tensor than was wanted */
export async function* weightChunks(
  weights: Weights,
  wanted: Wanted,
  { from, to }: { readonly from: number; readonly to: number } = { from: 0, to: sizeOf(wanted.shape) },
): AsyncIterable<Chunk> {
  const { key } = wanted;
  if (typeof weights === 'function') {
    const tensor = await weights(key);
    check(wanted, tensor.dtype, tensor.shape, 'the weights given');
    const count = CHUNK_BYTES / 4;
    for (let at = 0; at < tensor.data.length; at += count)
      yield { at, data: tensor.data.subarray(at, at + count) as HostTensor['data'] };
    return;
  }
  const stored = weights.tensors.get(key);
  if (!stored) throw mismatch({ key, source: weights.name, found: 'missing', expected: described(wanted) });
  const dtype = READ_AS[stored.dtype];
  check(wanted, dtype, stored.shape, weights.name);
  const item = ITEM_BYTES[stored.dtype];
  let at = weights.streamFrom ? from : 0;
  const chunks = weights.streamFrom?.(key, from * item, CHUNK_BYTES) ?? weights.stream(key, CHUNK_BYTES);
  for await (const bytes of chunks) {
    const count = bytes.byteLength / item;
    const data = allocate(dtype, count);
    convertInto(stored.dtype, bytes, data, 0);
    yield { at, data };
    at += count;
    if (at >= to) return;
  }
}

/** The whole tensor. @throws as `weightChunks` */
export async function readWeight(weights: Weights, wanted: Wanted): Promise<HostTensor> {
  const { dtype, shape } = wanted;
  const whole = allocate(dtype, sizeOf(shape));
  for await (const { at, data } of weightChunks(weights, wanted)) (whole as Float32Array).set(data as Float32Array, at);
  return { dtype, shape, data: whole } as HostTensor;
}

function check(wanted: Wanted, dtype: string, shape: readonly number[], source: string): void {
  if (dtype !== wanted.dtype || shape.join() !== wanted.shape.join())
    throw mismatch({ key: wanted.key, source, found: described({ dtype, shape }), expected: described(wanted) });
}

const described = ({ dtype, shape }: { readonly dtype: string; readonly shape: readonly number[] }): string =>
  `${dtype} [${shape.join(', ')}]`;

/** R1010 */
export function mismatch(details: Parameters<typeof runtimeError<'plan_tensor'>>[1]): Error {
  return runtimeError('plan_tensor', details);
}
