/** The checkpoints of a run, in a folder: written aside and renamed, the newest few kept. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostTensor } from '../../shared/tensor.ts';
import { RuntimeError, reasonOf, runtimeError } from '../errors.ts';
import { SafetensorsFile } from '../safetensors.ts';
import { fileSource } from '../weights/source.node.ts';
import { writeSafetensors } from '../weights/write.node.ts';
import { decodeTraining, encodeTraining, type TrainingCheckpoint } from './checkpoint.ts';

export interface CheckpointFolder {
  /** Writes one and removes what is older than the newest `keep`. @throws RuntimeError R0122 when the disk refuses */
  save(checkpoint: TrainingCheckpoint): Promise<string>;
  /**
   * The newest one that is whole. Damaged ones that are newer are renamed (`….damaged`), so that they are never taken for
   * the newest again.
   * @throws RuntimeError R0805 when there is none; when none is whole R0804 or what reading the newest throws
   */
  latest(): Promise<Latest>;
}

export interface Latest {
  readonly file: string;
  readonly checkpoint: TrainingCheckpoint;
  /** newest first */
  readonly damaged: readonly { readonly file: string; readonly reason: string }[];
}

/** Metadata: sha256 of all tensors, by which a file with a changed byte is told. */
const CHECKSUM = 'mdl.sha256';

/** `00002-00000150-stage2.safetensors`: third stage of the run, 150 steps into it. Sorted by name is sorted by age. */
const NAME = /^\d{5}-\d{8}-.*\.safetensors$/;

/** @param stages names of the run's stages, in order */
export async function checkpointFolder(
  folder: string,
  stages: readonly string[],
  keep: number,
): Promise<CheckpointFolder> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw runtimeError('weights_not_written', { file: folder, reason: reasonOf(error) }, error);
  });
  const list = async (): Promise<string[]> => (await readdir(folder)).filter((name) => NAME.test(name)).sort();
  return {
    async save(checkpoint) {
      const { stage, step } = checkpoint.state;
      const index = String(Math.max(stages.indexOf(stage), 0)).padStart(5, '0');
      const name = `${index}-${String(step).padStart(8, '0')}-${stage}.safetensors`;
      const { tensors, metadata } = encodeTraining(checkpoint);
      await writeSafetensors(join(folder, name), tensors, { ...metadata, [CHECKSUM]: checksum(tensors) });
      const names = await list();
      for (const old of names.slice(0, Math.max(names.length - keep, 0))) await rm(join(folder, old), { force: true });
      return join(folder, name);
    },
    async latest() {
      // what a killed writer left behind
      for (const name of await readdir(folder))
        if (name.endsWith('.part')) await rm(join(folder, name), { force: true });
      const files = (await list()).reverse().map((name) => join(folder, name));
      const damaged: { file: string; reason: string; error: unknown }[] = [];
      for (const file of files) {
        try {
          const checkpoint = await readTraining(file);
          // only now that there is another to go on from
          for (const { file: bad } of damaged) await rename(bad, `${bad}.damaged`);
          return { file, checkpoint, damaged };
        } catch (error) {
          if (!(error instanceof RuntimeError)) throw error;
          damaged.push({ file, reason: reasonOf(error), error });
        }
      }
      throw damaged[0]?.error ?? runtimeError('no_checkpoint', { file: folder });
    },
  };
}

function checksum(tensors: ReadonlyMap<string, HostTensor>): string {
  const hash = createHash('sha256');
  for (const name of [...tensors.keys()].sort()) {
    const { data } = tensors.get(name)!;
    hash.update(`${name}\0`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/** @throws RuntimeError R0804 when the file is no training checkpoint, and what reading it throws */
export async function readTraining(path: string): Promise<TrainingCheckpoint> {
  const source = await fileSource(path);
  const file = await SafetensorsFile.open(source).catch(async (error: unknown) => {
    await source.close?.();
    throw error;
  });
  try {
    const tensors = new Map<string, HostTensor>();
    for (const name of file.tensors.keys()) tensors.set(name, await file.read(name));
    const expected = file.metadata.get(CHECKSUM);
    if (expected !== undefined && checksum(tensors) !== expected)
      throw runtimeError('checkpoint_form', { file: path, reason: 'was changed after it was written' });
    return decodeTraining(path, tensors, file.metadata);
  } finally {
    await file.close();
  }
}
