/**
 * GGUF files (ggml's docs/gguf.md), versions 2 and 3, little-endian.
 *
 *     "GGUF", version u32, tensors u64, pairs u64
 *     pairs:    key, type u32, value
 *     tensors:  name, dims u32, sizes u64 (the fastest first), type u32, offset u64
 *     data:     aligned; offsets from its start
 */
import { runtimeError } from '../../errors.ts';
import { ITEM_BYTES } from '../dtypes.ts';
import { CHUNK_BYTES, infoOf, type StoredTensor, type WeightsFile } from '../file.ts';
import type { RandomAccess } from '../source.ts';
import { type Cursor, OutOfBytes, withHead } from './cursor.ts';
import { type BlockFormat, GGML_TYPES, UNREAD_GGML_TYPES } from './gguf-blocks.ts';
import { keptBlocks } from './gguf-codes.ts';
import { readPairs } from './gguf-metadata.ts';
import { productOf } from './views.ts';

const FORMAT = 'a GGUF file';
/** Bytes of the header, at most: it has the vocabulary. */
const LARGEST_HEADER = 1 << 28;
/** Tensors, and pairs of metadata: each is an object, however few bytes it takes. */
const MOST_RECORDS = 1 << 20;
const MOST_DIMS = 4;
const ALIGNMENT = 32;
const NAMES = [...GGML_TYPES.values()].map((type) => (typeof type === 'string' ? type : type.name));

interface Placed extends StoredTensor {
  readonly blocks?: BlockFormat;
  /** in the file */
  readonly byteOffset: number;
  readonly storedBytes: number;
}

interface Header {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, Placed>;
}

/** @throws RuntimeError R0104, R0106, R0108, R1180, R1183, R1189 */
export async function openGguf(source: RandomAccess): Promise<WeightsFile> {
  const { name } = source;
  const { metadata, tensors } = await readHeader(source);
  return {
    name,
    format: 'GGUF',
    metadata,
    tensors,
    streamFrom: (key, byte, chunkBytes = CHUNK_BYTES) =>
      stream(source, infoOf({ name, tensors }, key), byte, chunkBytes),
    packed: (key, as) => keptBlocks(source, key, infoOf({ name, tensors }, key), as),
    close: async () => source.close?.(),
  };
}

async function readHeader(source: RandomAccess): Promise<Header> {
  const { name: file } = source;
  try {
    return await withHead(source, 0, LARGEST_HEADER, (cursor) => parseHeader(cursor, file, source.size));
  } catch (error) {
    const reason =
      error instanceof OutOfBytes
        ? 'its header has no end'
        : error instanceof TypeError
          ? 'a name in its header is no UTF-8'
          : error instanceof RangeError
            ? error.message
            : undefined;
    throw reason === undefined ? error : runtimeError('file_damaged', { file, format: FORMAT, reason }, error);
  }
}

function parseHeader(cursor: Cursor, file: string, size: number): Header {
  cursor.take(4);
  const version = cursor.u32();
  if (version !== 2 && version !== 3) {
    if ((version & 0xffff) === 0) throw runtimeError('byte_order', { file, order: 'big' });
    throw runtimeError('format_version', { file, format: 'GGUF', version: String(version), known: '2 and 3' });
  }
  const [tensorCount, pairCount] = [cursor.size(), cursor.size()];
  if (Math.max(tensorCount, pairCount) > MOST_RECORDS)
    throw new RangeError(`it claims ${tensorCount} tensors and ${pairCount} pairs of metadata`);
  const metadata = readPairs(cursor, pairCount, file);
  const alignment = Number(metadata.get('general.alignment') ?? ALIGNMENT);
  if (!Number.isSafeInteger(alignment) || alignment < 1 || alignment > 1 << 20)
    throw new RangeError(`its alignment is ${metadata.get('general.alignment')}`);
  const found: { readonly name: string; readonly tensor: Placed }[] = [];
  for (let i = 0; i < tensorCount; i++) found.push(readTensorInfo(cursor, file, alignment));
  const start = Math.ceil(cursor.at / alignment) * alignment;
  const tensors = new Map<string, Placed>();
  for (const { name, tensor } of found) {
    if (tensors.has(name)) throw runtimeError('header_key_twice', { file, key: name });
    tensors.set(name, { ...tensor, byteOffset: start + tensor.byteOffset });
  }
  checkPlaces(tensors, file, size);
  return { metadata, tensors };
}

