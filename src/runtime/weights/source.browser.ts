/** Weights files in a page: a Blob (a file that was dropped or picked) or a URL that answers range requests. */
import { reasonOf, runtimeError } from '../errors.ts';
import type { RandomAccess } from './source.ts';

export function blobSource(blob: Blob, name = 'the blob given'): RandomAccess {
  return {
    name,
    size: blob.size,
    async read(offset, length) {
      const bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      if (bytes.length !== length)
        throw runtimeError('R0121', { file: name, offset, length, reason: `it has ${blob.size} bytes` });
      return bytes;
    },
  };
}

/**
 * A file on a server, read with HTTP range requests.
 * @throws RuntimeError R0118 when the server does not say how long the file is
 */
export async function urlSource(url: string): Promise<RandomAccess> {
  // one byte by range: tells the size (Content-Range: bytes 0-0/SIZE) and that ranges work at all
  const probe = await fetch(url, { headers: { Range: 'bytes=0-0' } }).catch((error: unknown) => {
    throw runtimeError('R0118', { file: url, reason: reasonOf(error) }, error);
  });
  const size = Number(/\/(\d+)$/.exec(probe.headers.get('Content-Range') ?? '')?.[1] ?? Number.NaN);
  if (probe.status !== 206 || !Number.isSafeInteger(size)) {
    await probe.body?.cancel();
    throw runtimeError('R0118', {
      file: url,
      reason: `the server answers a range request with status ${probe.status}`,
    });
  }
  await probe.arrayBuffer();
  return {
    name: url,
    size,
    async read(offset, length) {
      if (length === 0) return new Uint8Array(0);
      const fail = (reason: string, cause?: unknown): Error =>
        runtimeError('R0121', { file: url, offset, length, reason }, cause);
      const answer = await fetch(url, { headers: { Range: `bytes=${offset}-${offset + length - 1}` } }).catch(
        (error: unknown) => {
          throw fail(reasonOf(error), error);
        },
      );
      if (answer.status !== 206) {
        await answer.body?.cancel();
        throw fail(`status ${answer.status}`);
      }
      const bytes = new Uint8Array(await answer.arrayBuffer());
      if (bytes.length !== length) throw fail(`the server sent ${bytes.length}`);
      return bytes;
    },
  };
}
