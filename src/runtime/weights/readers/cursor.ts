/**
 * Reads numbers and text one after the other, from bytes that are in memory. Whoever needs more than there is gets
 * `OutOfBytes`: `withHead` then tries again with more of the file.
 */
import type { RandomAccess } from '../source.ts';

/** The bytes end before what was asked for. */
export class OutOfBytes extends Error {
  /** the first byte past what was asked for */
  readonly end: number;
  constructor(end: number) {
    super(`it ends before byte ${end}`);
    this.name = 'OutOfBytes';
    this.end = end;
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Little-endian. */
export class Cursor {
  at: number;
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** The place of the next `count` bytes, which are passed. @throws OutOfBytes */
  private pass(count: number): number {
    const { at } = this;
    if (count > this.left) throw new OutOfBytes(at + count);
    this.at = at + count;
    return at;
  }

  take(count: number): Uint8Array {
    const at = this.pass(count);
    return this.bytes.subarray(at, at + count);
  }

  u8(): number {
    return this.view.getUint8(this.pass(1));
  }
  i8(): number {
    return this.view.getInt8(this.pass(1));
  }
  u16(): number {
    return this.view.getUint16(this.pass(2), true);
  }
  i16(): number {
    return this.view.getInt16(this.pass(2), true);
  }
  u32(): number {
    return this.view.getUint32(this.pass(4), true);
  }
  i32(): number {
    return this.view.getInt32(this.pass(4), true);
  }
  u64(): bigint {
    return this.view.getBigUint64(this.pass(8), true);
  }
  i64(): bigint {
    return this.view.getBigInt64(this.pass(8), true);
  }
  f32(): number {
    return this.view.getFloat32(this.pass(4), true);
  }
  f64(bigEndian = false): number {
    return this.view.getFloat64(this.pass(8), !bigEndian);
  }

  /** A u64 that is a size. @throws RangeError past 2^53 */
  size(): number {
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`it claims a size of ${value}`);
    return Number(value);
  }

  /** @throws TypeError when the bytes are no UTF-8 */
  text(count: number): string {
    return UTF8.decode(this.take(count));
  }
}

/** Bytes of a file that are tried first. */
const FIRST = 1 << 20;

/**
 * What `parse` makes of a file's first bytes: of as many as it takes, up to `most`.
 * @throws OutOfBytes when the file or `most` ends first, and what `parse` throws
 */
export async function withHead<T>(
  source: RandomAccess,
  from: number,
  most: number,
  parse: (cursor: Cursor) => T,
): Promise<T> {
  const limit = Math.min(source.size - from, most);
  for (let count = Math.min(FIRST, limit); ; ) {
    const bytes = await source.read(from, count);
    try {
      return parse(new Cursor(bytes));
    } catch (error) {
      if (!(error instanceof OutOfBytes) || count >= limit || error.end > limit) throw error;
      count = Math.min(limit, Math.max(4 * count, error.end));
    }
  }
}
