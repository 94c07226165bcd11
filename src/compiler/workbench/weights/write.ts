/** Writes an artifact: graphs, weights and what opens them, each under a temporary name first; the index last. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runtimeError } from '../../../runtime/errors.ts';
import { asRounded, type PackedSource, packedParts } from '../../../runtime/weights/packed.ts';
import { RESERVED_NAME } from '../../../shared/safetensors.ts';
import type { PackedRecord } from '../../backends/onnx/external-data.ts';
import type { StoredFile } from '../../targets/target.ts';
import { CliError, cliError, reasonOf } from '../errors.ts';
import { asHalves } from './halves.ts';

/** What a session opens a folder by; without it nothing opens a mixture of two artifacts. */
const INDEXES = ['manifest.json', 'plan.json'];

/** Is told the bytes of weights written so far, of all. */
export type WriteProgress = (done: number, total: number) => void;

/**
 * Files appear under their final names only when every one of them is complete.
 * @throws CliError C0102 for weights that are not finite, C0113 for those past f16, C0105 when the disk refuses, RuntimeError R0120 for a
 * key that safetensors reserves; nothing half-written stays
 */
export async function writeArtifact(
  directory: string,
  files: ReadonlyMap<string, Uint8Array>,
  weights: readonly StoredFile[],
  provider: PackedSource | undefined,
  progress: WriteProgress = () => {},
): Promise<void> {
  for (const { head, records } of weights)
    if (head && records.some(({ key }) => key === RESERVED_NAME))
      throw runtimeError('reserved_tensor_name', { tensor: RESERVED_NAME });
  const suffix = `.${randomBytes(6).toString('hex')}.tmp`;
  const written: string[] = [];
  try {
    await makeFolder(directory);
    await checkTargets(directory, [...files.keys(), ...weights.map(({ file }) => file)]);
    const total = weights.reduce((sum, file) => sum + file.bytes, 0);
    let before = 0;
    for (const file of provider ? weights : []) {
      written.push(file.file);
      await makeFolder(dirname(join(directory, file.file)));
      await writeWeights(join(directory, file.file + suffix), file, provider!, (done) =>
        progress(before + done, total),
      );
      before += file.bytes;
    }
    for (const [name, bytes] of files) {
      written.push(name);
      await makeFolder(dirname(join(directory, name)));
      const handle = await open(join(directory, name + suffix), 'wx');
      try {
        await writeAll(handle, bytes, 0);
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
    // broken off between the renames, the folder has no index
    for (const index of INDEXES) if (files.has(index)) await rm(join(directory, index), { force: true });
    for (const name of written) await rename(join(directory, name + suffix), join(directory, name));
  } catch (error) {
    for (const name of written) await rm(join(directory, name + suffix), { force: true });
    throw error instanceof CliError || (error as { code?: string }).code?.startsWith('R0')
      ? error
      : cliError('file_not_written', { file: directory, reason: reasonOf(error) }, [], error);
  }
}

/** A folder of that name would stop the last step, the renames, half-way. */
async function checkTargets(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found?.isDirectory()) throw new Error(`${name} in it is a folder`);
  }
}

/** As mkdir with `recursive`, which in Node 20 tries for ever where a file system (/proc) refuses with ENOENT. */
async function makeFolder(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => undefined);
  if (found?.isDirectory()) return;
  if (found) throw new Error('it is a file, not a folder');
  const parent = dirname(directory);
  if (parent !== directory) await makeFolder(parent);
  await mkdir(directory).catch((error: { code?: string }) => {
    if (error.code !== 'EEXIST') throw error; // another process made it meanwhile
  });
}

/** The bytes of a tensor as the file has them. */
function converted({ halves, rounded }: StoredFile, key: string, provider: PackedSource): AsyncIterable<Uint8Array> {
  const quantisation = rounded?.get(key);
  if (quantisation) return asRounded(provider, key, quantisation);
  const chunks = provider.chunks(key);
  return halves?.has(key) ? asHalves(key, chunks) : chunks;
}

/** One pass over the numbers: codes as they come, then what was kept of the groups. @returns the bytes written of the file */
async function writePacked(
  handle: Handle,
  { key, quantisation, offsets, unsigned }: PackedRecord,
  provider: PackedSource,
  before: number,
  progress: (done: number) => void,
): Promise<number> {
  let done = before;
  const at = { ...offsets };
  for await (const { part, bytes } of packedParts(provider, key, quantisation, unsigned)) {
    const written = await writeAll(handle, bytes, at[part]);
    at[part] += written;
    done += written;
    progress(done);
  }
  return done;
}

type Handle = Awaited<ReturnType<typeof open>>;

async function writeWeights(
  path: string,
  file: StoredFile,
  provider: PackedSource,
  progress: (done: number) => void,
): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    if (file.head) await writeAll(handle, file.head, 0);
    let done = file.head?.length ?? 0;
    for (const { key, offset, length } of file.records) {
      let at = offset;
      for await (const chunk of converted(file, key, provider)) {
        at += await writeAll(handle, chunk, at);
        progress(done + at - offset);
      }
      done += length;
      if (at !== offset + length) throw new Error(`${key} has ${at - offset} bytes and ${length} were planned`);
    }
    for (const record of file.packed ?? []) done = await writePacked(handle, record, provider, done, progress);
    await handle.truncate(file.bytes); // a last record of length 0 writes nothing
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: Handle, bytes: Uint8Array, position: number): Promise<number> {
  const most = 1 << 26;
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(most, bytes.length - done), position + done);
    done += bytesWritten;
  }
  return done;
}
