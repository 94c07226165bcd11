/** The files of a data set: those that were given with it, else those that its path leads to on the disk. */
import { filesAt } from '#data-disk';
import { runtimeError } from '../../runtime/errors.ts';
import type { DataFile } from './file.ts';

/**
 * In the order of their names.
 * @param endings such as `.txt`; other files are left aside
 * @param expected for messages: what the data should be
 * @throws RuntimeError R1141
 */
export function dataFiles(
  { data, files }: { readonly data: string; readonly files?: readonly DataFile[] },
  endings: readonly string[],
  expected: string,
): readonly DataFile[] {
  if (!files) return filesAt(data, endings, expected);
  const wanted = files.filter(({ name }) => endings.some((ending) => name.toLowerCase().endsWith(ending)));
  if (wanted.length === 0)
    throw runtimeError('data_path', { path: data, reason: `no ${endings.join(' or ')} file is there`, expected });
  // folder by folder, as on the disk
  const key = ({ name }: DataFile): string => name.replaceAll('/', '\0');
  return [...wanted].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
