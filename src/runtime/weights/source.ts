/**
 * Where the bytes of a weights file come from: a file, a blob, a URL or memory, behind one interface.
 *
 * Nothing here reads a whole file: the full model has 16 GB of weights.
 */
import { runtimeError } from '../errors.ts';

export interface RandomAccess {
  /** for messages: a path or a URL */
  readonly name: string;
  /** in bytes */
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset`.
   * @throws RuntimeError R0121 when they cannot be had
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  close?(): Promise<void>;
}

/** Bytes that are in memory already. */
export function bytesSource(bytes: Uint8Array, name = 'the bytes given'): RandomAccess {
  return {
    name,
    size: bytes.byteLength,
    read(offset, length) {
      if (offset + length > bytes.byteLength) {
        return Promise.reject(
          runtimeError('weights_not_read', { file: name, offset, length, reason: `it has ${bytes.byteLength} bytes` }),
        );
      }
      return Promise.resolve(bytes.subarray(offset, offset + length));
    },
  };
}

/** Bytes at the start of a file by which its format is known: a page may begin with blanks and comments. */
export const SIGNATURE_BYTES = 512;
