/** The files that a path of the disk leads to, read a piece at a time. */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { reasonOf, runtimeError } from '../../runtime/errors.ts';
import type { DataFile } from './file.ts';

/**
 * The file at this path, or those of a folder and the folders in it, in the order of their names.
 * @param endings such as `.txt`; other files of a folder are left aside
 * @param expected for messages: what the path should lead to
 * @throws RuntimeError R1141
 */
export function filesAt(path: string, endings: readonly string[], expected: string): readonly DataFile[] {
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
    const name = file === path ? path : relative(path, file).split(sep).join('/');
    const read = (offset: number, length: number): Uint8Array => {
      try {
        return readPiece(file, offset, length);
      } catch (error) {
        throw runtimeError('data_path', { path: file, reason: reasonOf(error), expected }, error);
      }
    };
    return { name, size: statSync(file).size, read };
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
