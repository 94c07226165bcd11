/**
 * A deflated member of an archive as a source of bytes. It is inflated as far as it is read, and held for one piece only:
 * reads that go forward cost one pass, one that goes back begins anew.
 */
import { Inflate } from 'fflate';
import { reasonOf, runtimeError } from '../../errors.ts';
import type { RandomAccess } from '../source.ts';

/** Bytes of the stream at a time: deflate packs at most 1032 to 1, so a piece inflates to 16 MiB at most. */
const PIECE = 1 << 14;
/** What deflate packs at most, to 1. */
export const BEST_RATIO = 1032;

/** @param size bytes when inflated, as the archive claims */
export function inflatedSource(packed: RandomAccess, size: number): RandomAccess {
  let stream = new Inflating(packed);
  return {
    name: packed.name,
    size,
    async read(offset, length) {
      if (offset < stream.start) stream = new Inflating(packed);
      const result = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const piece = await stream.at(offset + done);
        if (piece === undefined)
          throw runtimeError('file_damaged', {
            file: packed.name,
            format: 'a zip archive',
            reason: `a member inflates to ${stream.end} bytes and claims ${size}`,
          });
        const part = piece.subarray(0, length - done);
        result.set(part, done);
        done += part.length;
      }
      return result;
    },
  };
}

class Inflating {
  /** where `piece` begins in what is inflated */
  start = 0;
  private piece: Uint8Array = new Uint8Array(0);
  private read = 0;
  private readonly packed: RandomAccess;
  private readonly parts: Uint8Array[] = [];
  private readonly inflate = new Inflate((bytes) => void this.parts.push(bytes));

  constructor(packed: RandomAccess) {
    this.packed = packed;
  }

  get end(): number {
    return this.start + this.piece.length;
  }

  /** The bytes from `offset` to the end of its piece; undefined past the end of the stream. */
  async at(offset: number): Promise<Uint8Array | undefined> {
    while (offset >= this.end) {
      const next = await this.next();
      if (!next) return undefined;
      this.start = this.end;
      this.piece = next;
    }
    return this.piece.subarray(offset - this.start);
  }

  private async next(): Promise<Uint8Array | undefined> {
    while (this.parts.length === 0) {
      if (this.read >= this.packed.size) return undefined;
      const count = Math.min(PIECE, this.packed.size - this.read);
      const bytes = await this.packed.read(this.read, count);
      this.read += count;
      try {
        this.inflate.push(bytes, this.read === this.packed.size);
      } catch (error) {
        const reason = `a member does not inflate (${reasonOf(error)})`;
        throw runtimeError('file_damaged', { file: this.packed.name, format: 'a zip archive', reason }, error);
      }
    }
    return this.parts.shift();
  }
}

/** A range of a source. */
export function rangeOf(source: RandomAccess, offset: number, size: number): RandomAccess {
  return {
    name: source.name,
    size,
    read: (at, length) => {
      if (at + length > size)
        return Promise.reject(
          runtimeError('weights_not_read', {
            file: source.name,
            offset: at,
            length,
            reason: `its member has ${size} bytes`,
          }),
        );
      return source.read(offset + at, length);
    },
  };
}
