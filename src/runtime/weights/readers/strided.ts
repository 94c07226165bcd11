/**
 * Elements of a tensor in row-major order, from a storage in which they lie by strides: a transposed or sliced view, or an array
 * in Fortran's order. What lies in order is read as it is; else blocks of 32 MiB are gathered, whatever the size of the tensor.
 */
import { sizeOf } from '../../../shared/tensor.ts';
import type { RandomAccess } from '../source.ts';

export interface View {
  readonly source: RandomAccess;
  /** of the view's first element in the source, in bytes */
  readonly byteOffset: number;
  readonly itemBytes: number;
  readonly shape: readonly number[];
  /** in elements, at least 0; one for each dimension */
  readonly strides: readonly number[];
}

/** Bytes of a gathered block. */
const BLOCK = 1 << 25;
/** Runs whose distance is below this, in bytes, are read as one: a read costs about as much. */
const GAP = 1 << 14;
/** Bytes of one read. */
const WINDOW = 1 << 22;
/** Runs of one read, at most. */
const MOST_RUNS = 1 << 16;

/** In C's order; those of dimensions of size 1 mean nothing. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** The view's bytes from one on, in chunks of at most `chunkBytes`. */
export async function* streamView(view: View, byte: number, chunkBytes: number): AsyncIterable<Uint8Array> {
  const { source, byteOffset, itemBytes, shape, strides } = view;
  const total = sizeOf(shape) * itemBytes;
  const plain = rowMajor(shape);
  if (shape.every((size, axis) => size === 1 || strides[axis] === plain[axis])) {
    for (let done = byte; done < total; done += chunkBytes)
      yield await source.read(byteOffset + done, Math.min(chunkBytes, total - done));
    return;
  }
  let at = 0;
  for (const block of blocksOf(view, plain)) {
    const bytes = block.elements * itemBytes;
    if (at + bytes > byte) {
      const gathered = await gather(view, block);
      for (let from = Math.max(0, byte - at); from < bytes; from += chunkBytes)
        yield gathered.subarray(from, Math.min(bytes, from + chunkBytes));
    }
    at += bytes;
  }
}

interface Block {
  /** of its first element from the view's first, in elements */
  readonly start: number;
  readonly elements: number;
  /** size, stride in the source and stride in the block of each dimension */
  readonly dims: readonly Dim[];
}

interface Dim {
  readonly size: number;
  readonly from: number;
  readonly to: number;
}

/** Parts of the view that are consecutive in row-major order: ranges of the first axis whose items are small enough. */
function* blocksOf({ itemBytes, shape, strides }: View, plain: readonly number[]): Generator<Block> {
  const most = Math.max(1, Math.floor(BLOCK / itemBytes));
  let axis = 0;
  while (axis < shape.length - 1 && plain[axis]! > most) axis++;
  const rows = Math.max(1, Math.floor(most / plain[axis]!));
  const outer = shape.slice(0, axis);
  const inner = shape.slice(axis + 1).map(
    (size, i): Dim => ({
      size,
      from: strides[axis + 1 + i]!,
      to: plain[axis + 1 + i]!,
    }),
  );
  for (const start of starts(outer.map((size, i) => ({ size, from: strides[i]!, to: 0 })))) {
    for (let row = 0; row < shape[axis]!; row += rows) {
      const size = Math.min(rows, shape[axis]! - row);
      const dims = [{ size, from: strides[axis]!, to: plain[axis]! }, ...inner];
      yield { start: start.from + row * strides[axis]!, elements: size * plain[axis]!, dims };
    }
  }
}

/** Places of all elements of some dimensions, the first varying slowest. */
function* starts(dims: readonly Dim[]): Generator<{ readonly from: number; readonly to: number }> {
  const index = new Array<number>(dims.length).fill(0);
  let [from, to] = [0, 0];
  for (;;) {
    yield { from, to };
    let axis = dims.length - 1;
    for (; axis >= 0; axis--) {
      const dim = dims[axis]!;
      from += dim.from;
      to += dim.to;
      if (++index[axis]! < dim.size) break;
      from -= dim.from * dim.size;
      to -= dim.to * dim.size;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

type Elements = BigUint64Array | Uint32Array | Uint16Array | Uint8Array;

function elementsOf(bytes: Uint8Array, itemBytes: number): Elements {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % itemBytes === 0 ? bytes : bytes.slice();
  const count = byteLength / itemBytes;
  if (itemBytes === 8) return new BigUint64Array(buffer, byteOffset, count);
  if (itemBytes === 4) return new Uint32Array(buffer, byteOffset, count);
  return itemBytes === 2 ? new Uint16Array(buffer, byteOffset, count) : new Uint8Array(buffer, byteOffset, count);
}

/** The elements of a block in order. */
async function gather(view: View, { start, elements, dims }: Block): Promise<Uint8Array> {
  const { itemBytes } = view;
  const result = new Uint8Array(elements * itemBytes);
  const into = elementsOf(result, itemBytes);
  // along the smallest stride what lies close is read as one run; longer ones are cut to fit a read
  const sorted = dims.filter(({ size }) => size > 1).sort((a, b) => b.from - a.from);
  const last = sorted.at(-1);
  const close = last !== undefined && last.from * itemBytes <= GAP ? last : { size: 1, from: 1, to: 1 };
  const outer = close === last ? sorted.slice(0, -1) : sorted;
  const longest = Math.max(1, Math.floor(WINDOW / itemBytes / Math.max(1, close.from)));
  let pending: Run[] = [];
  let [low, high] = [0, 0];
  const flush = async (): Promise<void> => {
    if (pending.length === 0) return;
    const bytes = await view.source.read(view.byteOffset + low * itemBytes, (high - low) * itemBytes);
    const from = elementsOf(bytes, itemBytes);
    for (const run of pending) copy(from, run.from - low, into, run.to, run.count, close);
    pending = [];
  };
  for (const place of starts(outer)) {
    for (let done = 0; done < close.size; done += longest) {
      const count = Math.min(longest, close.size - done);
      const from = start + place.from + done * close.from;
      const end = from + (count - 1) * close.from + 1;
      const joins =
        from >= low &&
        (from - high) * itemBytes <= GAP &&
        (Math.max(high, end) - low) * itemBytes <= WINDOW &&
        pending.length < MOST_RUNS;
      if (pending.length > 0 && !joins) await flush();
      if (pending.length === 0) [low, high] = [from, end];
      pending.push({ from, to: place.to + done * close.to, count });
      high = Math.max(high, end);
    }
  }
  await flush();
  return result;
}

interface Run {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

function copy(from: Elements, first: number, to: Elements, target: number, count: number, steps: Dim): void {
  if (steps.from === 1 && steps.to === 1) {
    (to as Uint8Array).set((from as Uint8Array).subarray(first, first + count), target);
    return;
  }
  for (let i = 0; i < count; i++) to[target + i * steps.to] = from[first + i * steps.from]!;
}
