/**
 * Tensors that lie in a file otherwise than in the model, as if they lay in the model's way, and back: streamed, in blocks of
 * 32 MiB where elements are turned, whatever the size of the checkpoint.
 */
import { ITEM_BYTES } from '../../../runtime/weights/dtypes.ts';
import { CHUNK_BYTES, infoOf, type StoredTensor, type WeightsFile } from '../../../runtime/weights/file.ts';
import { rowMajor, streamView } from '../../../runtime/weights/readers/strided.ts';
import type { RandomAccess } from '../../../runtime/weights/source.ts';
import { sizeOf } from '../../../shared/tensor.ts';
import type { Turn } from '../../elaborate/layout.ts';
import { cliError } from '../errors.ts';
import type { PlannedMove, Reading } from './reading.ts';

/** A tensor that is streamed from any element. */
export interface Part {
  readonly byteLength: number;
  stream(byte: number, chunkBytes: number): AsyncIterable<Uint8Array>;
}

/** The file with the model's keys. @throws CliError C0462 for a tensor of another shape or dtype than the layout says */
export function laidOut(file: WeightsFile, reading: Reading): WeightsFile {
  const tensors = new Map<string, StoredTensor>();
  const parts = new Map<string, Part>();
  /** the file's key of a tensor that is used as it is */
  const whole = new Map<string, string>();
  const problems = reading.moves.flatMap((planned) => problemsOf(file, planned));
  if (problems.length > 0)
    throw cliError('layout_shapes', { file: file.name, layout: reading.layout.name, count: problems.length }, problems);
  for (const { move, keys } of reading.moves) {
    const { dtype, shape, byteLength, encoding } = infoOf(file, keys[0]!);
    const sources = keys.map((key): Part => {
      const bytes = infoOf(file, key).byteLength;
      return { byteLength: bytes, stream: (byte, chunk) => file.streamFrom(key, byte, chunk) };
    });
    const [target, ...more] = move.targets;
    if (sources.length === 1 && more.length === 0 && !move.turn) {
      // as it is, so that tables of positions may be of another size
      tensors.set(target!.keys[0], { dtype, shape, byteLength, ...(encoding === undefined ? {} : { encoding }) });
      parts.set(target!.keys[0], sources[0]!);
      whole.set(target!.keys[0], keys[0]!);
      continue;
    }
    const joined = wholeOf(sources, ITEM_BYTES[dtype], move.turn && forth(move.turn));
    let start = 0;
    for (const { keys: targetKeys, shape: targetShape } of move.targets) {
      const bytes = sizeOf(targetShape) * ITEM_BYTES[dtype];
      tensors.set(targetKeys[0], { dtype, shape: targetShape, byteLength: bytes });
      parts.set(targetKeys[0], sliceOf(joined, start, bytes));
      start += bytes;
    }
  }
  return {
    name: file.name,
    format: file.format,
    metadata: file.metadata,
    tensors,
    streamFrom: (name, byte, chunkBytes = CHUNK_BYTES) => {
      infoOf({ name: file.name, tensors }, name);
      return parts.get(name)!.stream(byte, chunkBytes);
    },
    packed: (name, as) => (whole.has(name) ? file.packed?.(whole.get(name)!, as) : undefined),
    close: () => file.close(),
  };
}

/** A tensor that is used as it is may be resampled later, so its shape is checked there. */
function problemsOf(file: WeightsFile, { move, keys }: PlannedMove): string[] {
  const plain = keys.length === 1 && move.targets.length === 1 && !move.turn;
  if (plain) return [];
  const first = infoOf(file, keys[0]!);
  return keys.flatMap((key) => {
    const { shape, dtype } = infoOf(file, key);
    const problems = [];
    if (shape.join() !== move.shape.join())
      problems.push(`${key} is [${shape.join(', ')}] and the layout makes it [${move.shape.join(', ')}]`);
    if (dtype !== first.dtype)
      problems.push(`${key} is ${dtype} and ${keys[0]}, which it is joined with, ${first.dtype}`);
    return problems;
  });
}

/** Sizes of a tensor in the order in which it is wanted, and its strides where it lies. */
export interface Strided {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** From the stored order to the model's. */
export function forth({ sizes, order }: Turn): Strided {
  const strides = rowMajor(sizes);
  return { shape: order.map((axis) => sizes[axis]!), strides: order.map((axis) => strides[axis]!) };
}

/** From the model's order to the stored one. */
export function back({ sizes, order }: Turn): Strided {
  const strides = rowMajor(order.map((axis) => sizes[axis]!));
  return { shape: sizes, strides: sizes.map((_, axis) => strides[order.indexOf(axis)]!) };
}

/** Parts one after the other, their elements in another order. */
export function wholeOf(parts: readonly Part[], itemBytes: number, order: Strided | undefined): Part {
  const source = joined(parts);
  const byteLength = source.size;
  const { shape, strides } = order ?? { shape: [byteLength / itemBytes], strides: [1] };
  const view = { source, byteOffset: 0, itemBytes, shape, strides };
  return { byteLength, stream: (byte, chunkBytes) => streamView(view, byte, chunkBytes) };
}

/** Some bytes of a part. */
export function sliceOf(part: Part, start: number, byteLength: number): Part {
  return {
    byteLength,
    stream: (byte, chunkBytes) => limited(part.stream(start + byte, chunkBytes), byteLength - byte),
  };
}

async function* limited(chunks: AsyncIterable<Uint8Array>, bytes: number): AsyncIterable<Uint8Array> {
  let left = bytes;
  if (left <= 0) return;
  for await (const chunk of chunks) {
    yield chunk.byteLength <= left ? chunk : chunk.subarray(0, left);
    left -= chunk.byteLength;
    if (left <= 0) return;
  }
}

/** The parts as one source of bytes. */
function joined(parts: readonly Part[]): RandomAccess {
  const size = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return {
    name: 'tensors of a layout',
    size,
    async read(offset, length) {
      const result = new Uint8Array(length);
      let [done, start] = [0, 0];
      for (const part of parts) {
        const from = Math.max(0, offset + done - start);
        const wanted = Math.min(length - done, part.byteLength - from);
        if (from < part.byteLength && wanted > 0) {
          for await (const chunk of limited(part.stream(from, wanted), wanted)) {
            result.set(chunk, done);
            done += chunk.byteLength;
          }
        }
        start += part.byteLength;
      }
      return result;
    },
  };
}
