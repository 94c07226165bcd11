/** The numbers of a stored tensor, piece by piece, and what they sum up to. */

import { allocate, type Checkpoint, ITEM_BYTES, READ_AS } from '../../../runtime/index.ts';
import { bytesOf, convertInto, type StoredDType } from '../../../runtime/weights/dtypes.ts';

/** Elements of a piece, at most. */
const PIECE = 1 << 20;

/** Floats and booleans as f64, integers as they are: those past 2^53 have no f64. */
export type Numbers = Float64Array | BigInt64Array;

export async function* numbersOf(
  checkpoint: Pick<Checkpoint, 'tensors' | 'stream'>,
  key: string,
): AsyncGenerator<Numbers> {
  const { dtype } = checkpoint.tensors.get(key)!;
  for await (const bytes of checkpoint.stream(key, PIECE * ITEM_BYTES[dtype])) yield toNumbers(dtype, bytes);
}

function toNumbers(dtype: StoredDType, bytes: Uint8Array): Numbers {
  const count = bytes.byteLength / ITEM_BYTES[dtype];
  if (dtype === 'F64') {
    const values = new Float64Array(count);
    bytesOf(values).set(bytes);
    return values;
  }
  const values = allocate(READ_AS[dtype], count);
  convertInto(dtype, bytes, values, 0);
  return values instanceof BigInt64Array ? values : Float64Array.from(values);
}

export interface Statistics {
  /** Euclidean norm, over the finite elements; in f64 */
  readonly l2: number;
  /** largest absolute value of the finite elements */
  readonly max: number;
  readonly nan: number;
  readonly infinite: number;
}

export async function statisticsOf(pieces: AsyncIterable<Numbers>): Promise<Statistics> {
  let [squares, max, nan, infinite] = [0, 0, 0, 0];
  for await (const piece of pieces) {
    const values = piece instanceof BigInt64Array ? Float64Array.from(piece, Number) : piece;
    for (const value of values) {
      const size = Math.abs(value);
      if (Number.isFinite(size)) {
        squares += size * size;
        if (size > max) max = size;
      } else if (Number.isNaN(size)) nan++;
      else infinite++;
    }
  }
  return { l2: Math.sqrt(squares), max, nan, infinite };
}

export interface Difference {
  /** elements that are not equal; two NaNs are */
  readonly elements: number;
  /** the first of them, −1 when there is none */
  readonly first: number;
  /** largest |a − b|; NaN where one of the two is not finite and they differ */
  readonly max: number;
  /** ‖a − b‖ / ‖a‖ (of its finite elements), 0 where both are the same */
  readonly relative: number;
}

/** Of two tensors of as many elements, whatever the sizes of their pieces. */
export async function differenceOf(a: AsyncGenerator<Numbers>, b: AsyncGenerator<Numbers>): Promise<Difference> {
  let [elements, first, max, squares, norm, at] = [0, -1, 0, 0, 0, 0];
  const [left, right] = [new Pieces(a), new Pieces(b)];
  for (;;) {
    const [mine, others] = [await left.rest(), await right.rest()];
    if (!mine || !others) break;
    const count = Math.min(mine.length, others.length);
    for (let i = 0; i < count; i++) {
      const [x, y] = [mine[i]!, others[i]!];
      const size = Number(x);
      if (Number.isFinite(size)) norm += size * size;
      // biome-ignore lint/suspicious/noDoubleEquals: an integer of one file may be a bigint where the other has a float
      if (x == y || (Number.isNaN(Number(x)) && Number.isNaN(Number(y)))) continue;
      const difference = typeof x === 'bigint' && typeof y === 'bigint' ? Number(x - y) : Number(x) - Number(y);
      elements++;
      if (first < 0) first = at + i;
      max = Number.isFinite(difference) ? Math.max(max, Math.abs(difference)) : Number.NaN;
      squares += difference * difference;
    }
    at += count;
    left.pass(count);
    right.pass(count);
  }
  return { elements, first, max, relative: elements === 0 ? 0 : Math.sqrt(squares) / Math.sqrt(norm) };
}

/** What is left of a stream of pieces. */
class Pieces {
  private piece: Numbers = new Float64Array(0);
  private readonly pieces: AsyncGenerator<Numbers>;

  constructor(pieces: AsyncGenerator<Numbers>) {
    this.pieces = pieces;
  }

  async rest(): Promise<Numbers | undefined> {
    while (this.piece.length === 0) {
      const next = await this.pieces.next();
      if (next.done) return undefined;
      this.piece = next.value;
    }
    return this.piece;
  }

  pass(count: number): void {
    this.piece = this.piece.subarray(count);
  }
}
