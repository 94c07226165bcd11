/** Opens a checkpoint from disk: a .safetensors file, an index of shards, or a directory with either. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { reasonOf, runtimeError } from '../errors.ts';
import { Checkpoint } from './checkpoint.ts';
import { readHeader } from './header.ts';
import { fileSource } from './source.node.ts';
import type { RandomAccess } from './source.ts';

const INDEX = 'model.safetensors.index.json';

/**
 * Opens `path`; a directory is its index if it has one, else all its .safetensors files.
 * @throws RuntimeError R0118 when there is nothing to open, R0101–R0117 when a file is not as it should be
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const info = await stat(path).catch((error: unknown) => {
    throw runtimeError('R0118', { file: path, reason: reasonOf(error) }, error);
  });
  if (!info.isDirectory())
    return path.endsWith('.json') ? openIndex(path) : Checkpoint.ofFiles(path, [await fileSource(path)]);
  const names = (await readdir(path)).sort();
  if (names.includes(INDEX)) return openIndex(join(path, INDEX));
  const files = names.filter((name) => name.endsWith('.safetensors'));
  if (files.length === 0) {
    await refuseForeign(path, names);
    throw runtimeError('R0118', { file: path, reason: 'the directory has no .safetensors file' });
  }
  const sources: RandomAccess[] = [];
  try {
    for (const name of files) sources.push(await fileSource(join(path, name)));
  } catch (error) {
    for (const source of sources) await source.close?.();
    throw error;
  }
  return Checkpoint.ofFiles(path, sources);
}

/** Names a file of another format, where weights in one are all that a directory has. */
async function refuseForeign(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names.filter((candidate) => /\.(bin|pth?|ckpt|gguf|npz|h5|keras|onnx)$/.test(candidate))) {
    const source = await fileSource(join(directory, name));
    try {
      await readHeader(source);
    } finally {
      await source.close?.();
    }
  }
}

async function openIndex(path: string): Promise<Checkpoint> {
  const directory = await realpath(dirname(path));
  return Checkpoint.ofIndex(path, await readFile(path, 'utf8'), async (shard) => {
    const file = join(directory, shard);
    // the name is plain already; a symbolic link could still lead anywhere
    const real = await realpath(file).catch((error: unknown) => {
      throw runtimeError('R0118', { file, reason: reasonOf(error) }, error);
    });
    if (!real.startsWith(directory.endsWith(sep) ? directory : directory + sep)) {
      throw runtimeError('R0113', { file: basename(path), shard });
    }
    return fileSource(file);
  });
}
