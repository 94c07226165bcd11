/** A page has no disk: data sets are given with their files. */
import { runtimeError } from '../../runtime/errors.ts';
import type { DataFile } from './file.ts';

/** @throws RuntimeError R1141 */
export function filesAt(path: string, _endings: readonly string[], expected: string): readonly DataFile[] {
  throw runtimeError('data_path', { path, reason: 'a page has no disk, and no files were given', expected });
}
