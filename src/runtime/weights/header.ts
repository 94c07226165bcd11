/**
 * The header of a safetensors file, checked to the last byte.
 *
 *     8 bytes      N, u64 little-endian
 *     N bytes      {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {…}}
 *     the rest     the data: tensors one after the other, offsets from its start, no holes, no overlaps
 *
 * A weights file comes from strangers; whatever it claims is checked before anything is allocated from it.
 */
import { reasonOf, runtimeError } from '../errors.ts';
import { ITEM_BYTES, isStoredDType, STORED_DTYPES } from './dtypes.ts';
import type { StoredTensor } from './file.ts';
import { DuplicateKeyError, parseStrictJson, type StrictJson } from './json.ts';
import { type RandomAccess, SIGNATURE_BYTES } from './source.ts';

/** The format's own limit, in bytes. */
export const LARGEST_HEADER = 100_000_000;

export interface PlacedTensor extends StoredTensor {
  /** from the start of the file */
  readonly byteOffset: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads and checks the header.
 * @throws RuntimeError R0101–R0110, R0112, and R0123 for a file of another format
 */
export async function readHeader(source: RandomAccess): Promise<SafetensorsHeader> {
  const file = source.name;
  const start = await source.read(0, Math.min(source.size, SIGNATURE_BYTES));
  // a header begins with its brace: whatever its length spells
  const foreign = start[8] === 0x7b ? undefined : (await import('./foreign.ts')).recognise(start);
  if (foreign) throw runtimeError('foreign_weights', { file, ...foreign });
  if (source.size < 8) throw runtimeError('file_too_short', { file, size: source.size });
  const claimed = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  const limit = Math.min(LARGEST_HEADER, source.size - 8);
  if (claimed > BigInt(limit)) throw runtimeError('header_length', { file, length: String(claimed), limit });
  const length = Number(claimed);
  return parseHeader(await source.read(8, length), file, source.size);
}

/**
 * The same for a header in memory.
 * @param bytes the N bytes after the length
 * @param size of the whole file
 */
export function parseHeader(bytes: Uint8Array, file: string, size: number): SafetensorsHeader {
  const header = parseObject(bytes, file);
  const dataStart = 8 + bytes.length;
  const tensors = new Map<string, PlacedTensor>();
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of header) {
    if (name === '__metadata__') metadata = parseMetadata(value, file);
    else tensors.set(name, parseTensor(value, file, name, dataStart));
  }
  checkLayout(tensors, file, dataStart, size);
  return { tensors, metadata };
}

function parseObject(bytes: Uint8Array, file: string): ReadonlyMap<string, StrictJson> {
  let value: StrictJson;
  try {
    if (bytes[0] !== 0x7b) throw new SyntaxError('it does not start with "{"');
    value = parseStrictJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    if (error instanceof DuplicateKeyError) throw runtimeError('header_key_twice', { file, key: error.key });
    throw runtimeError('header_not_json', { file, reason: reasonOf(error) }, error);
  }
  return value as ReadonlyMap<string, StrictJson>; // it starts with "{"
}

function parseMetadata(value: StrictJson, file: string): ReadonlyMap<string, string> {
  if (!(value instanceof Map)) throw runtimeError('metadata', { file, reason: 'is not an object' });
  for (const [key, item] of value) {
    if (typeof item !== 'string')
      throw runtimeError('metadata', { file, reason: `has a value under ${key} that is not text` });
  }
  return value as ReadonlyMap<string, string>;
}

function isSize(value: StrictJson): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parseTensor(value: StrictJson, file: string, tensor: string, dataStart: number): PlacedTensor {
  const refuse = (reason: string) => runtimeError('header_entry', { file, tensor, reason });
  if (!(value instanceof Map)) throw refuse('is not an object');
  const fields = value as ReadonlyMap<string, StrictJson>;
  for (const key of fields.keys()) {
    if (key !== 'dtype' && key !== 'shape' && key !== 'data_offsets') throw refuse(`has the unknown field ${key}`);
  }
  const dtype = fields.get('dtype');
  const shape = fields.get('shape');
  const offsets = fields.get('data_offsets');
  if (typeof dtype !== 'string') throw refuse('has no dtype');
  if (!isStoredDType(dtype)) throw runtimeError('tensor_dtype_unread', { file, tensor, dtype, known: STORED_DTYPES });
  if (!Array.isArray(shape) || !shape.every(isSize))
    throw refuse('has a shape that is not a list of integers of at least 0');
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw refuse('has data_offsets that are not two integers of at least 0');
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw refuse(`has data_offsets that run backwards (${begin} to ${end})`);
  // factor by factor, so that 2^40 × 2^40 is refused and 0 × 2^60 is not taken for an overflow
  let expected = shape.includes(0) ? 0 : ITEM_BYTES[dtype];
  for (const dim of shape) {
    expected *= dim;
    if (!Number.isSafeInteger(expected))
      throw runtimeError('tensor_bytes', { file, tensor, found: end - begin, expected: 'more than 2^53' });
  }
  if (end - begin !== expected)
    throw runtimeError('tensor_bytes', { file, tensor, found: end - begin, expected: String(expected) });
  return { dtype, shape, byteOffset: dataStart + begin, byteLength: expected };
}

/** From the first byte of the data to the last byte of the file, each byte belongs to exactly one tensor. */
function checkLayout(tensors: ReadonlyMap<string, PlacedTensor>, file: string, dataStart: number, size: number): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  let end = dataStart;
  let other = 'the header';
  for (const [tensor, { byteOffset, byteLength }] of inOrder) {
    const begin = byteOffset - dataStart;
    if (byteOffset < end) throw runtimeError('tensors_overlap', { file, tensor, other, begin, end: end - dataStart });
    if (byteOffset > end) throw runtimeError('hole_between_tensors', { file, tensor, begin, end: end - dataStart });
    end = byteOffset + byteLength;
    other = tensor;
  }
  if (end !== size) throw runtimeError('file_size', { file, found: size, expected: end });
}
