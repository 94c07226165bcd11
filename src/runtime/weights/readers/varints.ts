/** Packed varints as a source of fixed-size elements, decoded as they are read: reads that go back begin anew. */
import { runtimeError } from '../../errors.ts';
import type { RandomAccess } from '../source.ts';
import { ProtobufError, readVarint } from './protobuf.ts';

const PIECE = 1 << 16;

/**
 * The low `itemBytes` bytes of each number, two's complement.
 * @param count how many numbers there should be
 */
export function varintSource(packed: RandomAccess, itemBytes: number, count: number): RandomAccess {
  let decoded = { at: 0, start: 0, bytes: new Uint8Array(0) };
  const next = async (): Promise<void> => {
    const bytes = await packed.read(decoded.at, Math.min(PIECE, packed.size - decoded.at));
    const out = new Uint8Array(bytes.length * itemBytes);
    const view = new DataView(out.buffer);
    // a number that the piece cuts begins the next one
    let end = bytes.length;
    if (decoded.at + end < packed.size) while (end > 0 && bytes[end - 1]! >= 128) end--;
    const filled = decode(packed, bytes.subarray(0, end), itemBytes, view);
    if (end === 0) throw malformed(packed, 'a number in it has more than 64 bits');
    decoded = { at: decoded.at + end, start: decoded.start + decoded.bytes.length, bytes: out.subarray(0, filled) };
  };
  return {
    name: packed.name,
    size: count * itemBytes,
    async read(offset, length) {
      if (offset < decoded.start) decoded = { at: 0, start: 0, bytes: new Uint8Array(0) };
      const result = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const from = offset + done - decoded.start;
        if (from >= decoded.bytes.length) {
          if (decoded.at >= packed.size) throw malformed(packed, `a list of ${count} numbers ends early`);
          await next();
          continue;
        }
        const part = decoded.bytes.subarray(from, from + length - done);
        result.set(part, done);
        done += part.length;
      }
      const ends = offset + length === count * itemBytes;
      if (ends && (decoded.at < packed.size || decoded.start + decoded.bytes.length > count * itemBytes))
        throw malformed(packed, `a list of ${count} numbers has more`);
      return result;
    },
  };
}

/** How many bytes the numbers fill. */
function decode(packed: RandomAccess, bytes: Uint8Array, itemBytes: number, view: DataView): number {
  let filled = 0;
  try {
    for (let at = 0; at < bytes.length; filled += itemBytes) {
      const found = readVarint(bytes, at);
      write(view, filled, itemBytes, found.value);
      at += found.bytes;
    }
  } catch (error) {
    throw error instanceof ProtobufError ? malformed(packed, error.message) : error;
  }
  return filled;
}

const malformed = ({ name }: RandomAccess, reason: string): Error =>
  runtimeError('file_damaged', { file: name, format: 'an ONNX model', reason });

function write(view: DataView, at: number, itemBytes: number, value: bigint): void {
  if (itemBytes === 8) view.setBigUint64(at, value, true);
  else if (itemBytes === 4) view.setUint32(at, Number(value & 0xffffffffn), true);
  else if (itemBytes === 2) view.setUint16(at, Number(value & 0xffffn), true);
  else view.setUint8(at, Number(value & 0xffn));
}
