/**
 * The dtypes of safetensors files: bytes per element and conversion to the runtime's three dtypes.
 *
 * Little-endian, as the format is and as every machine that runs JavaScript is.
 */
import type { DType } from '../../shared/dtype.ts';
import type { HostTensor } from '../../shared/tensor.ts';
import { fromBrainHalves, fromHalves } from './halves.ts';

export const STORED_DTYPES = ['F64', 'F32', 'F16', 'BF16', 'I64', 'I32', 'I16', 'I8', 'U8', 'BOOL'] as const;
export type StoredDType = (typeof STORED_DTYPES)[number];

export function isStoredDType(text: string): text is StoredDType {
  return (STORED_DTYPES as readonly string[]).includes(text);
}

/** Bytes per element. */
export const ITEM_BYTES: { readonly [D in StoredDType]: number } = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** What a stored tensor becomes when it is read: floats f32, integers i64. */
export const READ_AS: { readonly [D in StoredDType]: DType } = {
  F64: 'f32',
  F32: 'f32',
  F16: 'f32',
  BF16: 'f32',
  I64: 'i64',
  I32: 'i64',
  I16: 'i64',
  I8: 'i64',
  U8: 'i64',
  BOOL: 'bool',
};

/** How the runtime's own tensors are stored. */
export const WRITTEN_AS: { readonly [D in DType]: StoredDType } = { f32: 'F32', i64: 'I64', bool: 'BOOL' };

/** Zeros in the array that a dtype is held in. */
export function allocate(dtype: DType, count: number): HostTensor['data'] {
  if (dtype === 'f32') return new Float32Array(count);
  return dtype === 'i64' ? new BigInt64Array(count) : new Uint8Array(count);
}

/** The raw bytes of a tensor's elements; shares memory with it. */
export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The same bytes where a typed array of such elements can lie on them: copied where they are not aligned. */
function alignedTo(itemBytes: number, bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % itemBytes === 0 ? bytes : bytes.slice();
}

/**
 * Converts stored elements into `target` from element `start` on.
 * @param bytes whole elements of `dtype`, at any alignment
 * @param target what `allocate(READ_AS[dtype], …)` made
 */
export function convertInto(dtype: StoredDType, bytes: Uint8Array, target: HostTensor['data'], start: number): void {
  const count = bytes.byteLength / ITEM_BYTES[dtype];
  if (dtype === 'F32' || dtype === 'I64' || dtype === 'BOOL') {
    bytesOf(target).set(bytes, start * ITEM_BYTES[dtype]);
    return;
  }
  if (target instanceof Float32Array) {
    const { buffer, byteOffset } = alignedTo(ITEM_BYTES[dtype], bytes);
    if (dtype === 'F64') target.set(new Float64Array(buffer, byteOffset, count), start);
    else if (dtype === 'F16') fromHalves(new Uint16Array(buffer, byteOffset, count), target, start);
    else fromBrainHalves(new Uint16Array(buffer, byteOffset, count), target, start);
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < count; i++) {
    if (dtype === 'I32') target[start + i] = BigInt(view.getInt32(4 * i, true));
    else if (dtype === 'I16') target[start + i] = BigInt(view.getInt16(2 * i, true));
    else if (dtype === 'I8') target[start + i] = BigInt(view.getInt8(i));
    else target[start + i] = BigInt(view.getUint8(i));
  }
}

/** Elements that `firstNonFinite` looks at together. */
const SPAN = 4096;

/** Index of the first NaN or infinity, −1 when all are finite. */
export function firstNonFinite(data: Float32Array): number {
  for (let start = 0; start < data.length; start += SPAN) {
    const end = Math.min(start + SPAN, data.length);
    // 0 · x is 0 where x is finite, and NaN, which a sum keeps, where it is not
    let [sum, other] = [0, 0];
    let i = start;
    for (; i + 1 < end; i += 2) {
      sum += data[i]! * 0;
      other += data[i + 1]! * 0;
    }
    if (i < end) sum += data[i]! * 0;
    if (Number.isNaN(sum + other)) return data.findIndex((x, at) => at >= start && !Number.isFinite(x));
  }
  return -1;
}
