/** Files of the user's as a data set. */
import { unzipSync } from 'fflate';
import type { NamedFile } from './named-file.ts';

/** Bytes of a data set, unpacked. */
const MOST_DATA = 500_000_000;

/**
 * Files of a data set, those of a zip with their folders. A folder that all of them lie in is left out, as zips of a folder have one.
 * @throws Error for a zip that cannot be read, and for more bytes than a page holds
 */
export async function dataOf(given: readonly File[]): Promise<NamedFile[]> {
  const files: NamedFile[] = [];
  let bytes = 0;
  const take = (size: number): void => {
    bytes += size;
    if (bytes > MOST_DATA)
      throw new Error(`the files are more than ${MOST_DATA / 1e6} MB unpacked: \`mdl train\` reads data of any size`);
  };
  for (const file of given) {
    const content = new Uint8Array(await file.arrayBuffer());
    if (!file.name.toLowerCase().endsWith('.zip')) {
      take(content.length);
      files.push({ name: file.name, bytes: content });
      continue;
    }
    const filter = ({ name, originalSize }: { name: string; originalSize: number }): boolean => {
      // folders, and what macOS puts beside files
      if (name.endsWith('/') || /(^|\/)(\.|__MACOSX\/)/.test(name)) return false;
      take(originalSize);
      return true;
    };
    try {
      for (const [name, member] of Object.entries(unzipSync(content, { filter }))) files.push({ name, bytes: member });
    } catch (error) {
      throw new Error(`${file.name} cannot be unpacked: ${(error as Error).message}`, { cause: error });
    }
  }
  return withoutOuterFolder(files);
}

function withoutOuterFolder(files: readonly NamedFile[]): NamedFile[] {
  const outer = files[0]?.name.slice(0, files[0].name.indexOf('/') + 1) ?? '';
  const inside = (name: string): boolean => name.startsWith(outer) && name.slice(outer.length).includes('/');
  if (outer === '' || !files.every(({ name }) => inside(name))) return [...files];
  return files.map(({ name, bytes }) => ({ name: name.slice(outer.length), bytes }));
}
