/**
 * How ggml stores numbers (ggml-common.h, ggml-quants.c): plain, or quantised in blocks, whose values are those of ggml's
 * dequantize_row_* in f32.
 *
 *     Q8_0   32: f16 d, 32 × i8 q                               d q
 *     Q4_0   32: f16 d, 16 bytes of two 4-bit q                 d (q − 8)
 *     Q4_1   32: f16 d, f16 m, 16 bytes of two 4-bit q          d q + m
 *     Q4_K  256: f16 d, f16 dmin, 12 bytes of 8 6-bit scales s and mins m, 128 bytes of q       d s q − dmin m
 *     Q6_K  256: 128 bytes of low 4 bits of q, 64 of high 2 bits, 16 × i8 s, f16 d              d s (q − 32)
 */
import type { StoredDType } from '../dtypes.ts';
import { halfToNumber } from '../halves.ts';

/** Writes a block's elements to `out` from `to` on. Products of a half and few bits are exact in f64, so only the stored result is rounded. */
type Decode = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void;

export interface BlockFormat {
  readonly name: string;
  /** elements of a block, and bytes */
  readonly elements: number;
  readonly bytes: number;
  readonly decode: Decode;
}

const half = (bytes: Uint8Array, at: number): number => halfToNumber(bytes[at]! | (bytes[at + 1]! << 8));
const signed = (byte: number): number => (byte << 24) >> 24;

const decodeQ8: Decode = (bytes, at, out, to) => {
  const d = half(bytes, at);
  for (let i = 0; i < 32; i++) out[to + i] = d * signed(bytes[at + 2 + i]!);
};

const decodeQ4: Decode = (bytes, at, out, to) => {
  const d = half(bytes, at);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 2 + i]!;
    out[to + i] = d * ((pair & 15) - 8);
    out[to + 16 + i] = d * ((pair >> 4) - 8);
  }
};

const decodeQ4m: Decode = (bytes, at, out, to) => {
  const [d, m] = [half(bytes, at), half(bytes, at + 2)];
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 4 + i]!;
    out[to + i] = d * (pair & 15) + m;
    out[to + 16 + i] = d * (pair >> 4) + m;
  }
};

/** Scales and mins of 6 bits: four pairs in bytes 0–7, the others in 8–11 with their upper two bits in the first eight. */
const decodeQ4K: Decode = (bytes, at, out, to) => {
  const [d, dmin] = [half(bytes, at), half(bytes, at + 2)];
  const scales = at + 4;
  for (let group = 0; group < 8; group++) {
    const i = group & 3;
    const [first, second, third] = [bytes[scales + i]!, bytes[scales + 4 + i]!, bytes[scales + 8 + i]!];
    const scale = d * (group < 4 ? first & 63 : (third & 15) | ((first >> 2) & 48));
    const min = dmin * (group < 4 ? second & 63 : (third >> 4) | ((second >> 2) & 48));
    const shift = 4 * (group & 1);
    const from = at + 16 + 32 * (group >> 1);
    for (let j = 0; j < 32; j++) out[to + 32 * group + j] = scale * ((bytes[from + j]! >> shift) & 15) - min;
  }
};

const decodeQ6K: Decode = (bytes, at, out, to) => {
  const d = half(bytes, at + 208);
  for (let group = 0; group < 8; group++) {
    const low = at + 64 * (group >> 2) + 32 * (group & 1);
    const lowShift = 4 * ((group >> 1) & 1);
    const high = at + 128 + 32 * (group >> 2);
    const highShift = 2 * (group & 3);
    for (let j = 0; j < 32; j++) {
      const scale = d * signed(bytes[at + 192 + 2 * group + (j >> 4)]!);
      const q = ((bytes[low + j]! >> lowShift) & 15) | (((bytes[high + j]! >> highShift) & 3) << 4);
      out[to + 32 * group + j] = scale * (q - 32);
    }
  }
};

const block = (name: string, elements: number, bytes: number, decode: Decode): BlockFormat => ({
  name,
  elements,
  bytes,
  decode,
});

/** By ggml_type: a dtype that is stored as it is, or blocks. */
export const GGML_TYPES: ReadonlyMap<number, StoredDType | BlockFormat> = new Map<number, StoredDType | BlockFormat>([
  [0, 'F32'],
  [1, 'F16'],
  [2, block('Q4_0', 32, 18, decodeQ4)],
  [3, block('Q4_1', 32, 20, decodeQ4m)],
  [8, block('Q8_0', 32, 34, decodeQ8)],
  [12, block('Q4_K', 256, 144, decodeQ4K)],
  [14, block('Q6_K', 256, 210, decodeQ6K)],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [30, 'BF16'],
]);

/** Types that are not read, by name. */
export const UNREAD_GGML_TYPES: ReadonlyMap<number, string> = new Map([
  [6, 'Q5_0'],
  [7, 'Q5_1'],
  [9, 'Q8_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K'],
  [13, 'Q5_K'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [20, 'IQ4_NL'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [29, 'IQ1_M'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [39, 'MXFP4'],
]);
