/** The bytes of a safetensors file, from tensors in memory or from streams of bytes. */
import { RESERVED_NAME, safetensorsHead } from '../../shared/safetensors.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { sizeOf } from '../../shared/tensor.ts';
import { runtimeError } from '../errors.ts';
import { bytesOf, ITEM_BYTES, type StoredDType, WRITTEN_AS } from './dtypes.ts';

/** A tensor too large for memory: its stored bytes, little-endian, in chunks of any size. */
export interface StreamedTensor {
  readonly stored: StoredDType;
  readonly shape: readonly number[];
  chunks(): AsyncIterable<Uint8Array>;
}

export type WritableTensor = HostTensor | StreamedTensor;
export type WritableTensors = ReadonlyMap<string, WritableTensor>;
export type Metadata = Readonly<Record<string, string>>;

export interface PlannedTensor {
  readonly name: string;
  readonly tensor: WritableTensor;
  readonly byteLength: number;
}

export function isStreamed(tensor: WritableTensor): tensor is StreamedTensor {
  return 'stored' in tensor;
}

/**
 * The prefix and header, and the order in which the data follows.
 * @throws RuntimeError R0119 when data in memory does not fit its shape, R0120 for the reserved name
 */
export function planFile(
  tensors: WritableTensors,
  metadata: Metadata,
  file: string,
): { readonly head: Uint8Array; readonly order: readonly PlannedTensor[] } {
  const storedAs = (tensor: WritableTensor): StoredDType =>
    isStreamed(tensor) ? tensor.stored : WRITTEN_AS[tensor.dtype];
  for (const [name, tensor] of tensors) {
    if (name === RESERVED_NAME) throw runtimeError('reserved_tensor_name', { tensor: name });
    const expected = sizeOf(tensor.shape) * ITEM_BYTES[storedAs(tensor)];
    if (isStreamed(tensor) || tensor.data.byteLength === expected) continue;
    throw runtimeError('written_tensor_bytes', { file, tensor: name, found: tensor.data.byteLength, expected });
  }
  const all = [...tensors].map(([name, tensor]) => {
    const stored = storedAs(tensor);
    return { name, tensor, stored, itemBytes: ITEM_BYTES[stored], shape: tensor.shape };
  });
  return safetensorsHead(all, metadata);
}

/** A whole file in memory. @throws RuntimeError R0119, R0120 */
export function encodeSafetensors(tensors: ReadonlyMap<string, HostTensor>, metadata: Metadata = {}): Uint8Array {
  const { head, order } = planFile(tensors, metadata, 'the encoded file');
  const bytes = new Uint8Array(order.reduce((sum, { byteLength }) => sum + byteLength, head.length));
  bytes.set(head);
  let at = head.length;
  for (const { tensor, byteLength } of order) {
    bytes.set(bytesOf((tensor as HostTensor).data), at);
    at += byteLength;
  }
  return bytes;
}
