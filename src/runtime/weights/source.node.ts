/** Weights files on disk, read piece by piece. */
import { open } from 'node:fs/promises';
import { reasonOf, runtimeError } from '../errors.ts';
import type { RandomAccess } from './source.ts';

/** Bytes per call of the operating system's read, which takes less than 2 GiB. */
const LARGEST_READ = 1 << 26;

/**
 * Opens a file for reading; `close()` it when done.
 * @throws RuntimeError R0118 when there is no such file
 */
export async function fileSource(path: string): Promise<RandomAccess & { close(): Promise<void> }> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw runtimeError('weights_not_opened', { file: path, reason: reasonOf(error) }, error);
  });
  const { size } = await handle.stat();
  return {
    name: path,
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle
          .read(bytes, done, Math.min(LARGEST_READ, length - done), offset + done)
          .catch((error: unknown) => {
            throw runtimeError('weights_not_read', { file: path, offset, length, reason: reasonOf(error) }, error);
          });
        if (bytesRead === 0)
          throw runtimeError('weights_not_read', {
            file: path,
            offset,
            length,
            reason: `it ends after ${offset + done} bytes`,
          });
        done += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}
