/** The checkpoints of a run, in a folder: written aside and renamed, the newest few kept. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostTensor } from '../../shared/tensor.ts';
import { reasonOf, runtimeError } from '../errors.ts';
import { SafetensorsFile } from '../safetensors.ts';
import { fileSource } from '../weights/source.node.ts';
import { writeSafetensors } from '../weights/write.node.ts';
import { decodeTraining, encodeTraining, type TrainingCheckpoint } from './checkpoint.ts';

export interface CheckpointFolder {
  /** Writes one and removes what is older than the newest `keep`. @throws RuntimeError R0122 when the disk refuses */
  save(checkpoint: TrainingCheckpoint): Promise<string>;
  /** The newest one. @throws RuntimeError R0805 when there is none, R0804 and what reading a file throws */
  latest(): Promise<{ readonly file: string; readonly checkpoint: TrainingCheckpoint }>;
}

/** `00002-00000150-stage2.safetensors`: third stage of the run, 150 steps into it. Sorted by name is sorted by age. */
const NAME = /^\d{5}-\d{8}-.*\.safetensors$/;

/** @param stages names of the run's stages, in order */
export async function checkpointFolder(
  folder: string,
  stages: readonly string[],
  keep: number,
): Promise<CheckpointFolder> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw runtimeError('R0122', { file: folder, reason: reasonOf(error) }, error);
  });
  const list = async (): Promise<string[]> => (await readdir(folder)).filter((name) => NAME.test(name)).sort();
  return {
    async save(checkpoint) {
      const { stage, step } = checkpoint.state;
      const index = String(Math.max(stages.indexOf(stage), 0)).padStart(5, '0');
      const name = `${index}-${String(step).padStart(8, '0')}-${stage}.safetensors`;
      const { tensors, metadata } = encodeTraining(checkpoint);
      await writeSafetensors(join(folder, name), tensors, metadata);
      const names = await list();
      for (const old of names.slice(0, Math.max(names.length - keep, 0))) await rm(join(folder, old), { force: true });
      return join(folder, name);
    },
    async latest() {
      // what a killed writer left behind
      for (const name of await readdir(folder))
        if (name.endsWith('.part')) await rm(join(folder, name), { force: true });
      const newest = (await list()).at(-1);
      if (newest === undefined) throw runtimeError('R0805', { file: folder });
      const file = join(folder, newest);
      return { file, checkpoint: await readTraining(file) };
    },
  };
}

/** @throws RuntimeError R0804 when the file is no training checkpoint, and what reading it throws */
export async function readTraining(path: string): Promise<TrainingCheckpoint> {
  const file = await SafetensorsFile.open(await fileSource(path));
  try {
    const tensors = new Map<string, HostTensor>();
    for (const name of file.tensors.keys()) tensors.set(name, await file.read(name));
    return decodeTraining(path, tensors, file.metadata);
  } finally {
    await file.close();
  }
}
