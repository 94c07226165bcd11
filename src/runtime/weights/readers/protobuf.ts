/** Protocol buffers in a file: the fields of a message one by one, without reading what they hold. */
import type { RandomAccess } from '../source.ts';

export interface Field {
  readonly number: number;
  /** VARINT 0, I64 1, LEN 2, I32 5 */
  readonly wire: number;
  /** of a VARINT */
  readonly value: bigint;
  /** where its content lies in the file, for the others */
  readonly from: number;
  readonly to: number;
}

/** The bytes are no message. */
export class ProtobufError extends Error {}

const WINDOW = 1 << 16;
/** A tag and a length, or a varint, take so many bytes at most. */
const LONGEST = 20;

export class ProtobufReader {
  private readonly source: RandomAccess;
  private start = 0;
  private bytes: Uint8Array = new Uint8Array(0);

  constructor(source: RandomAccess) {
    this.source = source;
  }

  /** The fields of the message that lies from `from` to `to`. @throws ProtobufError */
  async *fields(from: number, to: number): AsyncGenerator<Field> {
    for (let at = from; at < to; ) {
      const view = await this.at(at, Math.min(LONGEST, to - at));
      const tag = readVarint(view, 0);
      const number = Number(tag.value >> 3n);
      const wire = Number(tag.value & 7n);
      if (number === 0 || number > 0x1fffffff)
        throw new ProtobufError(`a field at byte ${at} has the number ${number}`);
      let begin = at + tag.bytes;
      let value = 0n;
      let length = 0;
      if (wire === 0 || wire === 2) {
        const found = readVarint(view, tag.bytes);
        begin += found.bytes;
        if (wire === 0) value = found.value;
        else if (found.value > BigInt(to - begin))
          throw new ProtobufError(`the field at byte ${at} claims ${found.value} bytes, and ${to - begin} are left`);
        else length = Number(found.value);
      } else if (wire === 1) length = 8;
      else if (wire === 5) length = 4;
      else throw new ProtobufError(`the field at byte ${at} has the wire type ${wire}`);
      if (begin + length > to) throw new ProtobufError(`the field at byte ${at} ends past its message`);
      yield { number, wire, value, from: begin, to: begin + length };
      at = begin + length;
    }
  }

  /** A field's bytes, which are a name or a list of sizes. @throws ProtobufError for more than `most` */
  async content({ from, to }: Field, most: number): Promise<Uint8Array> {
    if (to - from > most)
      throw new ProtobufError(`the field at byte ${from} has ${to - from} bytes, and at most ${most} are read`);
    return (await this.at(from, to - from)).slice();
  }

  private async at(from: number, count: number): Promise<Uint8Array> {
    if (from < this.start || from + count > this.start + this.bytes.length) {
      this.bytes = await this.source.read(from, Math.max(count, Math.min(WINDOW, this.source.size - from)));
      this.start = from;
    }
    return this.bytes.subarray(from - this.start, from - this.start + count);
  }
}

/** @throws ProtobufError when the bytes end within it, or it has more than 64 bits */
export function readVarint(bytes: Uint8Array, at: number): { readonly value: bigint; readonly bytes: number } {
  // sizes and tags fit in four bytes: without bigints
  let small = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) throw new ProtobufError('a number ends past its message');
    small |= (byte & 127) << (7 * i);
    if (byte < 128) return { value: BigInt(small), bytes: i + 1 };
  }
  let value = BigInt(small);
  for (let i = 4; i < 10; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) throw new ProtobufError('a number ends past its message');
    value |= BigInt(byte & 127) << BigInt(7 * i);
    if (byte < 128) return { value: BigInt.asUintN(64, value), bytes: i + 1 };
  }
  throw new ProtobufError('a number has more than 64 bits');
}
