/**
 * Where each parameter lies in the weights files beside the `.onnx` files: pure planning, nothing is written here.
 *
 * A parameter is stored once, in the first file that wants it; the other graphs refer to it there. Offsets are
 * multiples of 4096 bytes (a page) for tensors of at least a page: ONNX Runtime maps such a tensor straight from the
 * file, and a mapping starts on a page. Smaller tensors are packed at multiples of 64 bytes, a cache line, which is
 * also what vector instructions want; 4096 for each of a model's thousand bias vectors would be mostly holes.
 *
 * The locations end up in files that other programs open, so they are plain names: an absolute path, `..` or a
 * separator would let a model read or overwrite files outside its folder.
 */
import type { DType } from '../../../shared/dtype.ts';
import {
  partsOf,
  type Quantisation,
  type UnsignedParts,
  type UnsignedRows,
  unsignedPartsOf,
} from '../../../shared/quantisation.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import type { ExternalLocation } from './file.ts';
import { BYTES_PER_ELEMENT } from './proto.ts';

export interface StoredTensor {
  readonly key: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** absent: it is stored as its dtype */
  readonly quantisation?: Quantisation | undefined;
  /** of a quantised one: for MatMulNBits, whole or as two halves (`UnsignedRows`) */
  readonly unsigned?: 'whole' | 'halves' | undefined;
}

export interface WeightsFile {
  /** plain file name, beside the model */
  readonly file: string;
  readonly keys: readonly StoredTensor[];
  /** stores all of its keys, also those that an earlier file has: of a graph that is loaded with this file alone */
  readonly whole?: boolean;
}

export interface ExternalRecord extends StoredTensor {
  /** bytes from the start of the file */
  readonly offset: number;
  /** bytes */
  readonly length: number;
}

/** Where the parts of a quantised tensor lie: bytes from the start of the file. */
export interface PackedRecord {
  readonly key: string;
  readonly quantisation: Quantisation;
  readonly offsets: UnsignedParts;
  /** absent: codes and zeros are signed */
  readonly unsigned?: UnsignedRows;
}

export interface PlannedFile {
  readonly file: string;
  /** ascending offsets; the bytes between records are zero */
  readonly records: readonly ExternalRecord[];
  /** quantised tensors, which are in no record */
  readonly packed?: readonly PackedRecord[];
  /** size of the file: the end of its last record */
  readonly bytes: number;
}

export interface ExternalDataPlan {
  readonly files: readonly PlannedFile[];
  /**
   * Where a parameter lies: in the graph's own file, where that stores it, else in the first that does.
   * @throws Error when no file stores it
   */
  locate(key: string, own?: string): ExternalLocation;
  /** The same of a quantised parameter; undefined for others. */
  packed(key: string, own?: string): PackedLocation | undefined;
}

/** Where the parts of a quantised parameter lie beside the model. */
export interface PackedLocation extends Omit<PackedRecord, 'key'> {
  readonly location: string;
}

/** Bytes of each part of a quantised tensor. */
export function packedBytes(
  quantisation: Quantisation,
  shape: readonly number[],
  unsigned: UnsignedRows | undefined,
): UnsignedParts {
  const elements = sizeOf(shape);
  return unsigned ? unsignedPartsOf(quantisation, elements, unsigned) : { ...partsOf(quantisation, elements), low: 0 };
}

const PAGE = 4096;
const CACHE_LINE = 64;

/**
 * @throws Error when a file's name is not a plain one or repeats, or when a key is wanted with two dtypes or shapes
 */
export function planExternalData(files: readonly WeightsFile[]): ExternalDataPlan {
  type Placed = {
    readonly file: string;
    readonly tensor: StoredTensor;
    readonly record: ExternalRecord | PackedRecord;
  };
  const placed = new Map<string, Placed>();
  /** by file, what it stores itself */
  const inFile = new Map<string, Map<string, Placed>>();
  const find = (key: string, own: string): Placed | undefined => inFile.get(own)?.get(key) ?? placed.get(key);
  const names = new Set<string>();
  const planned = files.map(({ file, keys, whole = false }): PlannedFile => {
    checkLocation(file);
    // file systems that ignore case would make two such files one
    if (names.has(file.toLowerCase())) throw new Error(`two weights files are called ${file}: give each its own name`);
    names.add(file.toLowerCase());
    const records: ExternalRecord[] = [];
    const packed: PackedRecord[] = [];
    const own = new Map<string, Placed>();
    inFile.set(file, own);
    let end = 0;
    const take = (bytes: number): number => {
      const offset = roundUp(end, bytes >= PAGE ? PAGE : CACHE_LINE);
      end = offset + bytes;
      return offset;
    };
    for (const tensor of keys) {
      const before = placed.get(tensor.key);
      if (before) checkSame(before.tensor, tensor);
      if (before && !(whole && before.file !== file)) continue;
      const { key, quantisation } = tensor;
      const place = (record: ExternalRecord | PackedRecord): void => {
        own.set(key, { file, tensor, record });
        if (!before) placed.set(key, { file, tensor, record });
      };
      if (quantisation) {
        const unsigned = tensor.unsigned
          ? { groups: tensor.shape.at(-1)! / quantisation.group, halves: tensor.unsigned === 'halves' }
          : undefined;
        const { codes, low, scales, zeros } = packedBytes(quantisation, tensor.shape, unsigned);
        const there = (bytes: number): number => (bytes === 0 ? 0 : take(bytes));
        const offsets = { codes: take(codes), low: there(low), scales: take(scales), zeros: there(zeros) };
        const record = { key, quantisation, offsets, ...(unsigned ? { unsigned } : {}) };
        packed.push(record);
        place(record);
        continue;
      }
      const length = sizeOf(tensor.shape) * BYTES_PER_ELEMENT[tensor.dtype];
      const record = { key, dtype: tensor.dtype, shape: tensor.shape, offset: take(length), length };
      records.push(record);
      place(record);
    }
    return { file, records, packed, bytes: end };
  });
  return {
    files: planned,
    locate(key, own = '') {
      const found = find(key, own);
      if (!found || !('offset' in found.record))
        throw new Error(`no weights file stores parameter ${JSON.stringify(key)}: add it to one of the files`);
      return { location: found.file, offset: found.record.offset, length: found.record.length };
    },
    packed(key, own = '') {
      const found = find(key, own);
      if (!found || !('offsets' in found.record)) return undefined;
      const { key: _, ...record } = found.record;
      return { location: found.file, ...record };
    },
  };
}

function roundUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function checkSame(stored: StoredTensor, wanted: StoredTensor): void {
  const print = ({ dtype, shape }: StoredTensor) => `${dtype}[${shape.join(', ')}]`;
  if (print(stored) === print(wanted)) return;
  throw new Error(
    `parameter ${JSON.stringify(stored.key)} is ${print(stored)} in one graph and ${print(wanted)} in another`,
  );
}

/**
 * @throws Error unless `name` is a plain file name: letters, digits, `.`, `_` and `-`, not starting with a dot or dash
 */
export function checkLocation(name: string): void {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name) && !name.includes('..')) return;
  throw new Error(
    `external data must lie beside the model, and ${JSON.stringify(name)} is not a plain file name: use letters, digits, dots, dashes and underscores`,
  );
}
