/**
 * Where each parameter lies in the weights files beside the `.onnx` files: pure planning, nothing is written here.
 *
 * A parameter is stored once, in the first file that wants it; the other graphs refer to it there. Offsets are
 * multiples of 4096 bytes (a page) for tensors of at least a page: ONNX Runtime maps such a tensor straight from the
 * file, and a mapping starts on a page. Smaller tensors are packed at multiples of 64 bytes, a cache line, which is
 * also what vector instructions want; 4096 for each of a model's thousand bias vectors would be mostly holes.
 *
 * A file that would pass `shardBytes` goes on in others, `NAME`, `NAME_1`, `NAME_2`, …: the names that transformers.js asks for, in a
 * page where one buffer holds less than 2 GiB. A tensor is never split, so one that is larger has a file of its own.
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
  /** the file that it is a shard of, by the name in `WeightsFile` */
  readonly shardOf: string;
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
   * Where a parameter lies: in the graph's own file (or its shards), where that stores it, else in the first that does.
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
 * @param shardBytes of a file at most, where no tensor alone is larger
 * @throws Error when a file's name is not a plain one or repeats, or when a key is wanted with two dtypes or shapes
 */
export function planExternalData(
  files: readonly WeightsFile[],
  shardBytes: number = Number.POSITIVE_INFINITY,
): ExternalDataPlan {
  type Placed = {
    /** the shard */
    readonly file: string;
    readonly shardOf: string;
    readonly tensor: StoredTensor;
    readonly record: ExternalRecord | PackedRecord;
  };
  const placed = new Map<string, Placed>();
  /** by file, what it stores itself */
  const inFile = new Map<string, Map<string, Placed>>();
  const find = (key: string, own: string): Placed | undefined => inFile.get(own)?.get(key) ?? placed.get(key);
  const names = new Set<string>();
  const planned = files.flatMap(({ file: shardOf, keys, whole = false }): readonly PlannedFile[] => {
    const own = new Map<string, Placed>();
    inFile.set(shardOf, own);
    const shards: Shard[] = [];
    for (const tensor of keys) {
      const before = placed.get(tensor.key);
      if (before) checkSame(before.tensor, tensor);
      if (before && !(whole && before.shardOf !== shardOf)) continue;
      const full = shards.at(-1)?.hasRoomFor(tensor, shardBytes) === false;
      if (full || shards.length === 0) shards.push(new Shard(shardName(shardOf, shards.length, names)));
      const shard = shards.at(-1)!;
      const one = { file: shard.file, shardOf, tensor, record: shard.add(tensor) };
      own.set(tensor.key, one);
      if (!before) placed.set(tensor.key, one);
    }
    if (shards.length === 0) shards.push(new Shard(shardName(shardOf, 0, names)));
    return shards.map(({ file, records, packed, bytes }) => ({ file, shardOf, records, packed, bytes }));
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

/** A file's name, checked, and taken from now on. */
function shardName(file: string, shard: number, taken: Set<string>): string {
  const name = shard === 0 ? file : `${file}_${shard}`;
  checkLocation(name);
  // file systems that ignore case would make two such files one
  if (taken.has(name.toLowerCase())) throw new Error(`two weights files are called ${name}: give each its own name`);
  taken.add(name.toLowerCase());
  return name;
}

/** A file while it fills. */
class Shard {
  readonly file: string;
  readonly records: ExternalRecord[] = [];
  readonly packed: PackedRecord[] = [];
  bytes = 0;

  constructor(file: string) {
    this.file = file;
  }

  /** An empty one has room for any tensor. */
  hasRoomFor(tensor: StoredTensor, limit: number): boolean {
    const end = partBytes(tensor).reduce((before, bytes) => placeOf(before, bytes) + bytes, this.bytes);
    return this.bytes === 0 || end <= limit;
  }

  add(tensor: StoredTensor): ExternalRecord | PackedRecord {
    const { key, dtype, shape, quantisation } = tensor;
    if (!quantisation) {
      const length = lengthOf(tensor);
      const record = { key, dtype, shape, offset: this.take(length), length };
      this.records.push(record);
      return record;
    }
    const unsigned = unsignedOf(tensor);
    const places = partBytes(tensor).map((bytes) => (bytes === 0 ? 0 : this.take(bytes)));
    const [codes = 0, low = 0, scales = 0, zeros = 0] = places;
    const offsets = { codes, low, scales, zeros };
    const record = { key, quantisation, offsets, ...(unsigned ? { unsigned } : {}) };
    this.packed.push(record);
    return record;
  }

  private take(bytes: number): number {
    const offset = placeOf(this.bytes, bytes);
    this.bytes = offset + bytes;
    return offset;
  }
}

const lengthOf = ({ dtype, shape }: StoredTensor): number => sizeOf(shape) * BYTES_PER_ELEMENT[dtype];

function unsignedOf({ shape, quantisation, unsigned }: StoredTensor): UnsignedRows | undefined {
  return quantisation && unsigned
    ? { groups: shape.at(-1)! / quantisation.group, halves: unsigned === 'halves' }
    : undefined;
}

/** Bytes of each part, in the order in which they lie: one, or codes, low, scales, zeros. */
function partBytes(tensor: StoredTensor): readonly number[] {
  if (!tensor.quantisation) return [lengthOf(tensor)];
  const { codes, low, scales, zeros } = packedBytes(tensor.quantisation, tensor.shape, unsignedOf(tensor));
  return [codes, low, scales, zeros];
}

/** Where `bytes` begin in a file that ends at `end`. */
function placeOf(end: number, bytes: number): number {
  return roundUp(end, bytes >= PAGE ? PAGE : CACHE_LINE);
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
