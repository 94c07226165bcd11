/**
 * The dtypes of safetensors files: bytes per element and conversion to the runtime's three dtypes.
 *
 * Little-endian, as the format is and as every machine that runs JavaScript is.
 */
import type { DType } from '../../shared/dtype.ts';
import type { HostTensor } from '../../shared/tensor.ts';

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

/** The value of a half-precision number given its 16 bits (IEEE 754 binary16). */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24; // zero and subnormals
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

let halves: Float32Array | undefined;
/** All 65,536 half-precision numbers (256 KiB), made on first use. */
function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => halfToNumber(bits));
  return halves;
}

export function allocate(dtype: DType, count: number): HostTensor['data'] {
  if (dtype === 'f32') return new Float32Array(count);
  return dtype === 'i64' ? new BigInt64Array(count) : new Uint8Array(count);
}

/** The raw bytes of a tensor's elements; shares memory with it. */
export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (target instanceof Float32Array) {
    const table = dtype === 'F16' ? halfTable() : undefined;
    const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
    for (let i = 0; i < count; i++) {
      if (dtype === 'F64') target[start + i] = view.getFloat64(8 * i, true);
      else if (table) target[start + i] = table[view.getUint16(2 * i, true)]!;
      else bits[start + i] = view.getUint16(2 * i, true) << 16; // bfloat16 is the upper half of an f32
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    if (dtype === 'I32') target[start + i] = BigInt(view.getInt32(4 * i, true));
    else if (dtype === 'I16') target[start + i] = BigInt(view.getInt16(2 * i, true));
    else if (dtype === 'I8') target[start + i] = BigInt(view.getInt8(i));
    else target[start + i] = BigInt(view.getUint8(i));
  }
}

/** Index of the first NaN or infinity, −1 when all are finite. */
export function firstNonFinite(data: Float32Array): number {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i;
  return -1;
}
