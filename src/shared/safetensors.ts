/** The head of a safetensors file, and the order of what follows it: https://github.com/huggingface/safetensors#format */
import { sizeOf } from './tensor.ts';

export interface HeadTensor {
  readonly name: string;
  /** as the format calls it: `F32`, `BF16` */
  readonly stored: string;
  /** bytes of an element */
  readonly itemBytes: number;
  readonly shape: readonly number[];
}

/** The name of the format's own field: no tensor can have it. */
export const RESERVED_NAME = '__metadata__';

/**
 * The prefix and header, and the tensors in the order in which their data follows: larger elements first, so that every
 * tensor is aligned to its own element size.
 */
export function safetensorsHead<T extends HeadTensor>(
  tensors: readonly T[],
  metadata: Readonly<Record<string, string>>,
): { readonly head: Uint8Array; readonly order: readonly (T & { readonly byteLength: number })[] } {
  const order = tensors
    .map((tensor) => ({ ...tensor, byteLength: sizeOf(tensor.shape) * tensor.itemBytes }))
    .sort((a, b) => b.itemBytes - a.itemBytes);
  // a list of pairs and not an object: the name `__proto__` must stay a name
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"${RESERVED_NAME}":${JSON.stringify(metadata)}`);
  let begin = 0;
  for (const { name, stored, shape, byteLength } of order) {
    const info = { dtype: stored, shape, data_offsets: [begin, begin + byteLength] };
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
