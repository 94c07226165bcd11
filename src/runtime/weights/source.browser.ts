/** Weights files in a page: a Blob (a file that was dropped or picked) or a URL that answers range requests. */
import { reasonOf, runtimeError } from '../errors.ts';
import type { RandomAccess } from './source.ts';

/** Bytes of a file that a server without ranges may send: they stay in memory (or where the browser keeps large Blobs). */
const LARGEST_WHOLE = 2 ** 31;

export function blobSource(blob: Blob, name = 'the blob given'): RandomAccess {
  return {
    name,
    size: blob.size,
    async read(offset, length) {
      const bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      if (bytes.length !== length)
        throw runtimeError('weights_not_read', { file: name, offset, length, reason: `it has ${blob.size} bytes` });
      return bytes;
    },
  };
}

/**
 * A file on a server, read with HTTP range requests. A server may answer such a request with the whole file (RFC 9110,
 * section 14.2): its answer is then kept, up to `largestWhole` bytes, and parts are read from it.
 * @throws RuntimeError R0118 when the server does not say how long the file is, or sends more than that
 */
export async function urlSource(url: string, largestWhole = LARGEST_WHOLE): Promise<RandomAccess> {
  // one byte by range: tells the size (Content-Range: bytes 0-0/SIZE) and that ranges work at all
  const probe = await fetch(url, { headers: { Range: 'bytes=0-0' } }).catch((error: unknown) => {
    throw runtimeError('weights_not_opened', { file: url, reason: reasonOf(error) }, error);
  });
  if (probe.status === 200) return blobSource(await wholeOf(probe, url, largestWhole), url);
  const size = Number(/\/(\d+)$/.exec(probe.headers.get('Content-Range') ?? '')?.[1] ?? Number.NaN);
  if (probe.status !== 206 || !Number.isSafeInteger(size)) {
    await probe.body?.cancel();
    const problem = probe.status === 206 ? 'does not say how long the file is' : `answers with status ${probe.status}`;
    throw runtimeError('weights_not_opened', { file: url, reason: `asked for a range, the server ${problem}` });
  }
  await probe.arrayBuffer();
  let whole: RandomAccess | undefined;
  return {
    name: url,
    size,
    async read(offset, length) {
      if (length === 0) return new Uint8Array(0);
      if (whole) return whole.read(offset, length);
      const fail = (reason: string, cause?: unknown): Error =>
        runtimeError('weights_not_read', { file: url, offset, length, reason }, cause);
      const answer = await fetch(url, { headers: { Range: `bytes=${offset}-${offset + length - 1}` } }).catch(
        (error: unknown) => {
          throw fail(reasonOf(error), error);
        },
      );
      if (answer.status === 200) {
        whole = blobSource(await wholeOf(answer, url, largestWhole), url);
        return whole.read(offset, length);
      }
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

/** @throws RuntimeError R0118 beyond `limit` bytes, or when the connection breaks */
async function wholeOf(answer: Response, url: string, limit: number): Promise<Blob> {
  const refuse = (reason: string, cause?: unknown): Error =>
    runtimeError('weights_not_opened', { file: url, reason }, cause);
  const tooLong = (bytes: number): Error =>
    refuse(
      `the server has no range requests and sends the whole file, at least ${bytes} bytes, and at most ${limit} are kept`,
    );
  const announced = Number(answer.headers.get('Content-Length') ?? 0);
  if (announced > limit) {
    await answer.body?.cancel();
    throw tooLong(announced);
  }
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const reader = answer.body?.getReader();
  try {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      bytes += part.value.byteLength;
      if (bytes > limit) break;
      parts.push(part.value);
    }
  } catch (error) {
    throw refuse(reasonOf(error), error);
  }
  if (bytes <= limit) return new Blob(parts);
  await reader?.cancel();
  throw tooLong(bytes);
}
