/**
 * A TensorProto: `dims` 1, `data_type` 2, `name` 8, and its numbers in one of raw_data 9, float_data 4, int32_data 5 (also for the
 * smaller integers, f16 and bf16), int64_data 7, double_data 10, or in another file (external_data 13, data_location 14).
 */
import { runtimeError } from '../../errors.ts';
import { ITEM_BYTES, STORED_DTYPES, type StoredDType } from '../dtypes.ts';
import type { OpenBeside } from '../open.ts';
import type { RandomAccess } from '../source.ts';
import { rangeOf } from './inflate.ts';
import { type Field, ProtobufError, type ProtobufReader, readVarint } from './protobuf.ts';
import { rowMajor } from './strided.ts';
import { varintSource } from './varints.ts';
import { productOf, type StoredView } from './views.ts';

const DTYPES: ReadonlyMap<number, StoredDType> = new Map([
  [1, 'F32'],
  [2, 'U8'],
  [3, 'I8'],
  [5, 'I16'],
  [6, 'I32'],
  [7, 'I64'],
  [9, 'BOOL'],
  [10, 'F16'],
  [11, 'F64'],
  [16, 'BF16'],
]);
const UNREAD = [
  'UNDEFINED',
  '',
  '',
  '',
  'UINT16',
  '',
  '',
  '',
  'STRING',
  '',
  '',
  '',
  'UINT32',
  'UINT64',
  'COMPLEX64',
  'COMPLEX128',
  '',
  'FLOAT8E4M3FN',
  'FLOAT8E4M3FNUZ',
  'FLOAT8E5M2',
  'FLOAT8E5M2FNUZ',
  'UINT4',
  'INT4',
  'FLOAT4E2M1',
];

const LONGEST_NAME = 1 << 16;
const MOST_DIMS = 64;
const RAW = 9;
const EXTERNAL = 13;
/** Fields of numbers, and the dtypes that they hold. */
const DATA: ReadonlyMap<number, readonly StoredDType[]> = new Map<number, readonly StoredDType[]>([
  [4, ['F32']],
  [5, ['I32', 'I16', 'I8', 'U8', 'BOOL', 'F16', 'BF16']],
  [7, ['I64']],
  [RAW, STORED_DTYPES],
  [10, ['F64']],
]);
const VARINTS = new Set([5, 7]);

interface Fields {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly bigint[];
  readonly data: Field | undefined;
  readonly external: ReadonlyMap<string, string>;
  readonly isExternal: boolean;
}

/** @throws ProtobufError, TypeError for a name that is no UTF-8, RuntimeError R0106, R0107, R0113, R0118, R1187 */
export async function readOnnxTensor(
  reader: ProtobufReader,
  field: Field,
  source: RandomAccess,
  open: OpenBeside,
): Promise<{ readonly name: string; readonly view: StoredView }> {
  const { name, type, dims, data, external, isExternal } = await readFields(reader, field);
  const file = source.name;
  const dtype = DTYPES.get(type);
  if (dtype === undefined)
    throw runtimeError('tensor_dtype_unread', {
      file,
      tensor: name,
      dtype: UNREAD[type] || `data type ${type}`,
      known: STORED_DTYPES,
    });
  const shape = dims.map((size) => {
    if (size > BigInt(Number.MAX_SAFE_INTEGER))
      throw new ProtobufError(`${name} has a size of ${BigInt.asIntN(64, size)}`);
    return Number(size);
  });
  const count = productOf(shape);
  const byteLength = count * ITEM_BYTES[dtype];
  const head = { dtype, shape, strides: rowMajor(shape), byteLength };
  if (isExternal) {
    const { storage, byteOffset } = await externalData(external, open, { file, tensor: name }, byteLength);
    return { name, view: { ...head, byteOffset, storage: () => storage } };
  }
  const found = data ? data.to - data.from : 0;
  if (data && !DATA.get(data.number)!.includes(dtype))
    throw new ProtobufError(`${name} of ${dtype} has its numbers in field ${data.number}`);
  const isVarint = data !== undefined && VARINTS.has(data.number);
  if (isVarint ? count > found || found > 10 * count : found !== byteLength)
    throw runtimeError('tensor_bytes', {
      file,
      tensor: name,
      found,
      expected: isVarint ? `${count} to ${10 * count}` : String(byteLength),
    });
  const packed = rangeOf(source, data?.from ?? 0, found);
  return {
    name,
    view: {
      ...head,
      byteOffset: 0,
      storage: () => (isVarint ? varintSource(packed, ITEM_BYTES[dtype], count) : packed),
    },
  };
}

