/** Opens checkpoints from disk: files of any format that is read, indexes of shards, and directories with either. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { reasonOf, runtimeError } from '../errors.ts';
import { Checkpoint, staysInside } from './checkpoint.ts';
import type { OpenFile } from './file.ts';
import { openWeightsFile } from './open.ts';
import { fileSource } from './source.node.ts';
import type { RandomAccess } from './source.ts';

/** In a directory the first of these that is there says where its tensors are. */
const INDEXES = ['model.safetensors.index.json', 'pytorch_model.bin.index.json'];
/** What `save_pretrained` calls a model of one file; beside it lie training_args.bin, optimizer.pt and the like. */
const WHOLE = 'pytorch_model.bin';
const SAFETENSORS = /\.safetensors$/;
const OTHERS = /\.(bin|pth?|ckpt|gguf|npz|npy|onnx|h5|keras)$/;

/**
 * Opens `path`, or the union of several. A directory is its index if it has one, else all its .safetensors files, else the
 * one file of another format. `path#model` is what lies under the key `model` (unless a file is called so).
 * @throws RuntimeError R0118 when there is nothing to open, R0115 for a key in two sources, R0101–R0117 and R118x when a file is not
 * as it should be, R1185 for a part that is not there, R1186 when a directory has several files that are not safetensors
 */
export async function openCheckpoint(path: string | readonly string[]): Promise<Checkpoint> {
  if (typeof path === 'string') return openOne(path);
  const opened: Checkpoint[] = [];
  try {
    for (const one of path) opened.push(await openOne(one));
  } catch (error) {
    for (const checkpoint of opened) await checkpoint.close();
    throw error;
  }
  return opened.length === 1 ? opened[0]! : Checkpoint.union(opened);
}

/** The path, and what is asked for of its keys: `a.pth#model`. A file that has the # in its name is meant by it. */
async function splitPart(given: string): Promise<{ readonly path: string; readonly part?: string }> {
  const at = given.lastIndexOf('#');
  if (at <= 0 || at === given.length - 1 || (await stat(given).catch(() => undefined))) return { path: given };
  return { path: given.slice(0, at), part: given.slice(at + 1) };
}

async function openOne(given: string): Promise<Checkpoint> {
  const { path, part } = await splitPart(given);
  const whole = await openWhole(path);
  return part === undefined ? whole : whole.part(part);
}

async function openWhole(path: string): Promise<Checkpoint> {
  const info = await stat(path).catch((error: unknown) => {
    throw runtimeError('weights_not_opened', { file: path, reason: reasonOf(error) }, error);
  });
  if (!info.isDirectory()) return path.endsWith('.json') ? openIndex(path) : openFiles(path, [path]);
  const names = (await readdir(path)).sort();
  const index = INDEXES.find((name) => names.includes(name));
  if (index !== undefined) return openIndex(join(path, index));
  const files = names.filter((name) => SAFETENSORS.test(name));
  if (files.length > 0)
    return openFiles(
      path,
      files.map((name) => join(path, name)),
    );
  return openFiles(path, [join(path, onlyOne(path, names))]);
}

/** @throws RuntimeError R0118 when there is none, R1186 when there are several */
function onlyOne(path: string, names: readonly string[]): string {
  if (names.includes(WHOLE)) return WHOLE;
  const others = names.filter((name) => OTHERS.test(name));
  if (others.length > 1) throw runtimeError('several_weights_files', { file: path, names: others });
  if (others[0] === undefined)
    throw runtimeError('weights_not_opened', { file: path, reason: 'the directory has no file of weights' });
  return others[0];
}

async function openFiles(name: string, paths: readonly string[]): Promise<Checkpoint> {
  const sources: RandomAccess[] = [];
  try {
    for (const path of paths) sources.push(await fileSource(path));
  } catch (error) {
    for (const source of sources) await source.close?.();
    throw error;
  }
  return Checkpoint.ofFiles(name, sources, open);
}

const open: OpenFile = (source) =>
  openWeightsFile(source, (name) => openBeside(source.name, dirname(source.name), name));

async function openIndex(path: string): Promise<Checkpoint> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw runtimeError('weights_not_opened', { file: path, reason: reasonOf(error) }, error);
  });
  return Checkpoint.ofIndex(path, text, (shard) => openBeside(path, dirname(path), shard), open);
}

/** A file that another one names. @throws RuntimeError R0113 when it lies outside of the directory, R0118 when there is none */
export async function openBeside(by: string, folder: string, name: string): Promise<RandomAccess> {
  if (!staysInside(name)) throw runtimeError('shard_outside_folder', { file: basename(by), shard: name });
  const file = join(folder, name);
  const missing = (error: unknown): never => {
    throw runtimeError('weights_not_opened', { file, reason: reasonOf(error) }, error);
  };
  const directory = await realpath(folder).catch(missing);
  // the name is plain; a symbolic link could still lead anywhere
  const real = await realpath(file).catch(missing);
  if (!real.startsWith(directory.endsWith(sep) ? directory : directory + sep))
    throw runtimeError('shard_outside_folder', { file: basename(by), shard: name });
  return fileSource(file);
}