/** The tensor's offset is still from the start of the data. */
function readTensorInfo(
  cursor: Cursor,
  file: string,
  alignment: number,
): { readonly name: string; readonly tensor: Placed } {
  const name = cursor.text(cursor.size());
  const dims = cursor.u32();
  if (dims > MOST_DIMS) throw new RangeError(`${name} has ${dims} dimensions`);
  const sizes = Array.from({ length: dims }, () => cursor.size());
  const type = cursor.u32();
  const byteOffset = cursor.size();
  const stored = GGML_TYPES.get(type);
  if (stored === undefined) {
    const dtype = UNREAD_GGML_TYPES.get(type) ?? `ggml type ${type}`;
    throw runtimeError('tensor_dtype_unread', { file, tensor: name, dtype, known: NAMES });
  }
  if (byteOffset % alignment !== 0)
    throw new RangeError(`${name} lies at ${byteOffset}, which is not aligned to ${alignment}`);
  const count = productOf(sizes);
  const blocks = typeof stored === 'string' ? undefined : stored;
  if (blocks && (sizes[0] ?? 1) % blocks.elements !== 0)
    throw new RangeError(
      `${name} has rows of ${sizes[0] ?? 1} elements, and ${blocks.name} has blocks of ${blocks.elements}`,
    );
  const dtype = typeof stored === 'string' ? stored : 'F32';
  const storedBytes = blocks ? (count / blocks.elements) * blocks.bytes : count * ITEM_BYTES[dtype];
  if (!Number.isSafeInteger(count * 8)) throw new RangeError(`${name} has more than 2^50 elements`);
  const tensor = { dtype, shape: sizes.reverse(), byteLength: count * ITEM_BYTES[dtype], byteOffset, storedBytes };
  return { name, tensor: blocks ? { ...tensor, blocks, encoding: blocks.name } : tensor };
}

/** Tensors lie in the file, one behind the other; between them is padding. */
function checkPlaces(tensors: ReadonlyMap<string, Placed>, file: string, size: number): void {
  let [end, other] = [0, 'the header'];
  for (const [tensor, { byteOffset, storedBytes }] of [...tensors].sort(
    ([, a], [, b]) => a.byteOffset - b.byteOffset,
  )) {
    if (byteOffset < end) throw runtimeError('tensors_overlap', { file, tensor, other, begin: byteOffset, end });
    if (byteOffset + storedBytes > size)
      throw new RangeError(`${tensor} ends at byte ${byteOffset + storedBytes} and the file has ${size}`);
    [end, other] = [byteOffset + storedBytes, tensor];
  }
}

async function* stream(
  source: RandomAccess,
  tensor: Placed,
  byte: number,
  chunkBytes: number,
): AsyncIterable<Uint8Array> {
  const { blocks, byteOffset, byteLength } = tensor;
  if (!blocks) {
    for (let done = byte; done < byteLength; done += chunkBytes)
      yield await source.read(byteOffset + done, Math.min(chunkBytes, byteLength - done));
    return;
  }
  const blockBytes = 4 * blocks.elements; // as f32
  const most = Math.max(1, Math.floor(chunkBytes / blockBytes));
  const count = byteLength / blockBytes;
  for (let first = Math.floor(byte / blockBytes); first < count; first += most) {
    const many = Math.min(most, count - first);
    const bytes = await source.read(byteOffset + first * blocks.bytes, many * blocks.bytes);
    const values = new Float32Array(many * blocks.elements);
    for (let i = 0; i < many; i++) blocks.decode(bytes, i * blocks.bytes, values, i * blocks.elements);
    const result = new Uint8Array(values.buffer);
    const from = Math.max(0, byte - first * blockBytes);
    for (let at = from; at < result.length; at += chunkBytes) yield result.subarray(at, at + chunkBytes);
  }
}
