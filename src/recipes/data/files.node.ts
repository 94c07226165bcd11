/** The files that a path leads to, read a piece at a time. */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { reasonOf, runtimeError } from '../../runtime/errors.ts';

/** A file of a data set. It is opened for each read, so that a data set has nothing to close. */
export interface DataFile {
  /** for messages: the path below the folder, or the path that was given */
  readonly name: string;
  readonly path: string;
  /** in bytes, when the data set was opened */
  readonly size: number;
  /** Up to `length` bytes from `offset`; fewer at the end of the file. @throws RuntimeError R1141 */
  read(offset: number, length: number): Uint8Array;
}

/**
 * The file at this path, or those of a folder and the folders in it, in the order of their names.
 * @param endings such as `.txt`; other files of a folder are left aside
 * @param expected for messages: what the path should lead to
 * @throws RuntimeError R1141
 */
export function dataFiles(path: string, endings: readonly string[], expected: string): readonly DataFile[] {
  const refuse = (reason: string, cause?: unknown): Error =>
    runtimeError('data_path', { path, reason, expected }, cause);
  let found: readonly string[];
  try {
    found = statSync(path).isDirectory() ? filesUnder(path) : [path];
  } catch (error) {
    throw refuse(reasonOf(error), error);
  }
  const wanted = found.filter((file) => endings.includes(extname(file).toLowerCase()));
  if (wanted.length === 0) throw refuse(`no ${endings.join(' or ')} file is there`);
  return wanted.map((file): DataFile => {
    const name = file === path ? path : relative(path, file);
    const read = (offset: number, length: number): Uint8Array => {
      try {
        return readPiece(file, offset, length);
      } catch (error) {
        throw runtimeError('data_path', { path: file, reason: reasonOf(error), expected }, error);
      }
    };
    return { name, path: file, size: statSync(file).size, read };
  });
}

function filesUnder(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return statSync(path).isDirectory() ? filesUnder(path) : [path];
    });
}

function readPiece(path: string, offset: number, length: number): Uint8Array {
  const handle = openSync(path, 'r');
  try {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(handle, bytes, 0, length, offset));
  } finally {
    closeSync(handle);
  }
}

const READ_BYTES = 1 << 20;

/** What tells the content of these files from any other: names and bytes, a piece at a time. */
export function* contentsOf(files: readonly DataFile[]): Generator<Uint8Array> {
  for (const file of files) {
    yield new TextEncoder().encode(`\0${file.name}\0`);
    for (let at = 0; at < file.size; at += READ_BYTES) yield file.read(at, READ_BYTES);
  }
}
