/**
 * How a matrix is stored as small integers: groups of neighbours along its last axis share a scale.
 *
 *     value[i] = scale[⌊i / group⌋] · (code[i] − zero[⌊i / group⌋])
 *
 *     codes    int4 or int8, two's complement; int4 two a byte, the first in the low half
 *     scales   f16
 *     zeros    int4 or int8 as the codes, one a group; f16 of the method hqq; absent where the groups are symmetric (zero = 0)
 *
 * A scale has 11 significant bits and a code less an integer zero 9, so every value is exact in f32: what the targets compute
 * with is one set of numbers, to the bit. With a zero of f16 targets round the product, each by itself.
 */

export const BITS = [4, 8] as const;
export const GROUPS = [32, 64, 128] as const;
/**
 * How codes are found: rounded to nearest, by half-quadratic optimisation of the zeros (HQQ), or by calibration (GPTQ), whose
 * codes come with the weights.
 */
export const METHODS = ['nearest', 'hqq', 'gptq'] as const;

export interface Quantisation {
  readonly bits: (typeof BITS)[number];
  /** neighbours along the last axis that share a scale */
  readonly group: (typeof GROUPS)[number];
  /** whether each group has a zero point */
  readonly zeros: boolean;
  readonly method: (typeof METHODS)[number];
}

/** How a parameter of a model is stored where it is not f32. */
export type PackedStorage = 'f16' | Quantisation;

export const isQuantised = (storage: unknown): storage is Quantisation => typeof storage === 'object';

/** `int4(group = 32)`: as a model file has it. */
export function printQuantisation({ bits, group, zeros, method }: Quantisation): string {
  const more = [...(zeros ? ['zeros = true'] : []), ...(method === 'nearest' ? [] : [`method = "${method}"`])];
  return `int${bits}(${[`group = ${group}`, ...more].join(', ')})`;
}

/** Bytes of each part of `elements` numbers, a multiple of the group. */
export interface Parts {
  readonly codes: number;
  readonly scales: number;
  /** 0: there are none */
  readonly zeros: number;
}

export function partsOf({ bits, group, zeros, method }: Quantisation, elements: number): Parts {
  const groups = elements / group;
  return {
    codes: (elements * bits) / 8,
    scales: 2 * groups,
    zeros: zeros ? Math.ceil((groups * (method === 'hqq' ? 16 : bits)) / 8) : 0,
  };
}

/**
 * Codes and integer zeros plus 2^(bits − 1), and the zeros of each row from a byte on: as MatMulNBits of ONNX Runtime reads a
 * matrix. Zeros of f16 stay as they are.
 */
export interface UnsignedRows {
  /** of a row */
  readonly groups: number;
  /**
   * of int8: the high halves of all codes, packed as int4, and then the low ones, `code + 128 = 16 · high + low`; zeros
   * likewise. Two products by int4 need no f32 copy, which ONNX Runtime makes of a whole matrix of 8 bits in each run.
   */
  readonly halves: boolean;
}

/** Bytes of each part of a matrix so stored. */
export interface UnsignedParts extends Parts {
  /** of the low halves; 0: codes are whole, and else `codes` is of the high ones */
  readonly low: number;
}

export function unsignedPartsOf(quantisation: Quantisation, elements: number, rows: UnsignedRows): UnsignedParts {
  const parts = partsOf(quantisation, elements);
  const { bits, group, zeros, method } = quantisation;
  const codes = rows.halves ? { codes: parts.codes / 2, low: parts.codes / 2 } : { codes: parts.codes, low: 0 };
  if (!zeros || method === 'hqq') return { ...parts, ...codes };
  const ofRow = rows.halves ? 2 * Math.ceil(rows.groups / 2) : Math.ceil((rows.groups * bits) / 8);
  return { ...parts, ...codes, zeros: (elements / group / rows.groups) * ofRow };
}

export function bytesOfParts({ codes, scales, zeros }: Parts): number {
  return codes + scales + zeros;
}

/** Words of a device's buffer in which each part begins, and in all: codes, scales, zeros, each filled up to a word. */
export function wordsOf(quantisation: Quantisation, elements: number): Parts & { readonly all: number } {
  const { codes, scales, zeros } = partsOf(quantisation, elements);
  const [first, second, third] = [codes, scales, zeros].map((bytes) => Math.ceil(bytes / 4)) as [
    number,
    number,
    number,
  ];
  return { codes: 0, scales: first, zeros: first + second, all: first + second + third };
}

/** Words that so many elements take on a device. */
export function storageWords(storage: Quantisation | string, elements: number): number {
  if (isQuantised(storage)) return wordsOf(storage, elements).all;
  return storage === 'f16' ? Math.ceil(elements / 2) : elements;
}

/** Bytes that so many elements of a parameter take in memory: a number is 4 bytes on a device, 2 as f16. */
export function storageBytes(storage: Quantisation | string, elements: number): number {
  if (isQuantised(storage)) return bytesOfParts(partsOf(storage, elements));
  return elements * (storage === 'f16' ? 2 : 4);
}

/** The names of the parts in a safetensors file. */
export const PART_NAMES = { codes: 'codes', scales: 'scales', zeros: 'zeros' } as const;
export type PartName = keyof typeof PART_NAMES;

/** `lm_head.weight.scales` */
export const partKey = (key: string, part: PartName): string => `${key}.${PART_NAMES[part]}`;
