/** The best states of a run's stages, as safetensors files in a folder. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostTensor } from '../../shared/tensor.ts';
import { reasonOf, runtimeError } from '../errors.ts';
import { SafetensorsFile } from '../safetensors.ts';
import { fileSource } from '../weights/source.node.ts';
import { writeSafetensors } from '../weights/write.node.ts';
import type { BestStates } from './judge.ts';

/** @param metadata of each file */
export function bestFolder(folder: string, metadata: Readonly<Record<string, string>> = {}): BestStates {
  const fileOf = (stage: string, step: number): string =>
    join(folder, `${stage}-${String(step).padStart(8, '0')}.safetensors`);
  return {
    async write(stage, step, trained) {
      await mkdir(folder, { recursive: true });
      await writeSafetensors(fileOf(stage, step), trained, metadata);
    },
    async read(stage, step) {
      const file = fileOf(stage, step);
      try {
        const opened = await SafetensorsFile.open(await fileSource(file));
        const tensors = new Map<string, HostTensor>();
        for (const key of opened.tensors.keys()) tensors.set(key, await opened.read(key));
        await opened.close();
        return tensors;
      } catch (error) {
        throw runtimeError('best_not_read', { file, reason: reasonOf(error) }, error);
      }
    },
    async tidy(stage, step) {
      if (!existsSync(folder)) return;
      for (const name of await readdir(folder)) {
        const file = join(folder, name);
        if (name.startsWith(`${stage}-`) && file !== fileOf(stage, step)) await rm(file, { force: true });
      }
    },
  };
}
