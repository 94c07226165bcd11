/** Writes a safetensors file so that a crash leaves either the old file or the new one, never a part of it. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RuntimeError, reasonOf, runtimeError } from '../errors.ts';
import { bytesOf } from './dtypes.ts';
import { isStreamed, type Metadata, type PlannedTensor, planFile, type WritableTensors } from './encode.ts';

/**
 * Writes under a temporary name beside `path`, flushes to the disk, then renames.
 * @throws RuntimeError R0119 when a tensor's data does not fit its shape, R0120, R0122 when the disk refuses
 */
export async function writeSafetensors(path: string, tensors: WritableTensors, metadata: Metadata = {}): Promise<void> {
  const { head, order } = planFile(tensors, metadata, path);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.part`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      await writeAll(handle, head);
      for (const planned of order) await writeTensor(handle, planned, path);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error instanceof RuntimeError
      ? error
      : runtimeError('weights_not_written', { file: path, reason: reasonOf(error) }, error);
  }
}

async function writeTensor(
  handle: FileHandle,
  { name, tensor, byteLength }: PlannedTensor,
  file: string,
): Promise<void> {
  if (!isStreamed(tensor)) return writeAll(handle, bytesOf(tensor.data));
  let found = 0;
  for await (const chunk of tensor.chunks()) {
    found += chunk.byteLength;
    if (found > byteLength) break;
    await writeAll(handle, chunk);
  }
  if (found !== byteLength)
    throw runtimeError('written_tensor_bytes', { file, tensor: name, found, expected: byteLength });
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  const most = 1 << 26; // one write of the operating system takes less than 2 GiB
  for (let at = 0; at < bytes.length; ) {
    at += (await handle.write(bytes, at, Math.min(most, bytes.length - at))).bytesWritten;
  }
}

/** Makes the rename durable where the system allows it (Windows does not open directories). */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
