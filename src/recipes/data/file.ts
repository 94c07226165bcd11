/** A file of a data set: on the disk, or in memory. */
import type { RandomAccess } from '../../runtime/weights/source.ts';

/** A file of a data set. It is opened for each read, so that a data set has nothing to close. */
export interface DataFile {
  /** for messages: the path below the folder, with `/`, or the path that was given */
  readonly name: string;
  /** in bytes, when the data set was opened */
  readonly size: number;
  /** Up to `length` bytes from `offset`; fewer at the end of the file. @throws RuntimeError R1141 */
  read(offset: number, length: number): Uint8Array;
}

/** A file that is in memory. */
export function memoryFile(name: string, bytes: Uint8Array): DataFile {
  return { name, size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** A file as readers of weights take it. */
export function sourceOf({ name, size, read }: DataFile): RandomAccess {
  return { name, size, read: async (offset, length) => read(offset, length) };
}

const READ_BYTES = 1 << 20;

/** What tells the content of these files from any other: names and bytes, a piece at a time. */
export function* contentsOf(files: readonly DataFile[]): Generator<Uint8Array> {
  for (const file of files) {
    yield new TextEncoder().encode(`\0${file.name}\0`);
    for (let at = 0; at < file.size; at += READ_BYTES) yield file.read(at, READ_BYTES);
  }
}