async function readFields(reader: ProtobufReader, { from, to }: Field): Promise<Fields> {
  const dims: bigint[] = [];
  const external = new Map<string, string>();
  let [name, type, isExternal] = ['', 0, false];
  let data: Field | undefined;
  for await (const field of reader.fields(from, to)) {
    if (field.number === 1) await readDims(reader, field, dims);
    else if (field.number === 2) type = Number(field.value);
    else if (field.number === 8) name = await textOf(reader, field);
    else if (field.number === 14) isExternal = field.value === 1n;
    else if (field.number === EXTERNAL) await readPair(reader, field, external);
    else if (field.number === 3) throw new ProtobufError(`${name} is a segment of a tensor`);
    else if (DATA.has(field.number) || field.number === 6 || field.number === 11) {
      if (field.to === field.from && field.wire === 2) continue;
      if (field.wire !== 2) throw new ProtobufError(`${name} has numbers that are not packed`);
      if (data) throw new ProtobufError(`${name} has its numbers twice`);
      if (DATA.has(field.number)) data = field;
    }
  }
  return { name, type, dims, data, external, isExternal };
}

async function readDims(reader: ProtobufReader, field: Field, dims: bigint[]): Promise<void> {
  if (field.wire === 0) dims.push(field.value);
  else {
    const bytes = await reader.content(field, 10 * MOST_DIMS);
    for (let at = 0; at < bytes.length; ) {
      const { value, bytes: length } = readVarint(bytes, at);
      dims.push(value);
      at += length;
    }
  }
  if (dims.length > MOST_DIMS) throw new ProtobufError(`a tensor has more than ${MOST_DIMS} dimensions`);
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const textOf = async (reader: ProtobufReader, field: Field): Promise<string> =>
  UTF8.decode(await reader.content(field, LONGEST_NAME));

async function readPair(reader: ProtobufReader, { from, to }: Field, pairs: Map<string, string>): Promise<void> {
  let [key, value] = ['', ''];
  for await (const field of reader.fields(from, to)) {
    if (field.number === 1) key = await textOf(reader, field);
    else if (field.number === 2) value = await textOf(reader, field);
  }
  pairs.set(key, value);
}

/** Where a tensor lies in another file. */
async function externalData(
  pairs: ReadonlyMap<string, string>,
  open: OpenBeside,
  { file, tensor }: { readonly file: string; readonly tensor: string },
  byteLength: number,
): Promise<{ readonly storage: RandomAccess; readonly byteOffset: number }> {
  const data = pairs.get('location') ?? '';
  const refuse = (reason: string): Error =>
    runtimeError('external_data', { file, tensor, data: data || 'no file', reason });
  if (data === '') throw refuse('that names nothing');
  const byteOffset = Number(pairs.get('offset') ?? 0);
  const length = Number(pairs.get('length') ?? byteLength);
  if (!Number.isSafeInteger(byteOffset) || byteOffset < 0) throw refuse(`its offset is ${pairs.get('offset')}`);
  if (length !== byteLength)
    throw refuse(`its length is ${pairs.get('length')} and its shape asks for ${byteLength} bytes`);
  const storage = await open(data);
  if (byteOffset + byteLength > storage.size)
    throw refuse(`it would end at byte ${byteOffset + byteLength} of ${storage.size}`);
  return { storage, byteOffset };
}
