/** The bytes of a safetensors file, from tensors in memory or from streams of bytes. */
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
 * The prefix and header, and the order in which the data follows: larger elements first, so that every tensor
 * is aligned to its own element size.
 * @throws RuntimeError R0119 when data in memory does not fit its shape, R0120 for the reserved name
 */
export function planFile(
  tensors: WritableTensors,
  metadata: Metadata,
  file: string,
): { readonly head: Uint8Array; readonly order: readonly PlannedTensor[] } {
  const storedAs = (tensor: WritableTensor): StoredDType =>
    isStreamed(tensor) ? tensor.stored : WRITTEN_AS[tensor.dtype];
  const order = [...tensors]
    .map(
      ([name, tensor]): PlannedTensor => ({
        name,
        tensor,
        byteLength: sizeOf(tensor.shape) * ITEM_BYTES[storedAs(tensor)],
      }),
    )
    .sort((a, b) => ITEM_BYTES[storedAs(b.tensor)] - ITEM_BYTES[storedAs(a.tensor)]);
  // a list of pairs and not an object: the name `__proto__` must stay a name
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let begin = 0;
  for (const { name, tensor, byteLength } of order) {
    if (name === '__metadata__') throw runtimeError('reserved_tensor_name', { tensor: name });
    if (!isStreamed(tensor) && tensor.data.byteLength !== byteLength) {
      throw runtimeError('written_tensor_bytes', {
        file,
        tensor: name,
        found: tensor.data.byteLength,
        expected: byteLength,
      });
    }
    const info = { dtype: storedAs(tensor), shape: tensor.shape, data_offsets: [begin, begin + byteLength] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
    begin += byteLength;
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8; // the data starts aligned; the format allows spaces here
  const head = new Uint8Array(8 + length).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, 8);
  return { head, order };
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
